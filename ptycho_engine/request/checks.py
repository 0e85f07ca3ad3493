"""The checks of a request's arguments, once, at the border."""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np

from .. import geometry
from ..arrays.adapter import NUMPY, adapter_of
from ..arrays.tensors import is_symbolic
from ..errors import OutOfBoundsError, RequestError, one_line
from ..geometry.cut import Cut
from ..geometry.labels import PIXELS, plain
from ..geometry.layouts import grid_side
from .overlap import memory_of
from .prepared import PreparedObject

Array = np.ndarray[Any, Any]
DTYPES = ("float32", "float64", "complex64", "complex128")
#: Columns up to which an object behind leading axes is taken for one whose channels stand last.
NARROW = 4


def prepare_object(image: Any, *, shared: bool = False) -> PreparedObject:
    """Validate an object, for one call or for many.

    Parameters
    ----------
    image : array_like or tf.Tensor, shape (..., H, W)
        The object.
    shared : bool
        Whether it is for many calls.

    Returns
    -------
    PreparedObject
        With the object in native byte order.

    Raises
    ------
    RequestError
        If its rank or dtype is not that of an object.
    """
    if isinstance(image, PreparedObject):
        return image
    arrays, given = adapter_of(image), image
    image = arrays.convert(plain(image, "image") if arrays is NUMPY else image, "image")
    name, shape = arrays.dtype_name(image), arrays.shape(image)
    if shape is None:
        raise RequestError("image: a tensor of unknown rank. Expected (..., H, W).")
    check_dtype(name, "image")
    if len(shape) < 2:
        raise RequestError(f"image: received shape {shape}. Expected (..., H, W).")
    return PreparedObject(image, shared=shared, copied=0 if shared else made_bytes(given, image))


def made_bytes(given: Any, array: Any) -> int:
    """Bytes of an array that was made to read what came; 0 if it is the memory that came."""
    if array is given or not isinstance(array, np.ndarray):
        return 0
    memory = memory_of(given)
    return 0 if memory is not None and np.may_share_memory(memory, array) else array.nbytes


def check_dtype(name: str, what: str) -> None:
    """Refuse arrays that are no float32, float64, complex64 or complex128.

    Raises
    ------
    RequestError
        With the name `what` of the argument.
    """
    if name not in DTYPES:
        raise RequestError(
            f"{what}: received dtype {name}. Expected one of {', '.join(DTYPES)}. "
            "Convert it first, for instance to float32."
        )


def check_block_size(block_size: Any, what: str = "block_size") -> None:
    """Refuse a number `what` of patches, or groups, that is none; None leaves the choice to us.

    Raises
    ------
    RequestError
        If it is no integer above zero.
    """
    if block_size is None:
        return
    whole = hasattr(block_size, "__index__") and not isinstance(block_size, bool)
    if not whole or block_size < 1:
        raise RequestError(
            f"{what}: received {one_line(repr(block_size), 60)}. Expected an integer, 1 or more."
        )


def check_positions(positions: Any, layout: str, values: Any = None) -> tuple[Any, int]:
    """Flatten to (P, 2) float64, for object or patches; also the number of members of a group."""
    arrays = adapter_of(positions)
    if type(positions) is not np.ndarray and arrays is NUMPY:
        positions = plain(positions, "positions", PIXELS, "yx")
    positions = arrays.convert(positions, "positions")
    if arrays is not NUMPY and adapter_of(values) not in (NUMPY, arrays):
        positions, arrays = _numbers_beside(values, positions), NUMPY
    if not arrays.is_real(positions):
        name = arrays.dtype_name(positions)
        raise RequestError(f"positions: received dtype {name}. Expected reals.")
    shape = arrays.shape(positions)
    if layout == "flat" and shape == (0,):
        positions, shape = np.empty((0, 2)), (0, 2)
    expected, rank = ("(P, 2)", 2) if layout == "flat" else ("(B, C, 2)", 3)
    if shape is None or len(shape) != rank or shape[-1] != 2:
        raise RequestError(
            f'positions: received shape {shape}. Expected {expected} for layout="{layout}", with '
            "(y, x) along the last axis."
        )
    channels = 1 if layout == "flat" else shape[1] or 0
    if not channels:
        raise RequestError(
            f"positions: received shape {shape}. A group needs at least one member, known before "
            "the run."
        )
    if layout == "grid":
        grid_side(channels)
    pairs, numbers = arrays.real_pairs(positions)
    if numbers is not None:
        check_finite(numbers)
    return pairs, channels


def _numbers_beside(values: Any, positions: Any) -> Array:
    """Return the numbers of positions that belong to another framework than the values."""
    arrays, own = adapter_of(positions), adapter_of(values)
    if arrays.is_symbolic(positions) or getattr(positions, "requires_grad", False):
        raise RequestError(
            f"positions: received a {arrays.name} array that is traced, or requires a gradient, "
            f"beside {own.name} arrays. No gradient passes from one framework to the other: "
            f"expected {own.name} arrays, or positions whose numbers alone count. Convert them, "
            "or detach() them."
        )
    return arrays.to_numpy(positions)


def check_axes(image: Any, patch_size: int) -> None:
    """Refuse images whose channels stand last: their rows would be read as many objects.

    Raises
    ------
    RequestError
        If, of three axes or more, the last is at most 4 and smaller than the patch.
    """
    shape = tuple(image.shape)
    if len(shape) > 2 and shape[-1] is not None and 0 < shape[-1] < min(NARROW + 1, patch_size):
        raise RequestError(
            f"image: received shape {shape}, which reads as objects of {shape[-2]} x {shape[-1]} "
            f"pixels. Expected (..., H, W), channels first. Move the axis with "
            "numpy.moveaxis(image, -1, 0)."
        )


