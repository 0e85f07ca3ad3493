"""NumPy arrays, and whatever NumPy reads as one."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import RequestError
from ..geometry import layouts
from .operation import Operation

Array = np.ndarray[Any, Any]


class NumpyArrays:
    """See :class:`ptycho_engine.arrays.adapter.ArrayAdapter`."""

    name = "numpy"

    def convert(self, value: Any, what: str) -> Array:
        """Read `value` as an array of numbers, in native byte order.

        Raises
        ------
        RequestError
            If it is ragged or holds no numbers.
        """
        try:
            array = np.asarray(value)
        except (TypeError, ValueError, RuntimeError) as error:  # ragged, on a device, with a unit
            raise RequestError(f"{what}: cannot be read as an array: {error}") from error
        if array.dtype.kind not in "biufc":
            raise RequestError(
                f"{what}: received dtype {array.dtype}, which holds no numbers. Expected numbers."
            )
        return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))

    def shape(self, array: Array) -> tuple[int, ...]:
        """Return the shape."""
        shape: tuple[int, ...] = array.shape
        return shape

    def dtype(self, array: Array) -> np.dtype[Any]:
        """Return the dtype."""
        dtype: np.dtype[Any] = array.dtype
        return dtype

    def dtype_name(self, array: Array) -> str:
        """Return its name."""
        name: str = array.dtype.name
        return name

    def is_real(self, array: Array) -> bool:
        """Whether it holds real numbers."""
        return array.dtype.kind in "iuf"

    def is_symbolic(self, array: Array) -> bool:
        """Never: the numbers are there."""
        return False

    def real_pairs(self, positions: Array) -> tuple[Array, Array]:
        """Flatten to (P, 2) float64: the pairs, and again as numbers."""
        pairs = positions.reshape(-1, 2).astype(np.float64)
        return pairs, pairs

    def to_numpy(self, array: Array) -> Array:
        """Return the array itself."""
        return array

    def empty(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
        """Return an array that is not filled."""
        return np.empty(shape, dtype)

    def copied_bytes(self, nbytes: int) -> int:
        """Return the bytes that `from_numpy` takes for so many of `empty`."""
        return 0

    def from_numpy(self, array: Array) -> Array:
        """Return the array itself."""
        return array

    def arrange(self, patches: Array, layout: str, channels: int) -> Array:
        """Rearrange flat patches (..., B * C, N, N) into another layout."""
        if layout == "channel":
            return layouts.flat_to_channel(patches, channels)
        if layout == "grid":
            return layouts.flat_to_grid(patches, layouts.grid_side(channels))
        return patches

    def is_on_host(self, array: Array) -> bool:
        """Say yes."""
        return True

    def differentiable(self, operation: Operation, values: Array, positions: Array) -> Any:
        """Compute: NumPy differentiates nothing."""
        return operation.forward()

    def flatten(self, patches: Array, layout: str) -> Array:
        """Rearrange patches of a layout into flat ones (..., P, N, N)."""
        if layout == "channel":
            return layouts.channel_to_flat(patches)
        return layouts.grid_to_flat(patches) if layout == "grid" else patches
