"""Patches spread over their windows, and windows summed up: the adjoint of cutting patches."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import tensorflow as tf

from ..compilations import counted
from ..geometry.kernels import KERNELS
from .chunks import ChunkKind
from .fourier import unshift_patches
from .gather import add_elements, add_windows
from .interpolate import fractions, leave_out_weightless

#: Of a canvas (H, k W), patches (P, N, k N), starts (P, 2) of int32 and offsets (P, 2), to the
#: canvas with the patches added.
SpreadFunction = Callable[[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor], tf.Tensor]


@cache  # a dropped function would free nothing, and be compiled again
def spread_function(kind: ChunkKind) -> Any:
    """Return the ``tf.function`` that adds one chunk of patches to a canvas.

    It is the exact adjoint of what :func:`ptycho_engine.ops.chunks.chunk_function` returns for the
    same kind, and has gradients for the canvas, for the patches and for the offsets.

    Parameters
    ----------
    kind : ChunkKind
        What is placed; its rounding is ``"exact"``. The same kind gives the same function.

    Returns
    -------
    tf.function
        Of a canvas (H, k W), patches (P, N, k N), starts (P, 2) of int32 and offsets (P, 2), to
        the canvas with the patches added.
    """
    add = add_windows if kind.compiled else add_elements

    def spread_chunk(
        canvas: tf.Tensor, patches: tf.Tensor, starts: tf.Tensor, offsets: tf.Tensor
    ) -> tf.Tensor:
        starts = tf.cast(starts, tf.int64) if kind.wide else starts
        windows = spread_patches(
            patches,
            offsets,
            patch_size=kind.patch_size,
            interpolation=kind.interpolation,
            interleave=kind.interleave,
        )
        return add(canvas, starts * tf.constant([1, kind.interleave], starts.dtype), windows)

    if kind.compiled:
        return tf.function(counted(spread_chunk), jit_compile=True, autograph=False)
    return tf.function(spread_chunk, reduce_retracing=True, autograph=False)


def spread_patches(
    patches: tf.Tensor,
    offsets: tf.Tensor,
    *,
    patch_size: int,
    interpolation: str,
    interleave: int,
) -> tf.Tensor:
    """Spread patches over the samples that they were interpolated from, by the same weights.

    Parameters
    ----------
    patches : tf.Tensor of float32 or float64, shape (P, N, k N)
        Patches, real and imaginary parts interleaved if k = 2.
    offsets : tf.Tensor, shape (P, 2), dtype of the patches
        Fractions of the positions, see :func:`ptycho_engine.geometry.split`.
    patch_size : int
        Size N of the patches.
    interpolation : str
        Name of the kernel.
    interleave : {1, 2}
        Numbers k per sample.

    Returns
    -------
    tf.Tensor, shape (P, L, k L), dtype of the patches
        What each patch adds to its window of L samples. One without weight adds nothing, even if
        it is NaN or infinite.
    """
    kernel = KERNELS[interpolation]
    n, k = patch_size, interleave
    whole = fractions(offsets, tf.constant(0), kernel, "exact", patches.dtype)  # (P, 2)
    if kernel.weights is None:
        return unshift_patches(patches, whole, n, n + sum(kernel.reach(n)), k)
    windows = patches
    for axis, step in ((1, 1), (2, k)):  # the weights are products of one for each axis
        weights = kernel.weights(whole[:, axis - 1, None, None])  # (P, 1, 1) each
        terms = []
        for tap, weight in enumerate(weights):
            values = leave_out_weightless(weight * windows, weight)
            terms.append(_padded(values, axis, step * tap, step * (kernel.taps - 1)))
        windows = tf.add_n(terms)
    return windows


def _padded(values: tf.Tensor, axis: int, before: int, more: int) -> tf.Tensor:
    """Put `before` zeros ahead along an axis of (P, N, k N), and others behind, `more` in all.

    The gradients of ``tf.pad`` end, compiled by XLA, in an operation that has none. Those of this
    one are slices, and itself.
    """
    shape, begin = tf.unstack(tf.shape(values)), [0, 0, 0]
    end = list(shape)
    begin[axis], end[axis], shape[axis] = before, before + shape[axis], shape[axis] + more
    padded = tf.raw_ops.StridedSliceGrad(
        shape=shape, begin=begin, end=end, strides=[1, 1, 1], dy=values
    )
    sizes = values.shape.as_list()
    sizes[axis] = None if sizes[axis] is None else sizes[axis] + more
    return tf.ensure_shape(padded, sizes)
