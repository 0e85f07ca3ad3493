"""Whole pixels: their patches are copies, which no arithmetic has touched."""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf


@tf.custom_gradient
def copy_where(
    still: tf.Tensor, copies: tf.Tensor, patches: tf.Tensor
) -> tuple[tf.Tensor, Callable[[tf.Tensor], tuple[None, None, tf.Tensor]]]:
    """Take copies in place of computed patches that equal them, but for the smallest numbers.

    TensorFlow computes with subnormal numbers as zeros, and a sum loses the sign of a zero.

    Parameters
    ----------
    still : tf.Tensor of bool
        Where to copy, in a shape that broadcasts against the patches.
    copies, patches : tf.Tensor, of one shape and dtype
        Samples of the object, and what they became.

    Returns
    -------
    tf.Tensor, shape and dtype of `patches`
        The choice. Its gradient is that of `patches`: at a whole pixel too, a patch changes with
        its position.
    """
    return tf.where(still, copies, patches), lambda upstream: (None, None, upstream)
