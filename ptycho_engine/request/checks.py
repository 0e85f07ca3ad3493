"""The checks of a request's arguments, once, at the border."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from .. import geometry
from ..arrays.forks import refuse_after_fork
from ..arrays.tensors import is_symbolic, is_tensor
from ..errors import OutOfBoundsError, RequestError
from ..geometry.kernels import KERNELS, Kernel
from ..geometry.layouts import grid_side
from .prepared import PreparedObject

DTYPES = ("float32", "float64", "complex64", "complex128")


def check_patch_size(patch_size: Any) -> int:
    """Return `patch_size` as an int of at least 1, or raise a `RequestError`."""
    try:
        size = None if isinstance(patch_size, bool | np.bool_) else operator.index(patch_size)
    except TypeError:
        size = None
    if size is None or size < 1:
        raise RequestError(f"patch_size: received {patch_size!r}. Expected an integer above zero.")
    return size


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
    if is_tensor(image):
        name = image.dtype.name
        if image.shape.rank is None:
            raise RequestError("image: a tensor of unknown rank. Expected (..., H, W).")
        shape = tuple(image.shape)
    else:
        image = _as_array(image, "image")
        image = image.astype(image.dtype.newbyteorder("="), copy=False)
        name, shape = image.dtype.name, image.shape
    if name not in DTYPES:
        raise RequestError(
            f"image: received dtype {name}. Expected one of {', '.join(DTYPES)}. "
            "Convert it first, for instance with image.astype('float32')."
        )
    if len(shape) < 2:
        raise RequestError(f"image: received shape {shape}. Expected (..., H, W).")
    return PreparedObject(image, shared=shared)


def _as_array(value: Any, what: str) -> np.ndarray[Any, Any]:
    try:
        array = np.asarray(value)
    except ValueError as error:  # ragged lists
        raise RequestError(f"{what}: cannot be read as an array: {error}") from error
    if array.dtype.kind not in "biufc":
        raise RequestError(
            f"{what}: received dtype {array.dtype}, which holds no numbers. Expected numbers."
        )
    return array


def check_positions(positions: Any, layout: str) -> tuple[Any, int]:
    """Flatten to (P, 2) float64; also the number of members of a group."""
    tensor = is_tensor(positions)
    if tensor:
        if not (positions.dtype.is_floating or positions.dtype.is_integer):
            raise RequestError(f"positions: received dtype {positions.dtype.name}. Expected reals.")
        rank = positions.shape.rank
        shape = tuple(positions.shape) if rank is not None else None
    else:
        positions = _as_array(positions, "positions")
        if positions.dtype.kind not in "iuf":
            raise RequestError(f"positions: received dtype {positions.dtype}. Expected reals.")
        if layout == "flat" and positions.shape == (0,):
            positions = positions.reshape(0, 2)
        shape = positions.shape
    expected, rank = ("(P, 2)", 2) if layout == "flat" else ("(B, C, 2)", 3)
    if shape is None or len(shape) != rank or shape[-1] != 2:
        raise RequestError(
            f'positions: received shape {shape}. Expected {expected} for layout="{layout}", with '
            "(y, x) along the last axis."
        )
    channels = 1 if layout == "flat" else shape[1]
    if not channels:
        raise RequestError(
            f"positions: received shape {shape}. A group needs at least one member, known before "
            "the run."
        )
    if layout == "grid":
        grid_side(channels)
    if tensor:
        return _finite_tensor(positions), channels
    return _finite_array(positions.reshape(-1, 2).astype(np.float64)), channels


def _finite_array(positions: Any) -> Any:
    finite = np.isfinite(positions)
    if not finite.all():
        bad = np.flatnonzero(~finite.all(axis=1))
        raise RequestError(
            f"positions: {bad.size} of {len(positions)} are NaN or infinite, the first at index "
            f"{bad[0]}: {tuple(positions[bad[0]].tolist())}. Remove them or repair the scan."
        )
    return positions


def _finite_tensor(positions: Any) -> Any:
    refuse_after_fork()
    import tensorflow as tf

    flat = tf.cast(tf.reshape(positions, (-1, 2)), tf.float64)
    if is_symbolic(flat):
        return tf.debugging.assert_all_finite(flat, "positions: NaN or infinite")
    _finite_array(flat.numpy())
    return flat


def _window_starts(positions: Any, patch_size: int, rounding: str, xp: Any = np) -> Any:
    if rounding == "legacy":
        positions = geometry.split(positions, patch_size, rounding, xp)[1]
    return positions - float(patch_size // 2)


def _sampled(start: Any, patch_size: int, kernel: Kernel, xp: Any = np) -> tuple[Any, Any]:
    """Lowest and highest coordinate that windows from `start` sample, neighbours included."""
    between = xp.where(start == xp.floor(start), xp.zeros_like(start), xp.ones_like(start))
    last = start + float(patch_size - 1)
    # The sample on either side is not counted: it exists if the coordinate itself lies inside.
    return start - between * float(kernel.before), last + between * float(max(kernel.after - 1, 0))


def check_inside(
    positions: Any, image: Any, patch_size: int, interpolation: str, rounding: str
) -> Any:
    """Refuse windows that sample beyond the centres of the border pixels."""
    kernel = KERNELS[interpolation]
    if is_symbolic(positions) or None in tuple(image.shape[-2:]):
        import tensorflow as tf
        import tensorflow.experimental.numpy as tnp

        size = tf.cast(tf.shape(image)[-2:], tf.float64)
        start = _window_starts(positions, patch_size, rounding, tnp)
        low, high = _sampled(start, patch_size, kernel, tnp)
        inside = tf.reduce_all((low >= 0) & (high <= size - 1))
        with tf.control_dependencies(
            [tf.debugging.Assert(inside, ['fill="error": out of bounds'])]
        ):
            return tf.identity(positions)
    values = np.asarray(positions)
    start = _window_starts(values, patch_size, rounding)
    size = np.asarray(image.shape[-2:])
    low, high = _sampled(start, patch_size, kernel)
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
