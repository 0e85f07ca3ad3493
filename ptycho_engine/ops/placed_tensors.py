"""Patches in tensors placed onto an image: eager or inside ``tf.function``, with gradients."""

from __future__ import annotations

import tensorflow as tf
import tensorflow.experimental.numpy as tnp

from ..arrays.tensorflow_arrays import nan_where, of_as_many
from ..arrays.tensors import is_symbolic
from ..request import windows
from ..request.placement import PlacementRequest
from .arrange import flatten_tensor, fold_tensor, from_interleaved, to_interleaved
from .chunks import call_unobserved
from .shapes import is_tiled, room_for
from .spreading import SpreadFunction


def place_tensor(
    request: PlacementRequest, function: SpreadFunction, chunk_size: int, *, one_shape: bool
) -> tf.Tensor:
    """Add patches onto zeros: the adjoint of :func:`ptycho_engine.ops.tensor_path.extract_tensor`.

    Parameters
    ----------
    request : PlacementRequest
        A request of which the patches or the positions are tensors.
    function : callable
        Adds a chunk of flat patches to a canvas.
    chunk_size : int
        Patches of a chunk.
    one_shape : bool
        Whether canvases of eager patches have one of a few shapes, so that they share
        compilations; large ones do not.

    Returns
    -------
    tf.Tensor, shape (..., H, W)
        The sum. Gradients reach the patches and, through the fractions, the positions; not those
        of ``nearest``, which has no slope. Where a position is NaN, which only a function compiled
        by XLA lets through, so is every sample.
    """
    patches = flatten_tensor(tf.convert_to_tensor(request.patches), request.layout)
    positions = of_as_many(tf.convert_to_tensor(request.positions), patches, slice(-3, -2))
    shape, cut, dtype = request.shape, request.cut, patches.dtype
    refused = tf.reduce_any(tf.math.is_nan(positions), axis=1, keepdims=True)
    somewhere = tf.where(refused, tf.zeros_like(positions), positions)
    first, offsets = windows.locate(somewhere, shape, cut, xp=tnp)
    padding = windows.padding_for(shape, cut, far=True)
    starts = tf.cast(first, tf.int32) + padding.before
    numbers = to_interleaved(patches)  # (..., P, N, k N)
    needed = rows, columns = padding.padded_shape(shape)
    symbolic = is_symbolic(patches) or is_symbolic(positions)
    room = room_for(needed) if one_shape and not (symbolic or is_tiled(request)) else needed
    k = 2 if dtype.is_complex else 1

    def place_all(flat: tf.Tensor) -> tf.Tensor:
        canvas = tf.zeros((room[0], k * room[1]), flat.dtype)
        chunks = flat, starts, tf.cast(offsets, flat.dtype)
        canvas = _in_chunks(function, canvas, chunks, chunk_size, one_shape)[:rows, : k * columns]
        padded = from_interleaved(canvas[None], dtype)
        return fold_tensor(padded, shape, padding.before, cut.fill)[0]

    lead = numbers.shape[:-3]
    if lead.rank == 0:
        image = place_all(numbers)
    else:
        slices = tf.reshape(numbers, tf.concat([[-1], tf.shape(numbers)[-3:]], 0))
        slices = tf.ensure_shape(slices, (lead.num_elements(), *numbers.shape[-3:]))
        signature = tf.TensorSpec(shape, dtype)
        image = tf.map_fn(place_all, slices, fn_output_signature=signature)
        image = tf.reshape(image, tf.concat([tf.shape(numbers)[:-3], shape], 0))
    if is_symbolic(positions):  # others were refused before
        image = nan_where(tf.reduce_any(refused), image)
    return tf.ensure_shape(image, (*lead, *shape))


def _in_chunks(
    function: SpreadFunction,
    canvas: tf.Tensor,
    patches: tuple[tf.Tensor, tf.Tensor, tf.Tensor],
    chunk_size: int,
    one_shape: bool,
) -> tf.Tensor:
    """Add all patches (P, N, k N), with starts and offsets, in chunks of one shape."""
    symbolic = any(map(is_symbolic, patches))

    def add(canvas: tf.Tensor, chunk: tuple[tf.Tensor, ...]) -> tf.Tensor:
        placed = call_unobserved(function, (0, 1, 3), canvas, *chunk, compiled=one_shape)
        return tf.ensure_shape(placed, canvas.shape)

    count = patches[1].shape[0]
    if count == 0:
        return canvas
    if symbolic and count is not None and count <= chunk_size:
        return add(canvas, patches)  # the graph around it is compiled for this count
    total = tf.shape(patches[1])[0]
    missing = tf.maximum(-(-total // chunk_size), 1) * chunk_size - total  # XLA folds one at least
    chunks = [_cut_up(values, missing, chunk_size) for values in patches]
    if symbolic:
        return tf.foldl(add, chunks, initializer=canvas)
    for chunk in zip(*chunks, strict=True):
        canvas = add(canvas, chunk)
    return canvas


def _cut_up(values: tf.Tensor, missing: tf.Tensor, chunk_size: int) -> tf.Tensor:
    """Append zeros, which add nothing, and cut into chunks: (P, ...) to (chunks, size, ...)."""
    borders = [[0, missing], *([0, 0] for _ in values.shape[1:])]
    return tf.reshape(tf.pad(values, borders), (-1, chunk_size, *values.shape[1:]))
