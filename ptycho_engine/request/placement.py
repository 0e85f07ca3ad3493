"""One placement, the adjoint of an extraction, validated once at the border."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ..arrays.adapter import NUMPY, ArrayAdapter, adapter_of, handed
from ..errors import RequestError, one_of
from ..geometry.cut import Cut, Fill, Interpolation
from ..geometry.labels import plain
from ..geometry.layouts import LAYOUTS, PATCH_AXES, Layout, axes_in_words, output_shape
from .checks import (
    check_dtype,
    check_fill,
    check_inside,
    check_positions,
    checked_shape,
    made_bytes,
)
from .extraction import ExtractionRequest
from .located import LocatedRequest
from .overlap import check_memory
from .prepared import PreparedObject, real_names


@dataclass(frozen=True, eq=False)
class PlacementRequest(LocatedRequest):
    """Which patches to add where in which object, as plugins receive it.

    Placement is the adjoint of extraction with the same `positions` and `cut`: with ``A`` the
    linear map from object to patches, it adds ``A* y`` of the patches ``y``.

    Attributes
    ----------
    patches : ndarray or tensor, shape (..., P, N, N), (..., B, N, N, C) or (..., B, g, g, N, N, 1)
        The patches, in `layout`: float32, float64, complex64 or complex128.
    positions : ndarray or tensor of float64, shape (P, 2)
        Positions (y, x) in object pixels, finite; grouped ones in the order
        ``p = b * channels + c``.
    shape : (int, int)
        Height H and width W of the object.
    cut : Cut
        How patches at these positions are cut; its `fill` is never ``"error"``, and its `rounding`
        always ``"exact"``.
    layout : {"flat", "channel", "grid"}
        The layout of the patches.
    channels : int
        Members C of a group; 1 in the flat layout.
    output_shape : tuple of int
        Shape of the object, (..., H, W).

    Notes
    -----
    The other attributes are those of :class:`ptycho_engine.ExtractionRequest`.
    """

    patches: Any
    positions: Any
    shape: tuple[int, int]
    cut: Cut
    layout: Layout = "flat"
    channels: int = 1
    copied: int = field(repr=False, default=0, kw_only=True)
    found: dict[Any, Any] = field(repr=False, default_factory=dict, kw_only=True)

    def __post_init__(self) -> None:
        own = adapter_of(self.patches)
        dtype = own.dtype(self.patches)
        name, real = real_names(dtype)
        known = tuple(1 if size is None else int(size) for size in own.shape(self.patches) or ())
        leading = known[: -len(PATCH_AXES[self.layout])]
        self._derive()
        vars(self).update(
            arrays=adapter_of(self.patches, self.positions),
            dtype=dtype,
            dtype_name=name,
            real_dtype=real,
            leading_shape=leading,
            output_shape=(*leading, *self.shape),
            shared=False,
        )

    def converted(self, arrays: ArrayAdapter) -> PlacementRequest:
        """Return the same request with patches in other arrays, and the positions in NumPy's."""
        patches = handed(self.patches, self.arrays, arrays)
        return replace(self, patches=patches, positions=self.arrays.to_numpy(self.positions))

    def with_patches(self, patches: Any, layout: Layout) -> PlacementRequest:
        """Return the same request with its patches in another layout."""
        channels = 1 if layout == "flat" else self.channels
        return replace(self, patches=patches, layout=layout, channels=channels)


