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

    def fill(source: tf.Tensor, target: Array, first: int) -> None:
        last = min(first + step, count)
        chunk = slice(first * members, last * members)
        missing = (step - (last - first)) * members if pad_tail else 0
        starts = np.pad(found.starts[chunk], ((0, missing), (0, 0)))
        offsets = np.pad(found.offsets[chunk], ((0, missing), (0, 0)))
        patches = function(source, tf.constant(starts), tf.constant(offsets))
        values = np.asarray(memoryview(patches))[: last - first].view(request.dtype)
        target[first:last] = values.reshape(-1, *target.shape[1:])

    with ThreadPoolExecutor(workers) as pool:
        for index in np.ndindex(request.leading_shape):
            padded = windows.pad(request.image[index], found.padding, request.fill)
            source = tf.constant(padded.view(request.real_dtype))  # (H, k W)
            for _ in pool.map(partial(fill, source, out[index]), range(0, count, step)):
                pass
    return out
