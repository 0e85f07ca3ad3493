"""Interpolated windows of a padded object: gather, weigh, sum.

A complex object is handled as its real view with interleaved real and imaginary parts: shape
(H, 2 W). ``interleave`` is 2 then and 1 for a real object.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from ..geometry.kernels import KERNELS, Kernel
from .copies import copy_where
from .fourier import shift_windows
from .gather import Tap

Gather = Callable[[tf.Tensor, tf.Tensor, int, int, Sequence[Tap]], list[tf.Tensor]]
Sample = Callable[[int, int], tf.Tensor]


def cut_patches(
    image: tf.Tensor,
    starts: tf.Tensor,
    offsets: tf.Tensor,
    *,
    patch_size: int,
    interpolation: str,
    rounding: str,
    interleave: int,
    gather: Gather,
) -> tf.Tensor:
    """Cut interpolated patches out of a padded object.

    Parameters
    ----------
    image : tf.Tensor of float32 or float64, shape (H, interleave * W)
        The padded object.
    starts : tf.Tensor of int32 or int64, shape (P, 2)
        Row and column of the first sample that each patch needs.
    offsets : tf.Tensor, shape (P, 2), the request's `offset_dtype`
        The second result of :func:`ptycho_engine.geometry.split`.
    patch_size : int
        Size N of the patches.
    interpolation, rounding : str
        As in the request.
    interleave : {1, 2}
        Numbers per sample.
    gather : callable
        One of :mod:`ptycho_engine.ops.gather`.

    Returns
    -------
    tf.Tensor, shape (P, N, interleave * N), dtype of the image
        The patches.
    """
    kernel = KERNELS[interpolation]
    n, k = patch_size, interleave
    starts *= tf.constant([1, k], starts.dtype)
    if kernel.weights is None:
        whole = fractions(offsets, tf.constant(0), kernel, rounding, image.dtype)  # (P, 2)
        side = n + sum(kernel.reach(n))
        (windows,) = gather(image, starts, side, k * side, [(0, 0)])
        return shift_windows(windows, whole, n, k)
    places = list(itertools.product(range(kernel.taps), repeat=2))
    taps = gather(image, starts, n, k * n, [(row, k * column) for row, column in places])
    samples = dict(zip(places, taps, strict=True))

    def sample(row: int, column: int) -> tf.Tensor:
        return samples[row, column]

    how = kernel, rounding, image.dtype
    rows = fractions(offsets[:, :1], tf.range(n), *how)[:, :, None]
    columns = fractions(offsets[:, 1:], tf.range(k * n) // k, *how)[:, None, :]
    patches = blend(sample, kernel.weights(rows), kernel.weights(columns), rounding)
    if rounding == "legacy":
        return patches
    still = tf.equal(rows, 0) & tf.equal(columns, 0)  # (P, 1, 1)
    return copy_where(still, sample(kernel.before, kernel.before), patches)


def fractions(
    offsets: tf.Tensor, index: tf.Tensor, kernel: Kernel, rounding: str, dtype: tf.DType
) -> tf.Tensor:
    """Fraction of the coordinates along one axis.

    Parameters
    ----------
    offsets : tf.Tensor
        As `cut_patches` takes them, for one axis, in a shape that broadcasts against `index`.
    index : tf.Tensor of int32
        Index of each sample in its window.
    kernel : Kernel
        Whether fractions snap to 0 or 1.
    rounding : {"exact", "legacy"}
        As in the request.
    dtype : tf.DType
        Of the result.

    Returns
    -------
    tf.Tensor
        The shape of `offsets` if exact, since all samples of a window share their fraction; else
        that of ``offsets + index``.
    """
    t = offsets
    if rounding == "legacy":
        # The legacy coordinate is pixel index + window start, rounded to float32; its fraction
        # may come out as 1. complex128 is sampled in float64 from the float32 position.
        index = tf.cast(index, t.dtype)
        t = (index + t) - (index + tf.floor(t))
    return tf.cast(t >= 0.5 if kernel.snaps else t, dtype)


def blend(
    sample: Sample,
    row_weights: tuple[tf.Tensor, ...],
    column_weights: tuple[tf.Tensor, ...],
    rounding: str,
) -> tf.Tensor:
    """Weighted sum of the taps, row by row; the legacy code sums bilinear taps in this order.

    Parameters
    ----------
    sample : callable
        Returns the samples ``(row, column)`` taps away from the first.
    row_weights, column_weights : tuple of tf.Tensor
        Weights of the taps, in shapes that broadcast against the samples.
    rounding : {"exact", "legacy"}
        As in the request.

    Returns
    -------
    tf.Tensor
        The sum, in the shape of the samples.
    """
    total = None
    for row, row_weight in enumerate(row_weights):
        for column, column_weight in enumerate(column_weights):
            weight = row_weight * column_weight
            term = weight * sample(row, column)
            if rounding == "exact":
                term = leave_out_weightless(term, weight)
            total = term if total is None else total + term
    return total


def leave_out_weightless(term: tf.Tensor, weight: tf.Tensor) -> tf.Tensor:
    """Leave out terms without weight, even of NaN or infinity; weights lie within -1 and 1.

    The gradient passes: where a weight is zero, its slope is not.
    """

    @tf.custom_gradient
    def leave_out(term: tf.Tensor) -> Any:
        # A choice by `weight == 0` would become a branch at every few samples.
        bits = tf.int32 if term.dtype.size == 4 else tf.int64
        mask = -tf.cast(tf.math.ceil(tf.abs(weight)), bits)  # all bits, or none
        kept = tf.bitwise.bitwise_and(tf.bitcast(term, bits), mask)
        return tf.bitcast(kept, term.dtype), lambda upstream: upstream

    return leave_out(term)
