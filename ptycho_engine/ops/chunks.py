"""The function that cuts one chunk of patches, built once for each kind of request."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import tensorflow as tf

from ..request import ExtractionRequest
from .gather import gather_elements, gather_windows
from .interpolate import cut_patches

Array = np.ndarray[Any, Any]
#: Of a padded object (H, k W), starts (P, 2) of int32 and offsets (P, 2), to patches (P, N, k N).
ChunkFunction = Callable[[tf.Tensor, tf.Tensor, tf.Tensor], tf.Tensor]


@dataclass(frozen=True)
class ChunkKind:
    """What a chunk function depends on besides the shapes of its arrays.

    Attributes
    ----------
    patch_size, interpolation, rounding
        As in the request.
    interleave : {1, 2}
        Numbers per sample: 2 for complex objects.
    compiled : bool
        Compiled by XLA, with the window gather; otherwise a plain graph.
    """

    patch_size: int
    interpolation: str
    rounding: str
    interleave: int
    compiled: bool


@lru_cache(maxsize=64)
def chunk_function(kind: ChunkKind) -> Any:
    """Return the ``tf.function`` that cuts one chunk.

    Parameters
    ----------
    kind : ChunkKind
        What to build. The same kind gives the same function, so that compiled code is reused.

    Returns
    -------
    tf.function
        Of a padded object (H, k W), starts (P, 2) of int32 and offsets (P, 2), to patches
        (P, N, k N).
    """

    def cut_chunk(image: tf.Tensor, starts: tf.Tensor, offsets: tf.Tensor) -> tf.Tensor:
        return cut_patches(
            image,
            starts,
            offsets,
            patch_size=kind.patch_size,
            interpolation=kind.interpolation,
            rounding=kind.rounding,
            interleave=kind.interleave,
            gather=gather_windows if kind.compiled else gather_elements,
            gather_once=not kind.compiled,
        )

    if kind.compiled:
        return tf.function(cut_chunk, jit_compile=True, autograph=False)
    return tf.function(cut_chunk, reduce_retracing=True, autograph=False)


def bind(function: Any, image: tf.Tensor, starts: Array, offsets: Array) -> ChunkFunction:
    """Return a chunk function for eager tensors shaped like these alone, without gradients.

    What ``tf.function`` does at every call to match its arguments takes longer than a small chunk.
    """
    like = (tf.TensorSpec(x.shape, x.dtype) for x in (image, starts, offsets))
    call = function.get_concrete_function(*like).inference_fn.call_flat

    def cut(image: tf.Tensor, starts: tf.Tensor, offsets: tf.Tensor) -> tf.Tensor:
        return call(image, starts, offsets)[0]

    return cut


def kind_of(request: ExtractionRequest, *, compiled: bool) -> ChunkKind:
    """Return the kind of chunk that serves a request."""
    return ChunkKind(
        request.patch_size,
        request.interpolation,
        request.rounding,
        interleave=2 if request.dtype.kind == "c" else 1,
        compiled=compiled,
    )
