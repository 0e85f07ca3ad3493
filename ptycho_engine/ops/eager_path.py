"""Eager tensors on a CPU: patches placed by the kernel of `native`, and gradients by way of it.

XLA's scatter takes twenty times as long, but only it can be a part of a graph. What is recorded
here can be differentiated again, eagerly or in a graph.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
import tensorflow as tf

from ..arrays.tensors import is_symbolic
from ..errors import PluginLoadError
from ..geometry.kernels import KERNELS
from ..request.extraction import ExtractionRequest
from ..request.placement import PlacementRequest, adjoint_of
from ..request.prepared import PreparedObject
from ..workers import core_count
from .aligned import adopt, aligned_empty, has_gpu
from .chunks import ChunkKind, chunk_function
from .modes import is_pushed_forward, is_watched
from .placed_tensors import place_tensor
from .slopes import slopes_of_tensor
from .spreading import spread_function
from .tensor_path import extract_tensor

Gradient = Callable[[tf.Tensor], tuple[tf.Tensor | None, tf.Tensor | None]]


def extract(request: ExtractionRequest, kind: ChunkKind, chunk_size: int) -> tf.Tensor:
    """Cut the patches of a request of tensors, eager or symbolic.

    Parameters
    ----------
    request : ExtractionRequest
        A request of which the object or the positions are tensors.
    kind : ChunkKind
        Its kind.
    chunk_size : int
        Patches of a chunk.

    Returns
    -------
    tf.Tensor
        As of :func:`ptycho_engine.ops.tensor_path.extract_tensor`.
    """
    image, positions = map(tf.convert_to_tensor, (request.image, request.positions))

    def cut(image: tf.Tensor, positions: tf.Tensor) -> tf.Tensor:
        moved = _moved(request, image, positions)
        return extract_tensor(moved, chunk_function(kind), chunk_size, one_shape=kind.compiled)

    if not _is_ours(kind, image, positions):
        return cut(image, positions)
    of_image, of_positions = map(is_watched, (image, positions))

    @tf.custom_gradient
    def recorded(image: tf.Tensor, positions: tf.Tensor) -> tuple[tf.Tensor, Gradient]:
        def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor | None, tf.Tensor | None]:
            moved = _moved(request, image, positions)
            slopes = of_positions and not KERNELS[kind.interpolation].snaps
            return (
                place(adjoint_of(moved, upstream), kind, chunk_size) if of_image else None,
                _slopes(moved, upstream, kind, chunk_size) if slopes else None,
            )

        return cut(*map(tf.stop_gradient, (image, positions))), gradient

    if not (of_image or of_positions):
        return cut(image, positions)
    return recorded(image, positions)


def place(request: PlacementRequest, kind: ChunkKind, chunk_size: int) -> tf.Tensor:
    """Add the patches of a request of tensors, eager or symbolic, onto zeros.

    Parameters
    ----------
    request, kind, chunk_size
        As of `extract`.

    Returns
    -------
    tf.Tensor, shape (..., H, W)
        As of :func:`ptycho_engine.ops.placed_tensors.place_tensor`.
    """
    patches, positions = map(tf.convert_to_tensor, (request.patches, request.positions))
    if not _is_ours(kind, patches, positions):
        function = spread_function(kind)
        return place_tensor(request, function, chunk_size, one_shape=kind.compiled)
    of_patches, of_positions = map(is_watched, (patches, positions))

    @tf.custom_gradient
    def recorded(patches: tf.Tensor, positions: tf.Tensor) -> tuple[tf.Tensor, Gradient]:
        def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor | None, tf.Tensor | None]:
            of, where = request.cut, (request.layout, request.channels)
            prepared = PreparedObject(upstream)
            cut = ExtractionRequest(upstream, positions, of, *where, prepared=prepared)
            slopes = of_positions and not KERNELS[kind.interpolation].snaps
            return (
                extract(cut, kind, chunk_size) if of_patches else None,
                _slopes(cut, patches, kind, chunk_size) if slopes else None,
            )

        return _placed(request, patches, positions), gradient

    return recorded(patches, positions)


def _moved(request: ExtractionRequest, image: tf.Tensor, positions: tf.Tensor) -> ExtractionRequest:
    return replace(request, image=image, positions=positions)


def _slopes(
    request: ExtractionRequest, upstream: tf.Tensor, kind: ChunkKind, chunk_size: int
) -> tf.Tensor:
    function = chunk_function(kind)
    return slopes_of_tensor(request, upstream, function, chunk_size, one_shape=kind.compiled)


def _is_ours(kind: ChunkKind, *tensors: tf.Tensor) -> bool:
    """Tell whether the kernel of `native` serves these tensors, here and now."""
    return (
        tf.executing_eagerly()
        and not any(map(is_symbolic, tensors))
        and not any(map(is_pushed_forward, tensors))
        and kind.rounding == "exact"
        and KERNELS[kind.interpolation].weights is not None
        and not has_gpu()
        and _add_patches() is not None
    )


def _placed(request: PlacementRequest, patches: tf.Tensor, positions: tf.Tensor) -> tf.Tensor:
    """Place in the memory of the tensors, into that of the result."""
    out = aligned_empty(request.output_shape, request.dtype)
    out[...] = 0
    add = _add_patches()
    if out.size and request.patch_count:
        numbers = replace(
            request, patches=np.asarray(patches), positions=np.asarray(positions), found={}
        )
        add(numbers, out, core_count())
    return adopt(out)


@lru_cache(maxsize=1)
def _add_patches() -> Any:
    """Return the kernel, None where numba is not at hand."""
    try:
        from ..native.placing import add_patches
    except PluginLoadError:
        return None
    return add_patches
