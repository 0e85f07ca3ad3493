"""Tensors in, tensors out: eager or inside ``tf.function``, with gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow.experimental.numpy as tnp

from ..arrays.tensorflow_arrays import nan_where
from ..arrays.tensors import is_symbolic
from ..request import windows
from ..request.extraction import ExtractionRequest
from .arrange import arrange_tensor, from_interleaved, to_interleaved
from .chunks import ChunkFunction, call_unobserved
from .shapes import is_tiled, room_for


def extract_tensor(
    request: ExtractionRequest, function: ChunkFunction, chunk_size: int, *, one_shape: bool
) -> tf.Tensor:
    """Cut the patches of a request of tensors.

    Parameters
    ----------
    request : ExtractionRequest
        A request of which the object or the positions are tensors.
    function : callable
        Cuts a chunk of flat patches.
    chunk_size : int
        Patches of a chunk.
    one_shape : bool
        Whether eager objects of known size get room up to one of a few shapes, so that they share
        compilations; large ones do not, since they would be copied whole into it.

    Returns
    -------
    tf.Tensor
        The patches in the request's layout. Gradients reach the object and, through the
        fractions, the positions.
    """
    image = tf.convert_to_tensor(request.image)
    positions = tf.convert_to_tensor(request.positions)
    source, starts, offsets = _prepare(request, image, positions, one_shape)
    n, lead, k = request.patch_size, image.shape[:-2], 2 if image.dtype.is_complex else 1

    def cut_all(slice_: tf.Tensor) -> tf.Tensor:
        def cut_chunk(chunk: tuple[tf.Tensor, tf.Tensor]) -> tf.Tensor:
            first, offsets = chunk
            refused = tf.math.is_nan(offsets)
            offsets = tf.where(refused, tf.zeros_like(offsets), offsets)
            patches = call_unobserved(function, (0, 2), slice_, first, offsets, compiled=one_shape)
            patches = tf.ensure_shape(patches, (None, n, k * n))  # unknown if the object's is
            if is_symbolic(positions):  # others were refused before
                patches = nan_where(tf.reduce_any(refused, 1)[:, None, None], patches)
            return from_interleaved(patches, image.dtype)

        return _in_chunks(cut_chunk, starts, offsets, chunk_size, (n, n), image.dtype)

    if lead.rank == 0:
        patches = cut_all(source)
    else:
        slices = tf.reshape(source, tf.concat([[-1], tf.shape(source)[-2:]], 0))
        slices = tf.ensure_shape(slices, (lead.num_elements(), *source.shape[-2:]))
        signature = tf.TensorSpec((positions.shape[0], n, n), image.dtype)
        patches = tf.map_fn(cut_all, slices, fn_output_signature=signature)
        patches = tf.reshape(patches, tf.concat([tf.shape(image)[:-2], [-1, n, n]], 0))
    patches = tf.ensure_shape(patches, (*lead, positions.shape[0], n, n))
    return arrange_tensor(patches, request.layout, request.channels)


def _prepare(
    request: ExtractionRequest, image: tf.Tensor, positions: tf.Tensor, one_shape: bool
) -> Any:
    """Return the padded real view (..., H, k W), starts (P, 2) and offsets (P, 2)."""
    shape = tuple(
        static if static is not None else dynamic
        for static, dynamic in zip(image.shape[-2:], tf.unstack(tf.shape(image)[-2:]), strict=True)
    )
    size = tuple(tf.cast(pixels, tf.float64) for pixels in shape)
    # Refused ones lie somewhere, so that they spoil no gradient; their offsets tell which they are.
    refused = tf.reduce_any(tf.math.is_nan(positions), axis=1, keepdims=True)
    positions = tf.where(refused, tf.zeros_like(positions), positions)
    first, offsets = windows.locate(positions, size, request.cut, xp=tnp)
    offsets = nan_where(refused, offsets)
    xp: Any = np if image.shape[-2:].is_fully_defined() else tnp
    # Where the windows lie is not known before the run: leave room for those far outside.
    padding = windows.padding_for(shape, request.cut, far=True, xp=xp)
    if one_shape and not (is_symbolic(image) or is_symbolic(positions) or is_tiled(request)):
        padded_shape = padding.padded_shape(shape)
        more = np.subtract(room_for(padded_shape), padded_shape)
        padding = padding._replace(after=tuple(np.add(padding.after, more).tolist()))
    padded = _pad(image, shape, padding, request.fill)
    starts = tf.cast(first, tf.int32) + padding.before
    return to_interleaved(padded), starts, tf.cast(offsets, request.offset_dtype)


def _pad(
    image: tf.Tensor, shape: tuple[Any, Any], padding: windows.Padding, fill: str
) -> tf.Tensor:
    if fill == "zeros":
        borders = [[0, 0]] * (image.shape.rank - 2)
        return tf.pad(image, [*borders, *([padding.before, after] for after in padding.after)])
    for axis in (-2, -1):
        after = padding.after[axis]
        index = tf.range(-padding.before, shape[axis] + after)
        index = windows.source_index(index, shape[axis], fill, xp=tnp)
        image = tf.gather(image, index, axis=axis)
    return image


def _in_chunks(
    cut_chunk: Callable[[tuple[tf.Tensor, tf.Tensor]], tf.Tensor],
    starts: tf.Tensor,
    offsets: tf.Tensor,
    chunk_size: int,
    patch_shape: tuple[int, int],
    dtype: tf.DType,
) -> tf.Tensor:
    """Cut all patches in chunks of one shape; (P, N, N)."""
    count = starts.shape[0]
    if count == 0:
        return tf.zeros((0, *patch_shape), dtype)
    symbolic = is_symbolic(starts)
    if symbolic and count is not None and count <= chunk_size and chunk_size > 1:
        return cut_chunk((starts, offsets))  # the graph around it is compiled for this count
    total = tf.shape(starts)[0]
    chunks = tf.maximum(-(-total // chunk_size), 1)  # XLA maps over one at least
    missing = [[0, chunks * chunk_size - total], [0, 0]]
    starts = tf.reshape(tf.pad(starts, missing), (-1, chunk_size, 2))
    offsets = tf.reshape(tf.pad(offsets, missing), (-1, chunk_size, 2))
    if not symbolic:
        parts = [cut_chunk(chunk) for chunk in zip(starts, offsets, strict=True)]
        return tf.concat(parts, 0)[:total]
    signature = tf.TensorSpec((chunk_size, *patch_shape), dtype)
    patches = tf.map_fn(cut_chunk, (starts, offsets), fn_output_signature=signature)
    return tf.reshape(patches, (-1, *patch_shape))[:total]