def checked_shape(shape: Any) -> tuple[int, int]:
    """Return height and width of an object as whole numbers.

    Raises
    ------
    RequestError
        If it is none.
    """
    try:
        height, width = map(operator.index, shape)
    except (TypeError, ValueError):
        height = width = -1
    if height < 0 or width < 0:
        raise RequestError(
            f"shape: received {shape!r}. Expected (H, W), two whole numbers: the height and width "
            "of the object, without its leading axes, which the patches tell."
        )
    return height, width


def check_fill(fill: str, what: str, shape: tuple[int | None, ...]) -> None:
    """Refuse objects (..., H, W) without samples where a fill repeats some.

    Raises
    ------
    RequestError
        With the name `what` of the argument that gives the shape.
    """
    if fill in ("edge", "reflect") and 0 in shape[-2:]:
        raise RequestError(
            f'{what}: received shape {shape}, without samples. fill="{fill}" needs '
            'at least one; use fill="zeros".'
        )


def check_finite(positions: Array) -> None:
    """Refuse positions (P, 2) that are NaN or infinite.

    Raises
    ------
    RequestError
        With their number, and the first.
    """
    # All are if their squares have a finite sum, which is found at once.
    if math.isfinite(np.vdot(positions, positions)) or np.isfinite(positions).all():
        return
    bad = np.flatnonzero(~np.isfinite(positions).all(axis=1))
    raise RequestError(
        f"positions: {bad.size} of {len(positions)} are NaN or infinite, the first at index "
        f"{bad[0]}: {tuple(positions[bad[0]].tolist())}. Remove them or repair the scan."
    )


def window_starts(positions: Any, cut: Cut, xp: Any = np) -> Any:
    """Coordinates of the first samples of patches, before interpolation."""
    if cut.rounding == "legacy":
        positions = geometry.split(positions, cut.patch_size, cut.rounding, xp)[1]
    return positions - float(cut.patch_size // 2)


def sampled(start: Any, cut: Cut, xp: Any = np) -> tuple[Any, Any]:
    """Lowest and highest coordinates that windows sample, neighbours included.

    Parameters
    ----------
    start : array of float64, shape (P, 2)
        What `window_starts` gives.
    cut : Cut
        What is cut.
    xp : module
        `numpy`, or `tensorflow.experimental.numpy` for tensors.

    Returns
    -------
    low, high : array of float64, shape (P, 2)
        A window lies inside if low >= 0 and high <= (H - 1, W - 1).
    """
    between = xp.where(xp.equal(start, xp.floor(start)), xp.zeros_like(start), xp.ones_like(start))
    last = start + float(cut.patch_size - 1)
    # The sample on either side is not counted: it exists if the coordinate itself lies inside.
    return start - between * float(cut.before), last + between * float(max(cut.after - 1, 0))


def check_inside(positions: Any, shape: tuple[Any, Any], cut: Cut, image: Any = None) -> Any:
    """Refuse windows that sample beyond the centres of the border pixels.

    Parameters
    ----------
    positions : array of float64, shape (P, 2)
        Columns (y, x).
    shape : (int, int)
        Height and width of the object.
    cut : Cut
        What is cut there.
    image : tf.Tensor, optional
        The object, whose size is known as it runs if `shape` holds None.

    Returns
    -------
    array of float64, shape (P, 2)
        The positions; symbolic ones are refused as they run, those of jax by making them NaN.

    Raises
    ------
    OutOfBoundsError
        With the first of them.
    """
    if is_symbolic(positions) or None in shape:
        import tensorflow as tf
        import tensorflow.experimental.numpy as tnp

        from ..arrays.tensorflow_arrays import refuse_positions

        size = tf.cast(tf.shape(image)[-2:] if None in shape else shape, tf.float64)
        start = window_starts(positions, cut, tnp)
        low, high = sampled(start, cut, tnp)
        outside = tf.reduce_any((low < 0) | (high > size - 1), axis=1)
        reason = 'fill="error": out of bounds, windows leave the object'
        return refuse_positions(tf.convert_to_tensor(positions), outside, reason)
    if adapter_of(positions).is_symbolic(positions):  # of jax, which cannot raise
        from ..arrays import jax_arrays

        xp = jax_arrays.Precision(positions.dtype)
        low, high = sampled(window_starts(positions, cut, xp), cut, xp)
        bad = ((low < 0) | (high > np.subtract(shape, 1))).any(axis=1)
        return jax_arrays.refuse_positions(positions, bad)
    values = adapter_of(positions).to_numpy(positions)
    start = window_starts(values, cut)
    size = np.asarray(shape)
    low, high = sampled(start, cut)
    outside = np.flatnonzero(((low < 0) | (high > size - 1)).any(axis=1))
    if outside.size:
        index = int(outside[0])
        raise OutOfBoundsError(
            f'fill="error": {outside.size} of {len(values)} windows leave the object of '
            f"{size[0]} x {size[1]} pixels, the first at index {index}: position "
            f"{tuple(values[index].tolist())}, sampled from {tuple(low[index].tolist())} to "
            f"{tuple(high[index].tolist())}. Move it, or choose "
            'fill="zeros", "edge" or "reflect".'
        )
    return positions
