"""Cutting integer windows out of one large array: the only place that knows how XLA does it.

XLA's ``Gather`` copies whole windows. TensorFlow reaches it through a module that is not public,
so the element-wise gather stands beside it with the same meaning; both clamp nothing, because
:mod:`ptycho_engine.request.windows` returns only windows that lie inside the padded object.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import tensorflow as tf


def gather_elements(image: tf.Tensor, starts: tf.Tensor, rows: int, columns: int) -> tf.Tensor:
    """Cut windows element by element, with public TensorFlow alone.

    Parameters
    ----------
    image : tf.Tensor, shape (H, W)
        The array.
    starts : tf.Tensor of int32 or int64, shape (P, 2)
        First row and column of each window; every window lies inside the array. Whichever they
        are must be able to count the numbers of the array.
    rows, columns : int
        Shape of the windows.

    Returns
    -------
    tf.Tensor, shape (P, rows, columns)
        The windows.
    """
    index = _flat_index(image, starts, rows, columns)  # (P, rows, columns)
    return tf.gather(tf.reshape(image, [-1]), index)


def gather_windows(image: tf.Tensor, starts: tf.Tensor, rows: int, columns: int) -> tf.Tensor:
    """Cut windows as XLA's window gather, inside a function compiled by XLA.

    Parameters and result are those of `gather_elements`, which takes its place when this version
    of TensorFlow lacks the operation. Its gradient reaches the image.
    """
    if xla_gather() is None:
        return gather_elements(image, starts, rows, columns)

    @tf.custom_gradient
    def cut(image: tf.Tensor) -> Any:
        def scatter(upstream: tf.Tensor) -> tf.Tensor:
            index = _flat_index(image, starts, rows, columns)
            flat = tf.scatter_nd(index[..., None], upstream, [tf.size(image, index.dtype)])
            return tf.reshape(flat, tf.shape(image))

        return xla_gather()(image, starts, rows, columns), scatter

    return cut(image)


def _flat_index(image: tf.Tensor, starts: tf.Tensor, rows: int, columns: int) -> tf.Tensor:
    width = tf.shape(image, starts.dtype)[1]
    row = starts[:, 0, None] + tf.range(rows, dtype=starts.dtype)  # (P, rows)
    column = starts[:, 1, None] + tf.range(columns, dtype=starts.dtype)  # (P, columns)
    return (row * width)[:, :, None] + column[:, None, :]


@lru_cache(maxsize=1)
def xla_gather() -> Any:
    """Return the window gather of this version of TensorFlow, or None."""
    try:
        from tensorflow.compiler.tf2xla.python import xla
        from tensorflow.compiler.xla import xla_data_pb2
    except ImportError:
        return None
    numbers = xla_data_pb2.GatherDimensionNumbers()
    numbers.offset_dims.extend([1, 2])
    numbers.start_index_map.extend([0, 1])
    numbers.index_vector_dim = 1

    def gather(image: tf.Tensor, starts: tf.Tensor, rows: int, columns: int) -> tf.Tensor:
        shape = tf.constant([rows, columns], starts.dtype)
        return xla.gather(image, starts, numbers, shape, indices_are_sorted=False)

    return gather
