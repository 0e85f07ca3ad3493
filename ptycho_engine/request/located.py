"""What requests have in common: patches at positions of an object, whichever way they go."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np

from ..arrays.adapter import ArrayAdapter
from ..geometry.cut import Cut, Fill, Interpolation, Rounding
from ..geometry.layouts import Layout, output_shape


class LocatedRequest:
    """Patches at positions of an object: what windows, plans and capabilities ask of a request.

    See :class:`ptycho_engine.request.extraction.ExtractionRequest` for the attributes.
    """

    positions: Any
    cut: Cut
    layout: Layout
    channels: int
    #: Height and width of the object, None where a symbolic tensor does not tell.
    shape: tuple[Any, Any]
    #: Whether many calls share the object, so that even a kernel for a few patches pays off.
    shared: bool
    #: Bytes that were taken to read object or patches as an array of native numbers.
    copied: int
    #: What is found out about a request, by whoever finds it: see `ptycho_engine.request.windows`.
    found: dict[Any, Any]

    # Below is what follows from the above: plain attributes, since every call asks for them again
    # and again, and a small one takes no longer than that.
    patch_size: int
    interpolation: Interpolation
    fill: Fill
    rounding: Rounding
    arrays: ArrayAdapter
    dtype: np.dtype[Any]
    dtype_name: str
    real_dtype: np.dtype[Any]
    patch_count: int
    groups: int
    leading_shape: tuple[int, ...]
    output_shape: tuple[int, ...]

    def _derive(self) -> None:
        """Set what follows from positions, cut and layout."""
        cut, count = self.cut, self.positions.shape[0]
        count = 1 if count is None else int(count)
        vars(self).update(
            patch_size=cut.patch_size,
            interpolation=cut.interpolation,
            fill=cut.fill,
            rounding=cut.rounding,
            patch_count=count,
            groups=count // self.channels,
        )

    @property
    def is_tensor(self) -> bool:
        """Whether the result is a TensorFlow tensor."""
        return self.arrays.name == "tensorflow"

    @property
    def offset_dtype(self) -> np.dtype[Any]:
        """Dtype of coordinates: the legacy code takes those of all real objects as float32."""
        single = self.rounding == "legacy" and self.dtype.kind != "c"
        return np.dtype(np.float32) if single else self.real_dtype

    @property
    def patches_shape(self) -> tuple[int, ...]:
        """Shape of the patches, leading axes included."""
        return self.leading_shape + output_shape(
            self.layout, self.groups, self.channels, self.patch_size
        )

    @property
    def patches_bytes(self) -> int:
        """Bytes of the patches."""
        return math.prod(self.patches_shape) * self.dtype.itemsize

    @property
    def slices(self) -> Iterator[tuple[int, ...]]:
        """Index of every slice of the object among its leading axes: one () without any."""
        return product(*map(range, self.leading_shape))

    @property
    def slice_count(self) -> int:
        """Number of slices of the object: 1 without leading axes."""
        return math.prod(self.leading_shape)

    @property
    def output_bytes(self) -> int:
        """Bytes of the result."""
        return math.prod(self.output_shape) * self.dtype.itemsize
