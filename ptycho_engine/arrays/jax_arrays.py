"""jax arrays, and the tracers that stand for them. Importing this module imports jax."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..geometry.layouts import grid_side
from .operation import Operation

Array = np.ndarray[Any, Any]


class Precision:
    """The functions of `jax.numpy`, for code that asks its module of arrays for `float64`.

    Parameters
    ----------
    dtype : dtype
        What stands for it: the widest that the positions of a trace have.
    """

    def __init__(self, dtype: Any) -> None:
        self.float64 = dtype

    def __getattr__(self, name: str) -> Any:
        return getattr(jnp, name)


def refuse_positions(positions: jax.Array, bad: jax.Array) -> jax.Array:
    """Make traced positions NaN where they are bad (P,): nothing can be raised as a trace runs."""
    return jnp.where(bad[:, None], jnp.nan, positions)


class JaxArrays:
    """See :class:`ptycho_engine.arrays.adapter.ArrayAdapter`.

    Positions whose numbers are known become float64 on the host at once, so that they are split
    there whatever precision jax computes in. Patches are jax's where the object is, or where
    either is traced.
    """

    name = "jax"

    def convert(self, value: Any, what: str) -> jax.Array:
        """Return `value` as an array of jax; tracers stay, so that gradients reach them."""
        return value if isinstance(value, jax.Array) else jnp.asarray(value)

    def shape(self, array: jax.Array) -> tuple[int | None, ...] | None:
        """Return the shape, which is always known."""
        return tuple(array.shape)

    def dtype(self, array: jax.Array) -> np.dtype[Any]:
        """Return the dtype."""
        dtype: np.dtype[Any] = np.dtype(array.dtype)
        return dtype

    def dtype_name(self, array: jax.Array) -> str:
        """Return its name; keys of random numbers have one that NumPy does not know."""
        return str(array.dtype)

    def is_real(self, array: jax.Array) -> bool:
        """Whether it holds real numbers."""
        kinds = (jnp.integer, jnp.floating)
        return any(jnp.issubdtype(array.dtype, kind) for kind in kinds)

    def is_symbolic(self, array: Any) -> bool:
        """Whether it is traced: by ``jax.jit``, ``grad`` or ``vmap``."""
        return isinstance(array, jax.core.Tracer)

    def real_pairs(self, positions: Any) -> tuple[Any, Array | None]:
        """Flatten to (P, 2): float64 on the host, or traced in the precision that they have.

        Those that are traced are not checked: patches of NaN and infinite ones are NaN.
        """
        if not self.is_symbolic(positions):
            pairs = np.asarray(positions).astype(np.float64).reshape(-1, 2)
            return pairs, pairs
        single = np.dtype(positions.dtype).itemsize < 8
        kind = jnp.float32 if single else jnp.result_type(float)
        return positions.reshape(-1, 2).astype(kind), None

    def to_numpy(self, array: Any) -> Array:
        """Return the numbers on the host."""
        return np.asarray(array)

    def empty(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
        """Return an array that is not filled; jax copies it."""
        return np.empty(shape, dtype)

    def copied_bytes(self, nbytes: int) -> int:
        """Return the bytes that `from_numpy` takes for so many of `empty`."""
        return nbytes

    def from_numpy(self, array: Array) -> jax.Array:
        """Return an array of jax with these numbers, on its default device."""
        return jnp.asarray(array)

    def export(self, array: jax.Array) -> jax.Array:
        """Return what another framework takes over by DLPack."""
        return array

    def adopt(self, array: Any) -> jax.Array:
        """Return what another framework gave as an array of jax, by DLPack."""
        with jax.enable_x64(True):  # it may be double, whatever jax computes in
            return jnp.from_dlpack(array)

    def arrange(self, patches: jax.Array, layout: str, channels: int) -> jax.Array:
        """Rearrange flat patches (..., B * C, N, N) into another layout."""
        if layout == "flat":
            return patches
        *lead, count, n, _ = patches.shape
        if layout == "channel":
            grouped = patches.reshape(*lead, count // channels, channels, n, n)
            return jnp.moveaxis(grouped, -3, -1)
        side = grid_side(channels)
        return patches.reshape(*lead, count // channels, side, side, n, n, 1)

    def flatten(self, patches: jax.Array, layout: str) -> jax.Array:
        """Rearrange patches of a layout into flat ones (..., P, N, N)."""
        if layout == "flat":
            return patches
        if layout == "channel":
            *lead, groups, n, _, channels = patches.shape
            return jnp.moveaxis(patches, -1, -3).reshape(*lead, groups * channels, n, n)
        *lead, groups, side, _, n, _, _ = patches.shape
        return patches.reshape(*lead, groups * side * side, n, n)

    def is_on_host(self, array: Any) -> bool:
        """Say yes: jax brings numbers to the host when they are asked for."""
        return True

    def differentiable(self, operation: Operation, values: Any, positions: Any) -> jax.Array:
        """Compute: what jax differentiates is traced, and served by plugins that declare jax."""
        result: jax.Array = operation.forward()
        return result
