"""NumPy in, NumPy out: chunks computed by TensorFlow while finished ones are copied."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import numpy as np
import tensorflow as tf

from .. import windows
from ..request import ExtractionRequest
from .chunks import ChunkFunction

Array = np.ndarray[Any, Any]


def fill_array(
    request: ExtractionRequest,
    out: Array,
    function: ChunkFunction,
    chunk_size: int,
    *,
    pad_tail: bool,
    workers: int,
) -> Array:
    """Fill a NumPy array with the patches of a request, chunk by chunk.

    Parameters
    ----------
    request : ExtractionRequest
        A request of NumPy arrays.
    out : ndarray, shape `request.output_shape`
        Receives the patches.
    function : callable
        Cuts a chunk of the request's kind.
    chunk_size : int
        Patches of a chunk, a multiple of the members of a group.
    pad_tail : bool
        Whether the last chunk is padded to `chunk_size`, so that one compilation serves every
        number of positions.
    workers : int
        Threads that compute and copy.

    Returns
    -------
    ndarray
        `out`.
    """
    members = request.channels if request.layout == "channel" else 1
    found = windows.find_windows(request)
    step, count = chunk_size // members, request.groups
    whole = -(-count // step) * chunk_size if pad_tail else count * members
    starts, offsets = _padded_rows(found.starts, whole), _padded_rows(found.offsets, whole)

    def fill(source: tf.Tensor, target: Array, first: int) -> None:
        last = min(first + step, count)
        chunk = slice(first * members, (first + step) * members)
        patches = function(source, tf.constant(starts[chunk]), tf.constant(offsets[chunk]))
        values = np.asarray(memoryview(patches))[: last - first].view(request.dtype)
        target[first:last] = values.reshape(-1, *target.shape[1:])

    firsts = range(0, count, step)
    # Arrays are cut at once, also while a tf.function that uses them is traced.
    # The pool starts no thread before it is given work.
    with tf.init_scope(), ThreadPoolExecutor(workers) as pool:
        run = pool.map if workers > 1 and len(firsts) > 1 else map
        for index in np.ndindex(request.leading_shape):
            source = request.prepared.once(
                (index, found.padding, request.fill),
                partial(_padded_source, request, index, found.padding),
            )
            for _ in run(partial(fill, source, out[index]), firsts):
                pass
    return out


def _padded_rows(values: Array, count: int) -> Array:
    """Append rows of zeros up to `count` rows."""
    if len(values) == count:
        return values
    padded = np.zeros((count, *values.shape[1:]), values.dtype)
    padded[: len(values)] = values
    return padded


def _padded_source(
    request: ExtractionRequest, index: tuple[int, ...], padding: windows.Padding
) -> tf.Tensor:
    """Pad one slice of the object, as its real view (H, k W)."""
    padded = windows.pad(request.image[index], padding, request.fill)
    return tf.constant(padded.view(request.real_dtype))
