"""A batch of objects, each with windows of its own: one tall object, cut or placed on in one go.

Each object is padded on its own, and its windows are moved within its own padding, so that no
window reaches its neighbour.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
import tensorflow.experimental.numpy as tnp

from ..arrays.tensorflow_arrays import nan_where, of_as_many, refuse_positions
from ..geometry.cut import Cut
from ..request import windows
from .arrange import fold_tensor, from_interleaved, to_interleaved
from .chunks import ChunkKind, call_unobserved, chunk_function
from .spreading import spread_function

#: Members of a group up to which each is cut on its own: XLA would run a transposition together
#: with the cutting, and take several times as long. Beyond that it would compile for too long.
MEMBERS_APART = 9


class StackWindows(NamedTuple):
    """Where the windows of a batch lie in the tall object.

    Attributes
    ----------
    starts : tf.Tensor of int32, shape (P, 2)
        Row and column of the first sample that the kernel needs.
    offsets : tf.Tensor of float64, shape (P, 2)
        As :func:`ptycho_engine.geometry.split` gives them.
    refused : tf.Tensor of bool, shape (P,)
        Whose positions are not finite, where nothing could be raised.
    """

    starts: Any
    offsets: Any
    refused: Any


def cut_from_stack(objects: tf.Tensor, positions: tf.Tensor, cut: Cut) -> tf.Tensor:
    """Cut patches of each object at positions of its own.

    Parameters
    ----------
    objects : tf.Tensor, shape (B, H, W)
        The objects, of float32, float64, complex64 or complex128; B may be unknown.
    positions : tf.Tensor of float64, shape (B, C, 2)
        Columns (y, x), in pixels of the own object.
    cut : Cut
        What is cut; its rounding is exact, and its fill not ``"error"``.

    Returns
    -------
    tf.Tensor, shape (B, N, N, C)
        The patches. Gradients reach objects and positions.

    Raises
    ------
    tf.errors.InvalidArgumentError
        If a position is not finite; compiled by XLA, its patch is NaN instead.
    """
    n, shape = cut.patch_size, _sides(objects)
    if objects.shape[0] == 0:  # a window must lie in something
        return tf.zeros((0, n, n, tf.shape(positions)[1]), objects.dtype)
    xp: Any = np if objects.shape[1:].is_fully_defined() else tnp
    padding = windows.padding_for(shape, cut, far=True, xp=xp)
    positions = of_as_many(positions, objects, slice(1), "objects", "row of positions")
    found = _locate(positions, shape, padding, cut)
    padded = _padded(objects, shape, padding, cut.fill)  # (B, H', k W')
    tall = tf.reshape(padded, (-1, tf.shape(padded)[-1]))
    tall.set_shape((None, padded.shape[-1]))
    function = chunk_function(_kind(cut, objects.dtype, padded.shape))
    k = 2 if objects.dtype.is_complex else 1

    def cut_some(found: StackWindows) -> tf.Tensor:
        offsets = tf.cast(found.offsets, padded.dtype)
        patches = call_unobserved(function, (0, 2), tall, found.starts, offsets)
        patches = nan_where(found.refused[:, None, None], patches)
        return tf.reshape(patches, (-1, n, n, k))

    members = positions.shape[1]
    if members is not None and 0 < members <= MEMBERS_APART:
        parts = [cut_some(StackWindows(*(x[c::members] for x in found))) for c in range(members)]
        numbers = tf.stack(parts, axis=3)  # (B, N, N, C, k)
    else:
        every = tf.reshape(cut_some(found), tf.concat([tf.shape(positions)[:2], [n, n, k]], 0))
        numbers = tf.transpose(every, (0, 2, 3, 1, 4))
    numbers = tf.ensure_shape(numbers, (objects.shape[0], n, n, members, k))
    return tf.complex(numbers[..., 0], numbers[..., 1]) if k == 2 else numbers[..., 0]


def place_on_stack(
    patches: tf.Tensor, positions: tf.Tensor, shape: tuple[int, int], cut: Cut
) -> tf.Tensor:
    """Add patches onto objects of zeros, each set onto its own: the adjoint of `cut_from_stack`.

    Parameters
    ----------
    patches : tf.Tensor, shape (B, C, N, N)
        The patches, of float32, float64, complex64 or complex128; B may be unknown.
    positions : tf.Tensor of float64, shape (B, C, 2)
        Columns (y, x), in pixels of the own object.
    shape : (int, int)
        Height H and width W of an object.
    cut : Cut
        How patches are cut, as for `cut_from_stack`.

    Returns
    -------
    tf.Tensor, shape (B, H, W)
        The sums. Gradients reach patches and positions.

    Raises
    ------
    tf.errors.InvalidArgumentError
        If a position is not finite; compiled by XLA, its object is NaN instead.
    """
    n = cut.patch_size
    if patches.shape[0] == 0:
        return tf.zeros((0, *shape), patches.dtype)
    padding = windows.padding_for(shape, cut, far=True)
    positions = of_as_many(positions, patches, slice(2))
    batch, members = tf.unstack(tf.shape(positions)[:2])
    found = _locate(positions, shape, padding, cut)
    # XLA drops the check above: of another number it would repeat patches.
    numbers = to_interleaved(tf.reshape(patches, (batch * members, n, n)))  # (P, N, k N)
    rows, columns = padding.padded_shape(shape)
    columns *= 2 if patches.dtype.is_complex else 1
    kind = _kind(cut, patches.dtype, tf.TensorShape((patches.shape[0], rows, columns)))
    tall = call_unobserved(
        spread_function(kind), (0, 1, 3),
        tf.zeros((tf.maximum(batch, 1) * rows, columns), numbers.dtype),
        numbers, found.starts, tf.cast(found.offsets, numbers.dtype),
    )  # fmt: skip
    refused = tf.reduce_any(tf.reshape(found.refused, tf.shape(positions)[:2]), axis=1)
    padded = tf.reshape(tall, (-1, rows, columns))
    padded = padded if patches.shape[0] is not None else padded[:batch]  # there may be none
    padded = nan_where(refused[:, None, None], padded)
    placed = fold_tensor(from_interleaved(padded, patches.dtype), shape, padding.before, cut.fill)
    return tf.ensure_shape(placed, (patches.shape[0], *shape))


def _sides(objects: tf.Tensor) -> tuple[Any, Any]:
    """Height and width, as numbers where they are known."""
    dynamic = tf.unstack(tf.shape(objects)[1:])
    height, width = (
        static if static is not None else size
        for static, size in zip(objects.shape[1:], dynamic, strict=True)
    )
    return height, width


def _locate(
    positions: tf.Tensor, shape: tuple[Any, Any], padding: windows.Padding, cut: Cut
) -> StackWindows:
    batch, members = tf.unstack(tf.shape(positions)[:2])
    flat = tf.reshape(tf.cast(positions, tf.float64), (-1, 2))
    bad = tf.reduce_any(~tf.math.is_finite(flat), axis=1)
    flat = refuse_positions(flat, bad, "positions: not finite")
    flat = tf.where(bad[:, None], tf.zeros_like(flat), flat)  # they lie somewhere
    size = tuple(tf.cast(pixels, tf.float64) for pixels in shape)
    first, offsets = windows.locate(flat, size, cut, xp=tnp)
    starts = tf.cast(first, tf.int32) + padding.before
    rows = tf.cast(padding.padded_shape(shape)[0], tf.int32)
    above = tf.repeat(tf.range(batch) * rows, members)  # rows of the objects before the own
    return StackWindows(starts + tf.stack([above, tf.zeros_like(above)], axis=1), offsets, bad)


def _padded(
    objects: tf.Tensor, shape: tuple[Any, Any], padding: windows.Padding, fill: str
) -> tf.Tensor:
    """Continue objects beyond their borders, as their real view, (B, H', k W')."""
    numbers, before = to_interleaved(objects), padding.before  # first: XLA fuses the padding then
    k = 2 if objects.dtype.is_complex else 1
    spare: Any = 0  # an object more where there is none: a window must lie in something
    if objects.shape[0] is None:
        spare = tf.cast(tf.equal(tf.shape(objects)[0], 0), tf.int32)
    if fill == "zeros":
        below, right = padding.after
        padded = tf.pad(numbers, [[0, spare], [before, below], [k * before, k * right]])
        if objects.shape[1:].is_fully_defined():
            rows, columns = padding.padded_shape(shape)
            padded = tf.ensure_shape(padded, (objects.shape[0], rows, k * columns))
        return padded
    if objects.shape[0] is None:
        numbers = tf.pad(numbers, [[0, spare], [0, 0], [0, 0]])
    numbers = tf.reshape(numbers, (-1, *shape, k))
    for axis in (1, 2):
        size = shape[axis - 1]
        index = tf.range(-before, size + padding.after[axis - 1])
        numbers = tf.gather(numbers, windows.source_index(index, size, fill, xp=tnp), axis=axis)
    rows, columns = tf.unstack(tf.shape(numbers)[1:3])
    static = numbers.shape[2]
    numbers = tf.reshape(numbers, (-1, rows, columns * k))
    return tf.ensure_shape(numbers, (None, None, None if static is None else static * k))


def _kind(cut: Cut, dtype: tf.DType, padded: tf.TensorShape) -> ChunkKind:
    numbers = padded.num_elements()
    return ChunkKind(
        cut.patch_size,
        cut.interpolation,
        "exact",
        interleave=2 if dtype.is_complex else 1,
        compiled=True,
        wide=numbers is None or numbers > np.iinfo(np.int32).max,
    )
