"""Patches differentiated with respect to their positions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from inspect import unwrap
from typing import Any

import tensorflow as tf

from ..compilations import counted
from ..request.extraction import ExtractionRequest
from .chunks import ChunkFunction, ChunkKind, chunk_function
from .tensor_path import extract_tensor

#: Of a padded object (H, k W), starts (P, 2) of int32, offsets (P, 2) and the gradient for the
#: patches (P, N, k N), to the gradient for the offsets (P, 2).
SlopeFunction = Callable[[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor], tf.Tensor]


@cache  # a dropped function would free nothing, and be compiled again
def slope_function(kind: ChunkKind) -> Any:
    """Return the ``tf.function`` that differentiates one chunk for its positions alone.

    Parameters
    ----------
    kind : ChunkKind
        What is cut, with a smooth kernel. The same kind gives the same function.

    Returns
    -------
    tf.function
        A `SlopeFunction`.
    """
    cut = unwrap(chunk_function(kind).python_function)

    def slope_chunk(
        image: tf.Tensor, starts: tf.Tensor, offsets: tf.Tensor, upstream: tf.Tensor
    ) -> tf.Tensor:
        return tf.gradients(cut(image, starts, offsets), offsets, upstream)[0]

    if kind.compiled:
        return tf.function(counted(slope_chunk), jit_compile=True, autograph=False)
    return tf.function(slope_chunk, reduce_retracing=True, autograph=False)


def slopes_of_tensor(
    request: ExtractionRequest,
    cotangent: tf.Tensor,
    function: ChunkFunction,
    chunk_size: int,
    *,
    one_shape: bool,
) -> tf.Tensor:
    """Differentiate a loss of patches in tensors with respect to the positions.

    Parameters
    ----------
    request, function, chunk_size, one_shape
        As for :func:`ptycho_engine.ops.tensor_path.extract_tensor`.
    cotangent : tf.Tensor, shape of the patches
        Gradient of the loss with respect to the patches.

    Returns
    -------
    tf.Tensor of float64, shape (P, 2)
        The gradient.
    """
    positions = tf.convert_to_tensor(request.positions)
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(positions)
        moved = replace(request, positions=positions)
        patches = extract_tensor(moved, function, chunk_size, one_shape=one_shape)
    return tape.gradient(patches, positions, output_gradients=cotangent)
