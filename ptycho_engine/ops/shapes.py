"""Shapes that XLA compiles for: few of them, whatever the sizes of the objects.

Each shape costs a compilation, whose code stays as long as the process lives. Small objects are
therefore given room up to one of a few shapes, and large ones cut in tiles of one shape. Imports
no TensorFlow, so that plans can ask.
"""

from __future__ import annotations

from ..request.extraction import ExtractionRequest
from ..request.windows import copied_bytes, padded_bytes, padding_of

#: Bytes of a padded object from which on it is cut in tiles.
TILED_BYTES = 64 * 1024**2
#: Rows and columns of a tile, unless windows are large.
TILE_SIDE = 2048
#: Samples beyond a power of two: rows that far apart would compete for the same places of caches.
SPARE = 16


def is_tiled(request: ExtractionRequest) -> bool:
    """Tell whether the object of a request is too large to be padded whole."""
    return padded_bytes(request) > TILED_BYTES


def room_for(shape: tuple[int, int]) -> tuple[int, int]:
    """Choose the rows and columns to allocate for a padded object.

    Parameters
    ----------
    shape : (int, int)
        Height and width of the padded object.

    Returns
    -------
    (int, int)
        Rows, a power of two and a few more: those not written to take no memory. Columns, a power
        of two or half as many again, and a few more.
    """
    rows = columns = 64
    while rows + SPARE < shape[0]:
        rows *= 2
    while columns + SPARE < shape[1]:  # 64, 96, 128, 192, ...
        columns += columns // (2 if columns & (columns - 1) == 0 else 3)
    return rows + SPARE, columns + SPARE


def tile_shape(request: ExtractionRequest) -> tuple[int, int]:
    """Rows and columns of the tiles for a request: several times its windows."""
    side = max(TILE_SIDE, 4 * request.cut.span)
    return room_for((side, side))


def compiled_bytes(request: ExtractionRequest) -> int:
    """Bytes of the copies of an object that the compiled kernel takes, kept ones included."""
    itemsize = request.dtype.itemsize
    shape = padding_of(request).padded_shape(request.prepared.size)
    if request.is_tensor:
        return copied_bytes(request)
    if not is_tiled(request):
        width = room_for(shape)[1]
        room = request.slice_count * int(shape[0] * (width - shape[1])) * itemsize
        return copied_bytes(request) + room
    rows, columns = tile_shape(request)
    span, row_bytes = request.cut.span, columns * itemsize
    if not request.prepared.shared:
        return rows * row_bytes
    down, across = (
        int(size - span) // (side - span + 1) + 1
        for size, side in zip(shape, (rows, columns), strict=True)
    )
    used = (int(shape[0]) + (down - 1) * (span - 1)) * across  # rows: those of neighbours overlap
    used = request.slice_count * min(used, request.patch_count * rows)
    return max(rows * row_bytes, min(used * row_bytes, request.prepared.limit_bytes))
