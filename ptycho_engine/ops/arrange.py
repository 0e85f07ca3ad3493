"""Tensors in another form: as their real view, in other layouts, with zeros beside, folded back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from ..geometry.layouts import grid_side
from ..request.windows import source_index


def to_interleaved(image: tf.Tensor) -> tf.Tensor:
    """Complex (..., W) to real (..., 2 W); real tensors pass through."""
    if not image.dtype.is_complex:
        return image
    parts = tf.stack([tf.math.real(image), tf.math.imag(image)], axis=-1)  # (..., W, 2)
    width = image.shape[-1]
    joined = tf.reshape(parts, tf.concat([tf.shape(image)[:-1], [-1]], 0))
    return tf.ensure_shape(joined, (*image.shape[:-1], None if width is None else 2 * width))


def from_interleaved(patches: tf.Tensor, dtype: tf.DType) -> tf.Tensor:
    """Real (P, N, 2 M) to complex (P, N, M); real patches pass through."""
    if not dtype.is_complex:
        return patches
    rows, numbers = patches.shape[-2:]
    pairs = tf.reshape(patches, (-1, rows, numbers // 2, 2))
    return tf.complex(pairs[..., 0], pairs[..., 1])


def surround(values: tf.Tensor, beside: Sequence[Sequence[int]]) -> tf.Tensor:
    """Put zeros before and behind along each axis, as ``tf.pad`` does, inside a chunk's function.

    The gradient of ``tf.pad`` takes their numbers from the forward pass. Where that is a function
    of its own, within one that XLA compiles, TensorFlow holds all its arguments for constants of
    the program then, and has XLA compile it anew for each position.
    """
    inside = [slice(before, -behind or None) for before, behind in beside]

    @tf.custom_gradient
    def pad(values: tf.Tensor) -> Any:
        return tf.pad(values, beside), lambda upstream: upstream[inside]

    return pad(values)


def fold_tensor(padded: tf.Tensor, shape: tuple[int, int], before: int, fill: str) -> tf.Tensor:
    """Add what lies beyond the borders of (B, H', W') to the samples repeated there: (B, H, W).

    It is the adjoint of continuing objects by a fill, of which `before` rows and columns lie ahead.
    """
    if fill == "zeros":
        return padded[:, before : before + shape[0], before : before + shape[1]]
    for axis, to_front in ((1, (1, 0, 2)), (2, (2, 1, 0))):
        size = shape[axis - 1]
        index = source_index(np.arange(padded.shape[axis]) - before, size, fill)
        folded = tf.math.unsorted_segment_sum(tf.transpose(padded, to_front), index, size)
        padded = tf.transpose(folded, to_front)  # swaps two axes, and swaps them back
    return padded


def arrange_tensor(patches: tf.Tensor, layout: str, channels: int) -> tf.Tensor:
    """Rearrange flat patches (..., B * C, N, N) into another layout."""
    if layout == "flat":
        return patches
    rank = patches.shape.rank
    *lead, count, n, _ = (
        patches.shape[axis] if patches.shape[axis] is not None else tf.shape(patches)[axis]
        for axis in range(rank)
    )
    groups = count // channels
    if layout == "channel":
        grouped = tf.reshape(patches, (*lead, groups, channels, n, n))
        return tf.transpose(grouped, [*range(rank - 2), rank - 1, rank, rank - 2])
    side = grid_side(channels)
    return tf.reshape(patches, (*lead, groups, side, side, n, n, 1))


def flatten_tensor(patches: tf.Tensor, layout: str) -> tf.Tensor:
    """Rearrange patches of a layout into flat ones (..., B * C, N, N)."""
    if layout == "flat":
        return patches
    rank = patches.shape.rank
    behind = 4 if layout == "channel" else 6  # axes of the layout behind the leading ones
    n = patches.shape[-2]
    if layout == "channel":
        patches = tf.transpose(patches, [*range(rank - 3), rank - 1, rank - 3, rank - 2])
    lead = [
        patches.shape[axis] if patches.shape[axis] is not None else tf.shape(patches)[axis]
        for axis in range(rank - behind)
    ]
    return tf.reshape(patches, (*lead, -1, n, n))
