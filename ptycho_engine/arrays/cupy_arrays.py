"""CuPy arrays. Their owner has imported CuPy: this module asks it of `sys.modules`."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from ..geometry.layouts import grid_side
from .operation import Operation

Array = np.ndarray[Any, Any]


class CupyArrays:
    """See :class:`ptycho_engine.arrays.adapter.ArrayAdapter`.

    Positions become float64 on the host; objects and patches stay on their device, where jax
    borrows them by DLPack.
    """

    name = "cupy"

    def convert(self, value: Any, what: str) -> Any:
        """Return the array itself: nothing else is asked for."""
        return value

    def shape(self, array: Any) -> tuple[int | None, ...] | None:
        """Return the shape."""
        return tuple(array.shape)

    def dtype(self, array: Any) -> np.dtype[Any]:
        """Return the dtype, which is NumPy's."""
        dtype: np.dtype[Any] = np.dtype(array.dtype)
        return dtype

    def dtype_name(self, array: Any) -> str:
        """Return its name."""
        name: str = self.dtype(array).name
        return name

    def is_real(self, array: Any) -> bool:
        """Whether it holds real numbers."""
        return self.dtype(array).kind in "iuf"

    def is_symbolic(self, array: Any) -> bool:
        """Never: the numbers are there."""
        return False

    def real_pairs(self, positions: Any) -> tuple[Array, Array]:
        """Flatten to (P, 2) float64, on the host."""
        pairs = self.to_numpy(positions).astype(np.float64).reshape(-1, 2)
        return pairs, pairs

    def to_numpy(self, array: Any) -> Array:
        """Return the numbers on the host."""
        return array if isinstance(array, np.ndarray) else np.asarray(array.get())

    def copied_bytes(self, nbytes: int) -> int:
        """Return the bytes that `from_numpy` takes for so many of `empty`."""
        return nbytes

    def from_numpy(self, array: Array) -> Any:
        """Return an array of CuPy with these numbers, on its current device."""
        return sys.modules["cupy"].asarray(array)

    def empty(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
        """Return an array that is not filled."""
        return np.empty(shape, dtype)

    def export(self, array: Any) -> Any:
        """Return what another framework takes over by DLPack: in C order, as jax asks."""
        return sys.modules["cupy"].ascontiguousarray(array)

    def adopt(self, array: Any) -> Any:
        """Return what another framework gave as an array of CuPy, by DLPack."""
        return sys.modules["cupy"].from_dlpack(array)

    def is_on_host(self, array: Any) -> bool:
        """Whether it is an array of NumPy, which positions are."""
        return isinstance(array, np.ndarray)

    def differentiable(self, operation: Operation, values: Any, positions: Any) -> Any:
        """Compute: CuPy differentiates nothing."""
        return operation.forward()

    def arrange(self, patches: Any, layout: str, channels: int) -> Any:
        """Rearrange flat patches (..., B * C, N, N) into another layout."""
        if layout == "flat":
            return patches
        *lead, count, n, _ = patches.shape
        if layout == "grid":
            side = grid_side(channels)
            return patches.reshape(*lead, count // channels, side, side, n, n, 1)
        groups, axes = count // channels, len(lead)
        grouped = patches.reshape(*lead, groups, channels, n, n)
        return grouped.transpose(*range(axes + 1), axes + 2, axes + 3, axes + 1)

    def flatten(self, patches: Any, layout: str) -> Any:
        """Rearrange patches of a layout into flat ones (..., P, N, N)."""
        if layout == "flat":
            return patches
        if layout == "grid":
            *lead, groups, side, _, n, _, _ = patches.shape
            return patches.reshape(*lead, groups * side * side, n, n)
        *lead, groups, n, _, channels = patches.shape
        axes = len(lead)
        members = patches.transpose(*range(axes + 1), axes + 3, axes + 1, axes + 2)
        return members.reshape(*lead, groups * channels, n, n)
