"""A batch of objects, each with windows of its own: one tall object, cut in one go.

Each object is padded on its own, and its windows are moved within its own padding, so that no
window reaches its neighbour.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
import tensorflow.experimental.numpy as tnp

from ..arrays.tensorflow_arrays import nan_where, refuse_positions
from ..geometry.cut import Cut
from ..request import windows
from .arrange import from_interleaved, to_interleaved
from .chunks import ChunkKind, chunk_function
from .modes import unobserved
from .tensor_path import pad_tensor


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
    tf.Tensor, shape (B, C, N, N)
        The patches. Gradients reach objects and positions.

    Raises
    ------
    tf.errors.InvalidArgumentError
        If a position is not finite; compiled by XLA, its patch is NaN instead.
    """
    n, shape = cut.patch_size, _sides(objects)
    xp: Any = np if objects.shape[1:].is_fully_defined() else tnp
    padding = windows.padding_for(shape, cut, far=True, xp=xp)
    found = _locate(positions, tf.shape(objects)[0], shape, padding, cut)
    padded = to_interleaved(pad_tensor(objects, shape, padding, cut.fill))  # (B, H', k W')
    tall = tf.reshape(padded, (-1, tf.shape(padded)[-1]))
    tall.set_shape((None, padded.shape[-1]))
    with unobserved():
        patches = chunk_function(_kind(objects, cut, padded))(
            tall, found.starts, tf.cast(found.offsets, padded.dtype)
        )
    patches = nan_where(found.refused[:, None, None], patches)
    patches = from_interleaved(tf.ensure_shape(patches, (None, n, None)), objects.dtype)
    patches = tf.reshape(patches, tf.concat([tf.shape(positions)[:2], [n, n]], 0))
    return tf.ensure_shape(patches, (objects.shape[0], positions.shape[1], n, n))


def _sides(objects: tf.Tensor) -> tuple[Any, Any]:
    """Height and width, as numbers where they are known."""
    dynamic = tf.unstack(tf.shape(objects)[1:])
    height, width = (
        static if static is not None else size
        for static, size in zip(objects.shape[1:], dynamic, strict=True)
    )
    return height, width


def _locate(
    positions: tf.Tensor,
    batch: tf.Tensor,
    shape: tuple[Any, Any],
    padding: windows.Padding,
    cut: Cut,
) -> StackWindows:
    members = tf.shape(positions)[1]
    flat = tf.reshape(tf.cast(positions, tf.float64), (batch * members, 2))  # of as many objects
    bad = tf.reduce_any(~tf.math.is_finite(flat), axis=1)
    flat = refuse_positions(flat, bad, "positions: not finite")
    flat = tf.where(bad[:, None], tf.zeros_like(flat), flat)  # they lie somewhere
    size = tuple(tf.cast(pixels, tf.float64) for pixels in shape)
    first, offsets = windows.locate(flat, size, cut, xp=tnp)
    starts = tf.cast(first, tf.int32) + padding.before
    rows = tf.cast(padding.padded_shape(shape)[0], tf.int32)
    above = tf.repeat(tf.range(batch) * rows, members)  # rows of the objects before the own
    return StackWindows(starts + tf.stack([above, tf.zeros_like(above)], axis=1), offsets, bad)


def _kind(objects: tf.Tensor, cut: Cut, padded: tf.Tensor) -> ChunkKind:
    numbers = padded.shape.num_elements()
    return ChunkKind(
        cut.patch_size,
        cut.interpolation,
        "exact",
        interleave=2 if objects.dtype.is_complex else 1,
        compiled=True,
        wide=numbers is None or numbers > np.iinfo(np.int32).max,
    )
