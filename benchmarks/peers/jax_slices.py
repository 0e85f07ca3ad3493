"""Hand-written jax: a window by ``vmap(dynamic_slice)`` and a blend, under ``jit``."""

from __future__ import annotations

from functools import partial

import numpy as np

from ..contender import Contender, Cut


def load(per_tap: bool) -> Cut:
    import jax
    import jax.numpy as jnp
    from jax.lax import dynamic_slice

    def one_window(image, start, fraction, n):
        """Slice n + 1 samples each way and interpolate along x, then y."""
        window = dynamic_slice(image, start, (n + 1, n + 1))
        v, u = fraction
        rows = (1 - u) * window[:, :-1] + u * window[:, 1:]
        return (1 - v) * rows[:-1] + v * rows[1:]

    def one_slice_per_tap(image, start, fraction, n):
        """Slice the interleaved real view, once for each of the four neighbours."""
        v, u = fraction

        def tap(row, column):
            first = start * jnp.array([1, 2]) + jnp.array([row, 2 * column])
            return dynamic_slice(image, first, (n, 2 * n))

        top = (1 - u) * tap(0, 0) + u * tap(0, 1)
        return (1 - v) * top + v * ((1 - u) * tap(1, 0) + u * tap(1, 1))

    one = one_slice_per_tap if per_tap else one_window

    @partial(jax.jit, static_argnames=("n",))
    def flat(image, starts, fractions, n):
        return jax.vmap(lambda s, f: one(image, s, f, n))(starts, fractions)

    @partial(jax.jit, static_argnames=("n",))
    def channel(image, starts, fractions, n):
        grouped = jax.vmap(jax.vmap(lambda s, f: one(image, s, f, n)))(starts, fractions)
        return jnp.moveaxis(grouped, 1, -1)

    def cut(image, positions, patch_size, out=None):
        # Split in float64 on the host: jax computes in float32 unless told otherwise.
        starts = positions - patch_size // 2
        whole = np.floor(starts)
        view = image.view(image.real.dtype) if per_tap else image
        function = flat if positions.ndim == 2 else channel
        fractions = (starts - whole).astype(image.real.dtype)
        patches = np.asarray(function(view, whole.astype(np.int32), fractions, patch_size))
        return patches.view(image.dtype) if per_tap else patches

    return cut


CONTENDERS = (
    Contender(
        "jax dynamic_slice",
        partial(load, False),
        layouts=("flat", "channel"),
        note="clamps windows that leave the object",
    ),
    Contender(
        "jax slice per tap",
        partial(load, True),
        note="on the real view; clamps windows that leave the object",
    ),
)
