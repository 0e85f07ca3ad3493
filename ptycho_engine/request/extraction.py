"""One extraction, validated once at the border; plugins receive clean input."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any

import numpy as np

from ..arrays.adapter import ArrayAdapter, adapter_of
from ..errors import RequestError, one_of
from ..geometry.cut import Cut, Fill, Interpolation, Rounding
from ..geometry.layouts import LAYOUTS, Layout, output_shape
from .checks import check_axes, check_inside, check_positions, prepare_object
from .prepared import PreparedObject


@dataclass(frozen=True, eq=False)
class ExtractionRequest:
    """What to cut out of which object, as plugins receive it.

    Attributes
    ----------
    image : ndarray or tf.Tensor, shape (..., H, W)
        The object: float32, float64, complex64 or complex128; leading axes are modes or slices.
    positions : ndarray or tf.Tensor of float64, shape (P, 2)
        Scan positions (y, x) in object pixels, finite; grouped ones in the order
        ``p = b * channels + c``.
    cut : Cut
        What is cut there; its `fill` is never ``"error"``, which is settled before a plugin is
        called. `patch_size`, `interpolation`, `fill` and `rounding` are short for its own.
    layout : {"flat", "channel", "grid"}
        The layout of the result, see :mod:`ptycho_engine.geometry.layouts`.
    channels : int
        Members C of a group; 1 in the flat layout.
    prepared : PreparedObject
        Keeps what plugins derive from the object, for the next block or call.
    arrays : ArrayAdapter
        The framework of the result.
    dtype, real_dtype : dtype
        Dtype of the object and of the patches, and the real one of the same precision.
    dtype_name : str
        Name of `dtype`, such as ``complex64``.
    patch_count : int
        Number P of patches; 1 if a symbolic tensor does not tell, for planning.
    groups : int
        Length B of the first axis of the layout: groups, or patches in the flat layout.
    leading_shape : tuple of int
        Shape of the object's leading axes; unknown ones of a symbolic tensor count as 1.
    output_shape : tuple of int
        Shape of the result, leading axes included.
    """

    image: Any
    positions: Any
    cut: Cut
    layout: Layout = "flat"
    channels: int = 1
    prepared: PreparedObject = field(kw_only=True)
    #: What is found out about a request, by whoever finds it: see `ptycho_engine.request.windows`.
    found: dict[Any, Any] = field(init=False, repr=False, default_factory=dict)

    # Below is what follows from the above: plain attributes, since every call asks for them again
    # and again, and a small one takes no longer than that.
    patch_size: int = field(init=False, repr=False)
    interpolation: Interpolation = field(init=False, repr=False)
    fill: Fill = field(init=False, repr=False)
    rounding: Rounding = field(init=False, repr=False)
    arrays: ArrayAdapter = field(init=False, repr=False)
    dtype: np.dtype[Any] = field(init=False, repr=False)
    dtype_name: str = field(init=False, repr=False)
    real_dtype: np.dtype[Any] = field(init=False, repr=False)
    patch_count: int = field(init=False, repr=False)
    groups: int = field(init=False, repr=False)
    leading_shape: tuple[int, ...] = field(init=False, repr=False)
    output_shape: tuple[int, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        cut, prepared, count = self.cut, self.prepared, self.positions.shape[0]
        count = 1 if count is None else int(count)
        groups = count // self.channels
        vars(self).update(
            patch_size=cut.patch_size,
            interpolation=cut.interpolation,
            fill=cut.fill,
            rounding=cut.rounding,
            arrays=adapter_of(self.image, self.positions),
            dtype=prepared.dtype,
            dtype_name=prepared.dtype_name,
            real_dtype=prepared.real_dtype,
            patch_count=count,
            groups=groups,
            leading_shape=prepared.leading_shape,
            output_shape=prepared.leading_shape
            + output_shape(self.layout, groups, self.channels, cut.patch_size),
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

    def block(self, start: int, stop: int) -> ExtractionRequest:
        """Return the same request for the groups `start` to `stop` alone."""
        positions = self.positions[start * self.channels : stop * self.channels]
        return replace(self, positions=positions)


def build_request(
    image: Any, positions: Any, cut: Cut, *, layout: Layout = "flat"
) -> ExtractionRequest:
    """Validate the arguments of an extraction.

    Parameters
    ----------
    image : array_like, tf.Tensor or PreparedObject, shape (..., H, W)
        The object.
    positions : array_like or tf.Tensor, shape (P, 2), or (B, C, 2) for channel and grid
        Scan positions (y, x) in object pixels.
    cut : Cut
        What is cut there.
    layout : {"flat", "channel", "grid"}
        Layout of the result.

    Returns
    -------
    ExtractionRequest
        The clean request, positions flattened to (P, 2) and finite.

    Raises
    ------
    RequestError
        If an argument cannot be used.
    OutOfBoundsError
        If ``fill="error"`` and a window leaves the object.
    """
    if layout not in LAYOUTS:
        raise RequestError(one_of("layout", layout, LAYOUTS))
    prepared = image if isinstance(image, PreparedObject) else prepare_object(image)
    image = prepared.image
    if len(image.shape) > 2:
        check_axes(image, cut.patch_size)
    if cut.fill in ("edge", "reflect") and 0 in tuple(image.shape[-2:]):
        raise RequestError(
            f'image: received shape {tuple(image.shape)}, without samples. fill="{cut.fill}" needs '
            'at least one; use fill="zeros".'
        )
    positions, channels = check_positions(positions, layout)
    if cut.fill == "error":
        positions = check_inside(positions, image, cut)
        cut = replace(cut, fill="zeros")  # every sample with a weight lies inside
    return ExtractionRequest(image, positions, cut, layout, channels, prepared=prepared)
