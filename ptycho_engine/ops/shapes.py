"""Shapes that XLA compiles for: few of them, whatever the sizes of the objects.

Each shape costs a compilation, whose code stays as long as the process lives, whether or not the
function is dropped. Small objects are therefore given room up to one of a few shapes, and large
ones cut in tiles of one shape: `ROOMS` bounds the compilations of a kernel, whatever the number of
objects. Imports no TensorFlow, so that plans can ask.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..geometry.kernels import KERNELS
from ..request.extraction import ExtractionRequest
from ..request.located import LocatedRequest
from ..request.placement import PlacementRequest
from ..request.prepared import CopyKey
from ..request.windows import copied_bytes, find_windows, padded_bytes, padding_of

#: Bytes of a padded object from which on it is cut in tiles.
TILED_BYTES = 64 * 1024**2
#: Rows and columns of a tile, unless windows are large.
TILE_SIDE = 2048
#: Samples beyond a power of two: rows that far apart would compete for the same places of caches.
SPARE = 16
#: Owners of copies: padded in a room, padded as they are, and parts.
ROOM, TENSOR, TILE = "room", "tensor", "tile"
#: Shapes at most, of any height and width, for one kernel, dtype and chunk size; square objects
#: have 13.
ROOMS = 220


def is_tiled(request: LocatedRequest) -> bool:
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


def tile_shape(request: LocatedRequest) -> tuple[int, int]:
    """Rows and columns of the tiles for a request: several times its windows."""
    side = max(TILE_SIDE, 4 * request.cut.span)
    return room_for((side, side))


def tile_cells(request: LocatedRequest) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Find the tile that each window of a NumPy request lies in.

    Returns
    -------
    cells : ndarray of int, shape (P, 2)
        Row and column of the tile, counted in tiles.
    step : ndarray of int, shape (2,)
        Rows and columns from tile to tile: fewer than a tile has, so that every window fits.
    """
    step = np.array(tile_shape(request)) - request.cut.span + 1
    return find_windows(request).starts // step, step


def canvas_shape(request: LocatedRequest, *, one_shape: bool) -> tuple[int, int]:
    """Rows and columns of what windows of a NumPy request lie in: the padded object, or a tile.

    Parameters
    ----------
    request : ExtractionRequest or PlacementRequest
        A request.
    one_shape : bool
        Whether it has one of a few shapes, for a compiled kernel.

    Returns
    -------
    (int, int)
        The shape.
    """
    if is_tiled(request):
        return tile_shape(request)
    shape = padding_of(request).padded_shape(request.shape)
    return room_for(shape) if one_shape else shape


def canvas_bytes(request: PlacementRequest, *, one_shape: bool) -> int:
    """Bytes of what patches are added to: the padded object, and a canvas before and after."""
    rows, columns = canvas_shape(request, one_shape=one_shape)
    canvas = padded_bytes(request)
    if not (request.is_tensor and is_tiled(request)):
        canvas = rows * columns * request.dtype.itemsize
    kept = request.output_bytes if request.is_tensor else padded_bytes(request)
    return kept + 2 * canvas


def spread_bytes(request: PlacementRequest) -> int:
    """Bytes that a patch takes while it is spread over its window: itself, and terms of a sum."""
    span, kernel = request.cut.span, KERNELS[request.interpolation]
    windows = 3 if kernel.weights is not None else 8  # spectra, complex also for real patches
    return request.dtype.itemsize * (request.patch_size**2 + windows * span**2)


def object_bytes(request: ExtractionRequest, *, one_shape: bool) -> int:
    """Bytes of the copies of an object that TensorFlow cuts from, kept ones included.

    Parameters
    ----------
    request : ExtractionRequest
        A request, of tensors too.
    one_shape : bool
        Whether the copies have one of a few shapes, for a compiled kernel.

    Returns
    -------
    int
        Bytes; of tensors also what holds their patches until they are joined.
    """
    if request.is_tensor:
        return _tensor_bytes(request, one_shape)
    if is_tiled(request):
        return _tiles_bytes(request)
    if one_shape:
        return copied_bytes(request, ROOM, room_bytes(request))
    return copied_bytes(request, TENSOR)


def room_bytes(request: ExtractionRequest) -> int:
    """Bytes of a padded slice with room to the right; rows below are never written."""
    rows, columns = padding_of(request).padded_shape(request.prepared.size)
    return int(rows * room_for((rows, columns))[1]) * request.dtype.itemsize


def _tiles_bytes(request: ExtractionRequest) -> int:
    """Bytes of one tile, or of all that are needed of an object that keeps them."""
    shape, padding = tile_shape(request), padding_of(request)
    row_bytes = shape[1] * request.dtype.itemsize
    if not request.prepared.shared:
        return shape[0] * row_bytes
    cells, step = tile_cells(request)
    firsts = np.unique(cells, axis=0) * step  # (tiles, 2)
    last = padding.padded_shape(request.prepared.size)[0]  # rows below are never written
    rows = np.minimum(shape[0], last - firsts[:, 0]).sum() * request.slice_count
    needed = {
        CopyKey(TILE, index, shape, request.fill, (int(y), int(x)))
        for index in request.slices
        for y, x in firsts - padding.before
    }
    mean = -(-int(rows) * row_bytes // max(1, len(needed)))
    return request.prepared.bytes_with(needed, mean)


def _tensor_bytes(request: ExtractionRequest, one_shape: bool) -> int:
    """Bytes of the padded object while it is made, or later beside the patches.

    A complex object takes its parts and their pairs too while it is made, one that is continued
    by other samples than zeros an index at a time. Chunks stay until they are joined, and joined
    ones, later, until they are arranged. What a gradient needs is its own.
    """
    # Whatever one_shape says, large tensors get no room: they are not cut in tiles.
    padded = room_bytes(request) if one_shape and not is_tiled(request) else padded_bytes(request)
    padded *= request.slice_count
    copies = 3 if request.dtype.kind == "c" else 2 if request.fill != "zeros" else 1
    return max(copies * padded - request.output_bytes, padded + request.output_bytes)
