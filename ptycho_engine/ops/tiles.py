"""Large objects, cut in tiles of one shape: one compilation, and no copy of the whole."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from ..native.stores import scatter_into
from ..request.blocks import members_first, padded_rows
from ..request.extraction import ExtractionRequest
from ..request.parts import continued_part
from ..request.prepared import CopyKey
from ..request.windows import Windows, find_windows
from ..workers import share
from .aligned import adopt, aligned_empty, as_tensor
from .chunks import ChunkFunction, PieceFunction, bind
from .modes import at_once
from .shapes import TILE, tile_cells, tile_shape

Array = np.ndarray[Any, Any]


@at_once  # also while a function with arrays is traced
def fill_by_tiles(
    request: ExtractionRequest,
    out: Array,
    function: ChunkFunction,
    chunk_size: int,
    *,
    one_shape: bool,
    workers: int,
) -> Array:
    """Fill a NumPy array with the patches of a request, tile by tile.

    Parameters
    ----------
    request, out, function, chunk_size, one_shape, workers
        As for :func:`ptycho_engine.ops.arrays.fill_array`.

    Returns
    -------
    ndarray
        `out`.
    """
    found, shape = find_windows(request), tile_shape(request)
    cells, step = tile_cells(request)
    order = np.lexsort(cells.T[::-1])
    borders = np.flatnonzero((np.diff(cells[order], axis=0) != 0).any(axis=1)) + 1
    starts = (found.starts - cells * step).astype(np.int32)
    members = request.channels
    scatter = scatter_into(out, 1) if members == 1 else None

    def fill(work: tuple[Any, tf.Tensor, Array, Array]) -> None:
        cut, tile, target, patches = work
        rows = chunk_size if one_shape else len(patches)
        chunk = (as_tensor(padded_rows(x[patches], rows)) for x in (starts, found.offsets))
        for piece in cut(tile, *chunk):
            values = np.asarray(memoryview(piece)).view(request.dtype)[: len(patches)]  # (., N, N)
            placed, patches = patches[: len(values)], patches[len(values) :]
            if not len(placed):
                return
            if scatter is not None:
                scatter(target, placed, values[:, None])
            else:
                target[placed // members, placed % members] = values

    def whole_chunk(*arguments: tf.Tensor) -> Sequence[tf.Tensor]:
        return (function(*arguments),)

    like = [padded_rows(x[:chunk_size], chunk_size) for x in (starts, found.offsets)]
    cut: PieceFunction | None = None if one_shape else whole_chunk  # all tiles have one shape
    # Tiles that the object keeps are worked off together, others one after another.
    together = request.prepared.limit_bytes if request.prepared.shared else 0
    work: list[tuple[Any, tf.Tensor, Array, Array]] = []
    held = 0
    for index in request.slices:
        target = members_first(request, out[index])
        for patches in np.split(order, borders):
            tile = tile_of(request, found, index, cells[patches[0]] * step, shape)
            cut = cut or bind(function, request, tile, *like)
            parts = range(0, len(patches), chunk_size)
            work += [(cut, tile, target, patches[i : i + chunk_size]) for i in parts]
            held += shape[0] * shape[1] * request.dtype.itemsize
            del tile  # before the next one is made
            if held > together:
                share(fill, work, workers)
                work, held = [], 0
    share(fill, work, workers)
    return out


def tile_of(
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
    key = CopyKey(TILE, index, shape, request.fill, corner)
    nbytes = rows * shape[1] * request.dtype.itemsize
    made: tf.Tensor = request.prepared.once(key, make, nbytes)
    return made
