"""What the hooks of `batched` and `chunked_xla` do: they differ in whether XLA compiles a chunk."""

from __future__ import annotations

from typing import Any

from ..request.extraction import ExtractionRequest
from ..request.placement import PlacementRequest
from . import eager_path
from .arrays import fill_array
from .chunks import chunk_function, kind_of
from .placed_arrays import add_array, slopes_of_array
from .shapes import is_tiled
from .slopes import slope_function, slopes_of_tensor
from .spreading import spread_function
from .tiles import fill_by_tiles


def extract(
    request: ExtractionRequest, out: Any, chunk_size: int, *, compiled: bool, workers: int
) -> Any:
    """Cut patches, of arrays into `out`, of tensors into a new one.

    Parameters
    ----------
    request : ExtractionRequest
        What is cut.
    out : ndarray or None
        Receives patches of arrays.
    chunk_size : int
        Patches of a chunk.
    compiled : bool
        Whether XLA compiles what computes a chunk; all chunks then have one shape.
    workers : int
        Chunks in work at the same time.

    Returns
    -------
    ndarray or tf.Tensor
        The patches.
    """
    kind = kind_of(request, compiled=compiled)
    if request.is_tensor:
        return eager_path.extract(request, kind, chunk_size)
    fill = fill_by_tiles if is_tiled(request) else fill_array
    function = chunk_function(kind)
    return fill(request, out, function, chunk_size, one_shape=compiled, workers=workers)


def place(request: PlacementRequest, out: Any, chunk_size: int, *, compiled: bool) -> Any:
    """Add patches chunk by chunk, in order: arrays onto `out`, tensors onto zeros; as `extract`."""
    kind = kind_of(request, compiled=compiled)
    if request.is_tensor:
        return eager_path.place(request, kind, chunk_size)
    return add_array(request, out, spread_function(kind), chunk_size, one_shape=compiled)


def position_gradient(
    request: ExtractionRequest, cotangent: Any, chunk_size: int, *, compiled: bool
) -> Any:
    """Differentiate the chunks that `extract` cuts with respect to positions: (P, 2), float64."""
    kind = kind_of(request, compiled=compiled)
    if request.is_tensor:
        function = chunk_function(kind)
        return slopes_of_tensor(request, cotangent, function, chunk_size, one_shape=compiled)
    function = slope_function(kind)
    return slopes_of_array(request, cotangent, function, chunk_size, one_shape=compiled)
