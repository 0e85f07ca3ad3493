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

    with _differentiated("XlaGather", "PtychoEngineCutWindows"):
        return xla_gather()(image, starts, rows, columns)


def scatter_windows(image: tf.Tensor, starts: tf.Tensor, windows: tf.Tensor) -> tf.Tensor:
    """Add windows (P, rows, columns) onto an image: the adjoint of `gather_windows`.

    Whole windows at once take a third of the time of their elements, with the same bits.
    """
    with _differentiated("XlaScatter", "PtychoEngineAddWindows"):
        return xla_scatter(windows.dtype)(image, starts, windows)


def _differentiated(operation: str, gradient: str) -> Any:
    """Give an operation of the function being traced a gradient: TensorFlow registers none.

    ``tf.custom_gradient`` would keep tensors of this trace, and fail for gradients of gradients.
    """
    return tf.compat.v1.get_default_graph().gradient_override_map({operation: gradient})


@tf.RegisterGradient("PtychoEngineCutWindows")
def _gradient_of_gather(cut: tf.Operation, upstream: tf.Tensor) -> list[tf.Tensor | None]:
    image, starts, _shape = cut.inputs
    return [scatter_windows(tf.zeros_like(image), starts, upstream), None, None]


@tf.RegisterGradient("PtychoEngineAddWindows")
def _gradient_of_scatter(added: tf.Operation, upstream: tf.Tensor) -> list[tf.Tensor | None]:
    _image, starts, windows = added.inputs
    return [upstream, None, gather_windows(upstream, starts, *windows.shape[1:])]


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


@lru_cache
def xla_scatter(dtype: tf.DType) -> Any:
    """Return what adds windows of one dtype onto an array: the adjoint of the window gather.

    Whole windows at once take a third of the time of their elements, with the same bits.
    """
    from tensorflow.compiler.tf2xla.python import xla
    from tensorflow.compiler.xla import xla_data_pb2

    numbers = xla_data_pb2.ScatterDimensionNumbers()
    numbers.update_window_dims.extend([1, 2])
    numbers.scatter_dims_to_operand_dims.extend([0, 1])
    numbers.index_vector_dim = 1
    with tf.init_scope():  # kept from one trace to the next, and so of none of them
        scalar = tf.TensorSpec((), dtype)
        add = tf.function(tf.add, autograph=False).get_concrete_function(scalar, scalar)

    def scatter(array: tf.Tensor, starts: tf.Tensor, windows: tf.Tensor) -> tf.Tensor:
        return xla.scatter(array, starts, windows, add, numbers, indices_are_sorted=False)

    return scatter
