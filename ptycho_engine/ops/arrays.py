"""NumPy in, NumPy out: chunks computed by TensorFlow while finished ones are copied."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from ..native.stores import Scatter, scatter_into
from ..request import windows
from ..request.blocks import members_first, padded_rows
from ..request.extraction import ExtractionRequest
from ..request.prepared import CopyKey
from ..workers import share
from .aligned import adopt, aligned_empty, as_tensor
from .chunks import ChunkFunction, PieceFunction, bind
from .modes import at_once
from .shapes import ROOM, TENSOR, room_bytes, room_for

Array = np.ndarray[Any, Any]
#: Of a target, where groups begin that it gets, and the groups.
Place = Callable[[Array, int, Array], None]


class BoundKey(NamedTuple):
    """Names a function bound to the shapes of a chunk."""

    function: ChunkFunction
    chunk_size: int
    members: int
    shape: tuple[int, int]


@at_once  # also while a function with arrays is traced
def fill_array(
    request: ExtractionRequest,
    out: Array,
    function: ChunkFunction,
    chunk_size: int,
    *,
    one_shape: bool,
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
    one_shape : bool
        Whether the last chunk is padded to `chunk_size`, so that one compilation serves every
        number of positions; `function` is a ``tf.function`` then.
    workers : int
        Threads that compute and copy.

    Returns
    -------
    ndarray
        `out`.
    """
    found = windows.find_windows(request)
    members, count = request.channels, request.groups
    starts, offsets = found.starts, found.offsets
    place: Place = _place_in_order
    scatter = scatter_into(out, members)
    if scatter is not None:
        order = found.down_the_object(members)
        starts, offsets = (
            x.reshape(count, members, 2)[order].reshape(-1, 2) for x in (starts, offsets)
        )
        place = partial(_place_anywhere, scatter, order)
    step = chunk_size // members
    rows = -(-count // step) * chunk_size if one_shape else count * members
    starts, offsets = padded_rows(starts, rows), padded_rows(offsets, rows)
    firsts = range(0, count, step)

    def fill(cut: PieceFunction, source: tf.Tensor, target: Array, first: int) -> None:
        last, chunk = min(first + step, count), slice(first * members, (first + step) * members)
        for piece in cut(source, as_tensor(starts[chunk]), as_tensor(offsets[chunk])):
            values = np.asarray(memoryview(piece)).view(request.dtype)  # (rows, N, N)
            groups = values.reshape(-1, *target.shape[1:])[: last - first]
            if len(groups):  # the last chunk is padded: its last pieces may hold nothing wanted
                place(target, first, groups)
            first += len(groups)

    def whole_chunk(*arguments: tf.Tensor) -> Sequence[tf.Tensor]:
        return (function(*arguments),)

    shape = found.padding.padded_shape(request.image.shape[-2:])
    owner, nbytes = TENSOR, windows.padded_bytes(request)
    if one_shape:
        shape, owner, nbytes = room_for(shape), ROOM, room_bytes(request)
    for index in request.slices:
        source = request.prepared.once(
            CopyKey(owner, index, found.padding, request.fill),
            partial(_padded_source, request, index, found.padding, shape),
            nbytes,
        )
        cut: PieceFunction = whole_chunk
        if one_shape:
            like = starts[:chunk_size], offsets[:chunk_size]
            cut = request.prepared.once(
                BoundKey(function, chunk_size, members, shape),
                partial(bind, function, request, source, *like),
            )
        share(partial(fill, cut, source, members_first(request, out[index])), firsts, workers)
    return out


def _place_in_order(target: Array, first: int, groups: Array) -> None:
    target[first : first + len(groups)] = groups


def _place_anywhere(
    scatter: Scatter, order: Array, target: Array, first: int, groups: Array
) -> None:
    scatter(target, order[first : first + len(groups)], groups)


def _padded_source(
    request: ExtractionRequest,
    index: tuple[int, ...],
    padding: windows.Padding,
    shape: tuple[int, int],
) -> tf.Tensor:
    """Pad one slice of the object, in the corner of a `shape`, as its real view (H, k W).

    What lies beyond is never written, nor read by a kernel that cuts windows.
    """
    room = aligned_empty(shape, request.dtype)
    windows.pad(
        request.image[index], padding, request.fill, lambda size, _: room[: size[0], : size[1]]
    )
    return adopt(room.view(request.real_dtype))
