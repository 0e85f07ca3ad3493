"""Large objects, cut in tiles of one shape: one compilation, and no copy of the whole."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import tensorflow as tf

from ..native.stores import scatter_into
from ..request.extraction import ExtractionRequest
from ..request.parts import continued_part
from ..request.prepared import CopyKey
from ..request.windows import Windows, find_windows
from ..workers import share
from .aligned import adopt, aligned_empty, as_tensor
from .arrays import members_first, padded_rows
from .chunks import ChunkFunction, PieceFunction, bind
from .shapes import tile_shape

Array = np.ndarray[Any, Any]


def fill_by_tiles(
    request: ExtractionRequest, out: Array, function: ChunkFunction, chunk_size: int, workers: int
) -> Array:
    """Fill a NumPy array with the patches of a request, tile by tile.

    Parameters
    ----------
    request, out, function, chunk_size, workers
        As for :func:`ptycho_engine.ops.arrays.fill_array`, of a compiled `function`.

    Returns
    -------
    ndarray
        `out`.
    """
    found, shape = find_windows(request), tile_shape(request)
    step = np.array(shape) - request.cut.span + 1  # from tile to tile, so that all windows fit
    cells = found.starts // step  # (P, 2)
    order = np.lexsort(cells.T[::-1])
    borders = np.flatnonzero((np.diff(cells[order], axis=0) != 0).any(axis=1)) + 1
    starts = (found.starts - cells * step).astype(np.int32)
    members = request.channels
    scatter = scatter_into(out, 1) if members == 1 else None

    def fill(cut: PieceFunction, tile: tf.Tensor, target: Array, patches: Array) -> None:
        chunk = (as_tensor(padded_rows(x[patches], chunk_size)) for x in (starts, found.offsets))
        for piece in cut(tile, *chunk):
            values = np.asarray(memoryview(piece)).view(request.dtype)[: len(patches)]  # (., N, N)
            placed, patches = patches[: len(values)], patches[len(values) :]
            if not len(placed):
                return
            if scatter is not None:
                scatter(target, placed, values[:, None])
            else:
                target[placed // members, placed % members] = values

    like = [padded_rows(x[:chunk_size], chunk_size) for x in (starts, found.offsets)]
    cut: PieceFunction | None = None  # one for all tiles: they have one shape
    with tf.init_scope():  # as in `fill_array`
        for index in request.slices:
            target = members_first(request, out[index])
            for patches in np.split(order, borders):
                tile = _tile(request, found, index, cells[patches[0]] * step, shape)
                cut = cut or bind(function, request, tile, *like)
                chunks = [patches[i : i + chunk_size] for i in range(0, len(patches), chunk_size)]
                share(partial(fill, cut, tile, target), chunks, workers)
                del tile  # before the next one is made
    return out


def _tile(
    request: ExtractionRequest,
    found: Windows,
    index: tuple[int, ...],
    first: Array,
    shape: tuple[int, int],
) -> tf.Tensor:
    """Copy one tile, as its real view (H, k W); an object that many calls share keeps it.

    It begins at sample `first` of the padded object. Where that ends earlier than the tile, the
    rest is neither written nor read.
    """
    padded = found.padding.padded_shape(request.image.shape[-2:])
    rows, columns = (
        min(side, int(size - start)) for side, size, start in zip(shape, padded, first, strict=True)
    )
    corner = (int(first[0]) - found.padding.before, int(first[1]) - found.padding.before)

    def make() -> tf.Tensor:
        tile = aligned_empty(shape, request.dtype)
        continued_part(request.image[index], corner, request.fill, tile[:rows, :columns])
        return adopt(tile.view(request.real_dtype))

    if not request.prepared.shared:
        return make()
    key = CopyKey("tile", index, shape, request.fill, corner)
    nbytes = rows * shape[1] * request.dtype.itemsize
    made: tf.Tensor = request.prepared.once(key, make, nbytes)
    return made
