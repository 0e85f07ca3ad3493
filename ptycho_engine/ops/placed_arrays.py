"""NumPy in, NumPy out: patches placed, and positions differentiated, chunk by chunk."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from ..request.blocks import members_first, padded_rows
from ..request.extraction import ExtractionRequest
from ..request.located import LocatedRequest
from ..request.placement import PlacementRequest
from ..request.windows import find_windows, fold
from .aligned import adopt, aligned_empty, as_tensor
from .modes import at_once, unobserved
from .shapes import canvas_shape, is_tiled, tile_cells
from .slopes import SlopeFunction
from .spreading import SpreadFunction
from .tiles import tile_of

Array = np.ndarray[Any, Any]


@at_once  # also while a function with arrays is traced
def add_array(
    request: PlacementRequest,
    out: Array,
    function: SpreadFunction,
    chunk_size: int,
    *,
    one_shape: bool,
) -> Array:
    """Add the patches of a request onto an array.

    Parameters
    ----------
    request : PlacementRequest
        A request of NumPy arrays, flat or in channels.
    out : ndarray, shape `request.output_shape`
        Is added to.
    function : callable
        Adds a chunk of the request's kind to a canvas.
    chunk_size : int
        Patches of a chunk.
    one_shape : bool
        Whether the last chunk is padded to `chunk_size` and canvases have one of a few shapes, so
        that one compilation serves every number of positions.

    Returns
    -------
    ndarray
        `out`. Chunks are added in order, one at a time: the same bits in every run.
    """
    found, k = find_windows(request), request.dtype.itemsize // request.real_dtype.itemsize
    shape = canvas_shape(request, one_shape=one_shape)
    parts = list(_parts(request))
    for index in request.slices:
        patches = members_first(request, request.patches[index])  # (B, C, N, N)
        padded = np.zeros(found.padding.padded_shape(request.shape), request.dtype)
        for corner, members in parts:
            canvas = tf.zeros((shape[0], k * shape[1]), request.real_dtype)
            for chunk in _chunks(members, chunk_size):
                rows = chunk_size if one_shape else len(chunk)
                numbers = _numbers(request, patches, chunk, rows)
                windows = _windows(request, corner, chunk, rows)
                with unobserved():
                    canvas = function(canvas, numbers, *windows)
            values = np.asarray(memoryview(canvas)).view(request.dtype)  # (h, w)
            part = padded[corner[0] :, corner[1] :][: shape[0], : shape[1]]
            part += values[: part.shape[0], : part.shape[1]]
        fold(padded, found.padding, request.fill, out[index])
    return out


@at_once
def slopes_of_array(
    request: ExtractionRequest,
    cotangent: Array,
    function: SlopeFunction,
    chunk_size: int,
    *,
    one_shape: bool,
) -> Array:
    """Differentiate a loss of the patches with respect to the positions.

    Parameters
    ----------
    request, chunk_size, one_shape
        As for :func:`ptycho_engine.ops.arrays.fill_array`.
    cotangent : ndarray, shape `request.output_shape`, dtype `request.dtype`
        Gradient of the loss with respect to the patches, ``dL/dRe + i dL/dIm``.
    function : callable
        Differentiates a chunk of the request's kind.

    Returns
    -------
    ndarray of float64, shape (P, 2)
        The gradient, summed over the leading axes of the object.
    """
    gradient = np.zeros((request.patch_count, 2))
    shape = canvas_shape(request, one_shape=one_shape)
    for index in request.slices:
        upstream = members_first(request, cotangent[index])
        for corner, members in _parts(request):
            tile = tile_of(request, find_windows(request), index, corner, shape)
            for chunk in _chunks(members, chunk_size):
                rows = chunk_size if one_shape else len(chunk)
                windows = _windows(request, corner, chunk, rows)
                with unobserved():
                    slopes = function(tile, *windows, _numbers(request, upstream, chunk, rows))
                gradient[chunk] += slopes[: len(chunk)]
    return gradient


def _parts(request: LocatedRequest) -> Iterator[tuple[Array, Array]]:
    """Yield the corner (2,) of each part of the padded object, and the patches that lie there."""
    if not is_tiled(request):
        yield np.zeros(2, np.int32), np.arange(request.patch_count)
        return
    cells, step = tile_cells(request)
    order = np.lexsort(cells.T[::-1])
    borders = np.flatnonzero((np.diff(cells[order], axis=0) != 0).any(axis=1)) + 1
    for members in np.split(order, borders):
        yield (cells[members[0]] * step).astype(np.int32), members


def _chunks(members: Array, chunk_size: int) -> Iterator[Array]:
    for first in range(0, len(members), chunk_size):
        yield members[first : first + chunk_size]


def _windows(
    request: LocatedRequest, corner: Array, chunk: Array, rows: int
) -> tuple[tf.Tensor, tf.Tensor]:
    """Return starts within a part and offsets of a chunk; rows beyond its patches are 0."""
    found = find_windows(request)
    return (
        as_tensor(padded_rows(found.starts[chunk] - corner, rows)),
        as_tensor(padded_rows(found.offsets[chunk], rows)),
    )


def _numbers(request: LocatedRequest, patches: Array, chunk: Array, rows: int) -> tf.Tensor:
    """Copy a chunk of patches (B, C, N, N) as real numbers (rows, N, k N); missing ones are 0."""
    members = patches.shape[1]
    numbers = aligned_empty((rows, *patches.shape[2:]), request.dtype)
    numbers[: len(chunk)] = patches[chunk // members, chunk % members]
    numbers[len(chunk) :] = 0
    return adopt(numbers.view(request.real_dtype))