def build_placement(
    patches: Any,
    positions: Any,
    shape: Any,
    *,
    interpolation: Interpolation = "bilinear",
    fill: Fill = "zeros",
    layout: Layout = "flat",
) -> PlacementRequest:
    """Validate the arguments of a placement.

    Parameters
    ----------
    patches : array_like or tensor, shape (..., P, N, N), (..., B, N, N, C), (..., B, g, g, N, N, 1)
        The patches.
    positions : array_like or tensor, shape (P, 2), or (B, C, 2) for channel and grid
        Positions (y, x) in object pixels.
    shape : (int, int)
        Height and width of the object.
    interpolation, fill, layout
        As for an extraction.

    Returns
    -------
    PlacementRequest
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
    arrays, given = adapter_of(patches), patches
    patches = arrays.convert(plain(patches, "patches") if arrays is NUMPY else patches, "patches")
    check_dtype(arrays.dtype_name(patches), "patches")
    received = arrays.shape(patches)
    axes = PATCH_AXES[layout]
    side = -1 - axes[::-1].index("N")  # the last axis of size N
    patch_size = None if received is None or len(received) < len(axes) else received[side]
    if received is None or not patch_size:
        raise RequestError(
            f"patches: received shape {received}. Expected {axes_in_words(layout)} for "
            f'layout="{layout}", with a size N that is known and above zero.'
        )
    cut = Cut(patch_size, interpolation, fill)
    size = checked_shape(shape)
    check_fill(fill, "shape", size)
    positions, channels = check_positions(positions, layout, patches)
    _check_shape(received, positions.shape[0], layout, channels, patch_size)
    if fill == "error":
        positions = check_inside(positions, size, cut)
        cut = replace(cut, fill="zeros")  # every sample with a weight lies inside
    copied = made_bytes(given, patches)
    return PlacementRequest(patches, positions, size, cut, layout, channels, copied=copied)


def adjoint_of(request: ExtractionRequest, patches: Any) -> PlacementRequest:
    """Return the placement that is the adjoint of an extraction, for its gradients.

    Parameters
    ----------
    request : ExtractionRequest
        A validated extraction, of an object whose size is known.
    patches : ndarray or tensor, shape `request.output_shape`
        What to place, of the extraction's dtype.

    Returns
    -------
    PlacementRequest
        It shares what was found out about the windows.

    Raises
    ------
    RequestError
        If the rounding is ``"legacy"``.
    """
    if request.rounding == "legacy":
        raise RequestError(
            'rounding="legacy": has no adjoint. Expected rounding="exact" where gradients or '
            "placement are asked for."
        )
    return PlacementRequest(
        patches,
        request.positions,
        request.shape,
        request.cut,
        request.layout,
        request.channels,
        found=request.found,
    )


def extraction_of(request: PlacementRequest, image: Any) -> ExtractionRequest:
    """Return the extraction that is the adjoint of a placement, for its gradients.

    Parameters
    ----------
    request : PlacementRequest
        A validated placement.
    image : ndarray or tensor, shape `request.output_shape`
        What to cut from, of the placement's dtype.

    Returns
    -------
    ExtractionRequest
        The extraction.
    """
    return ExtractionRequest(
        image,
        request.positions,
        request.cut,
        request.layout,
        request.channels,
        prepared=PreparedObject(image),
    )


def check_accumulator(request: PlacementRequest, out: Any) -> None:
    """Refuse an `out` that the patches of a request cannot be added to.

    Raises
    ------
    RequestError
        If it is no NumPy array of the right shape and dtype, is read-only, holds a sample more
        than once or shares memory with the patches, or has a mask or a unit.
    """
    shape, dtype = getattr(out, "shape", None), getattr(out, "dtype", None)
    fits = shape == request.output_shape and dtype == request.dtype
    if not isinstance(out, np.ndarray) or not fits:
        raise RequestError(
            f"out: received {type(out).__name__} of shape {shape}, dtype {dtype}. Expected a NumPy "
            f"array of shape {request.output_shape}, dtype {request.dtype}, which is added to."
        )
    check_memory(out, "patches", request.patches, "rows")


def _check_shape(
    received: tuple[int | None, ...], count: int | None, layout: str, channels: int, side: int
) -> None:
    """Refuse patches of another shape than the positions and the layout ask for."""
    expected: tuple[int | None, ...] = output_shape(
        layout, (count or 0) // channels, channels, side
    )
    if count is None:
        expected = (None, *expected[1:])
    found = received[-len(expected) :]
    pairs = zip(found, expected, strict=True)
    if any(None not in pair and pair[0] != pair[1] for pair in pairs):
        raise RequestError(
            f"patches: received shape {received}. Expected {axes_in_words(layout)} ending in "
            f"{expected}, one patch for each position."
        )
