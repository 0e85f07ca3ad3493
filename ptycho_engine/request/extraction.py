"""One extraction, validated once at the border; plugins receive clean input."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from ..arrays.adapter import ArrayAdapter, adapter_of, handed
from ..errors import RequestError, one_of
from ..geometry.cut import Cut
from ..geometry.layouts import LAYOUTS, Layout
from .checks import check_axes, check_fill, check_inside, check_positions, prepare_object
from .located import LocatedRequest
from .prepared import PreparedObject


@dataclass(frozen=True, eq=False)
class ExtractionRequest(LocatedRequest):
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
    shape : (int, int)
        Height and width of the object, None where a symbolic tensor does not tell.
    shared : bool
        Whether many calls share the object.
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

    def __post_init__(self) -> None:
        prepared = self.prepared
        self._derive()
        vars(self).update(
            arrays=adapter_of(self.image, self.positions),
            dtype=prepared.dtype,
            dtype_name=prepared.dtype_name,
            real_dtype=prepared.real_dtype,
            leading_shape=prepared.leading_shape,
            shape=tuple(self.image.shape[-2:]),
            shared=prepared.shared,
            copied=prepared.copied,
        )
        vars(self)["output_shape"] = self.patches_shape

    def converted(self, arrays: ArrayAdapter) -> ExtractionRequest:
        """Return the same request with the image in other arrays, and the positions in NumPy's.

        What is made of a prepared object is kept.
        """
        image = handed(self.image, self.arrays, arrays)
        positions = self.arrays.to_numpy(self.positions)
        if self.shared:
            make = partial(PreparedObject, image, shared=True)
            kept = self.prepared.once(("converted", arrays.name), make)
        else:
            kept = PreparedObject(image)
        return replace(self, image=image, positions=positions, prepared=kept)

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
    prepared = prepare_object(image)
    image = prepared.image
    if len(image.shape) > 2:
        check_axes(image, cut.patch_size)
    check_fill(cut.fill, "image", tuple(image.shape))
    positions, channels = check_positions(positions, layout, image)
    if cut.fill == "error":
        positions = check_inside(positions, tuple(image.shape[-2:]), cut, image)
        cut = replace(cut, fill="zeros")  # every sample with a weight lies inside
    return ExtractionRequest(image, positions, cut, layout, channels, prepared=prepared)
