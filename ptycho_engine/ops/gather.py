"""Cutting integer windows out of one large array: the only place that knows how XLA does it.

XLA's ``Gather`` copies whole windows. TensorFlow reaches it through a module that is not public,
so the element-wise gather stands beside it with the same meaning; both clamp nothing, because
:mod:`ptycho_engine.request.windows` returns only windows that lie inside the padded object.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import tensorflow as tf

#: First row and column of a tap, counted from the start of its window.
Tap = tuple[int, int]


def gather_elements(
    image: tf.Tensor, starts: tf.Tensor, rows: int, columns: int, taps: Sequence[Tap]
) -> list[tf.Tensor]:
    """Cut windows element by element, with public TensorFlow alone.

    Parameters
    ----------
    image : tf.Tensor, shape (H, W)
        The array.
    starts : tf.Tensor of int32 or int64, shape (P, 2)
        First row and column of each window; every tap lies inside the array. Whichever they
        are must be able to count the numbers of the array.
    rows, columns : int
        Shape of the taps.
    taps : sequence of (int, int)
        Where each lies within its window.

    Returns
    -------
    list of tf.Tensor, shape (P, rows, columns)
        The samples of each tap.
    """
    most_rows, most_columns = _extent(rows, columns, taps)
    index = _flat_index(image, starts, most_rows, most_columns)
    window = tf.gather(tf.reshape(image, [-1]), index)  # once: every gather costs
    return [window[:, row : row + rows, column : column + columns] for row, column in taps]


def gather_windows(
    image: tf.Tensor, starts: tf.Tensor, rows: int, columns: int, taps: Sequence[Tap]
) -> list[tf.Tensor]:
    """Cut windows as XLA's window gather, inside a function compiled by XLA.

    Parameters and result are those of `gather_elements`, which takes its place when this version
    of TensorFlow lacks the operation, and under ``tf.config.run_functions_eagerly``, where ours has
    no gradient. Its gradient reaches the image.
    """
    if xla_gather() is None or tf.executing_eagerly():
        return gather_elements(image, starts, rows, columns, taps)
    places = tf.constant(taps, starts.dtype)
    # One for each tap: XLA fuses aligned windows.
    found = [xla_gather()(image, starts + place, rows, columns) for place in tf.unstack(places)]
    for samples in found:  # which TensorFlow does not know of an image of unknown size
        samples.set_shape((starts.shape[0], rows, columns))
    return _differentiated("PtychoEngineGather", image, starts, places, *found)[3:]


def add_elements(image: tf.Tensor, starts: tf.Tensor, windows: tf.Tensor) -> tf.Tensor:
    """Add windows element by element, with public TensorFlow alone: the adjoint of a gather.

    Parameters
    ----------
    image : tf.Tensor, shape (H, W)
        The array.
    starts : tf.Tensor of int32 or int64, shape (P, 2)
        As of `gather_elements`.
    windows : tf.Tensor, shape (P, rows, columns), dtype of the image
        What is added; each lies inside the array.

    Returns
    -------
    tf.Tensor, shape (H, W)
        The sum.
    """
    rows, columns = windows.shape[1:]
    index = _flat_index(image, starts, rows, columns)[..., None]  # (P, rows, columns, 1)
    added = tf.tensor_scatter_nd_add(tf.reshape(image, [-1]), index, windows)
    return tf.reshape(added, tf.shape(image))


def add_windows(image: tf.Tensor, starts: tf.Tensor, windows: tf.Tensor) -> tf.Tensor:
    """Add windows as XLA's window scatter, inside a function compiled by XLA.

    Parameters and result are those of `add_elements`, which takes its place where `gather_elements`
    does. Whole windows take a fraction of the time of their elements.
    """
    if xla_gather() is None or tf.executing_eagerly():
        return add_elements(image, starts, windows)
    added = xla_scatter(windows.dtype)(image, starts, windows)
    return _differentiated("PtychoEngineAdd", image, starts, windows, added)[3]


def _extent(rows: int, columns: int, taps: Sequence[Tap]) -> tuple[int, int]:
    """Rows and columns that hold every tap."""
    return rows + max(row for row, _ in taps), columns + max(column for _, column in taps)


def _differentiated(gradient: str, *tensors: tf.Tensor) -> list[tf.Tensor]:
    """Return the tensors, in the function being traced, with a gradient of ours.

    XLA's operations have none. ``tf.custom_gradient``, which does the same, would have the gradient
    keep tensors of this trace, and gradients of gradients would fail.
    """
    graph = tf.compat.v1.get_default_graph()
    with graph.gradient_override_map({"IdentityN": gradient}):
        return list(tf.identity_n(tensors))


def _gradient_left_out(upstream: Sequence[tf.Tensor]) -> list[tf.Tensor | None]:
    """Return the gradient that a SavedModel keeps, which raises: TensorFlow tells it of no inputs.

    Where nothing can be raised, it is NaN.
    """
    message = "patches: a SavedModel keeps no gradients of them. Load the model from .keras instead"
    with tf.control_dependencies([tf.debugging.Assert(False, [message])]):
        return [
            tf.fill(tf.shape(each), tf.constant(float("nan"), each.dtype))
            if each.dtype.is_floating
            else None
            for each in upstream
        ]


@tf.RegisterGradient("PtychoEngineGather")
def _gradient_of_gather(cut: tf.Operation | None, *upstream: tf.Tensor) -> list[tf.Tensor | None]:
    if cut is None:
        return _gradient_left_out(upstream)
    image, starts, places, *found = cut.inputs
    taps = tf.get_static_value(places).tolist()
    rows, columns = found[0].shape[1:]
    most_rows, most_columns = _extent(rows, columns, taps)
    windows = tf.add_n(
        [
            tf.pad(
                values,
                [[0, 0], [row, most_rows - rows - row], [column, most_columns - columns - column]],
            )
            for (row, column), values in zip(taps, upstream[3:], strict=True)
        ]
    )
    added = add_windows(tf.zeros_like(image), starts, windows)
    return [added, None, None, *(None for _ in found)]


@tf.RegisterGradient("PtychoEngineAdd")
def _gradient_of_add(added: tf.Operation | None, *upstream: tf.Tensor) -> list[tf.Tensor | None]:
    if added is None:
        return _gradient_left_out(upstream)
    _image, starts, windows, _sum = added.inputs
    rows, columns = windows.shape[1:]
    (cut,) = gather_windows(upstream[3], starts, rows, columns, [(0, 0)])
    return [upstream[3], None, cut, None]


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
    """Return what adds windows of one dtype onto an array: the adjoint of the window gather."""
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
