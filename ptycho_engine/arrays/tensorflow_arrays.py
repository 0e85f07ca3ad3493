"""TensorFlow tensors, eager and symbolic. Importing this module imports TensorFlow."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from ..errors import CapabilityError
from .forks import refuse_after_fork
from .operation import Operation
from .tensors import is_symbolic


def nan_where(bad: tf.Tensor, values: tf.Tensor) -> tf.Tensor:
    """Put NaN where a tensor of bool, which broadcasts against the values, says so.

    The NaN is made as the graph runs: ``tf.debugging.enable_check_numerics`` refuses a constant.
    """
    nan = tf.sqrt(-tf.cast(bad, values.dtype.real_dtype))
    if values.dtype.is_complex:  # the square root of -1 would be a number
        nan = tf.complex(nan, nan)
    return tf.where(bad, nan, values)


def refuse_positions(positions: tf.Tensor, bad: tf.Tensor, reason: str) -> tf.Tensor:
    """Refuse positions whose numbers are not known before a graph runs.

    Parameters
    ----------
    positions : tf.Tensor of float64, shape (P, 2)
        Columns (y, x).
    bad : tf.Tensor of bool, shape (P,)
        Which to refuse.
    reason : str
        Why.

    Returns
    -------
    tf.Tensor of float64, shape (P, 2)
        The positions. The graph raises ``tf.errors.InvalidArgumentError`` as it runs, with the
        number of bad ones and the first. Compiled by XLA, which cannot raise, it returns them as
        NaN, and their patches are to be NaN in every sample.
    """
    first = tf.argmax(tf.pad(tf.cast(bad, tf.int32), [[0, 1]]))  # there may be no position at all
    is_first = tf.equal(tf.range(tf.size(bad, tf.int64)), first)[:, None]
    number = tf.reduce_sum(tf.where(is_first, positions, tf.zeros_like(positions)), axis=0)
    count = tf.math.count_nonzero(bad)
    said = [f"{reason}: count, of, first index, its position:", count, tf.size(bad), first, number]
    with tf.control_dependencies([tf.debugging.Assert(~tf.reduce_any(bad), said)]):
        return nan_where(bad[:, None], positions)


def of_as_many(
    positions: tf.Tensor,
    others: tf.Tensor,
    axes: slice,
    what: str = "patches",
    each: str = "position",
) -> tf.Tensor:
    """Refuse others than one for each position, where their numbers are not known before.

    Parameters
    ----------
    positions : tf.Tensor, shape (P, 2), or (B, C, 2)
        The positions.
    others : tf.Tensor
        What there is one of for each.
    axes : slice
        Which of its axes count them; the first ones of the positions do.
    what, each : str
        What it is, and what there is one of it for.

    Returns
    -------
    tf.Tensor, as `positions`
        The positions. A graph that knew too little raises ``tf.errors.InvalidArgumentError`` as it
        runs; compiled by XLA, it cannot.
    """
    known = others.shape[axes]
    first = slice(known.rank)
    if known.is_fully_defined() and positions.shape[first].is_fully_defined():
        return positions  # compared before
    count, found = tf.shape(positions)[first], tf.shape(others)[axes]
    expected = f"of them. Expected one for each {each}, of which are"
    said = [f"{what}: received", found, expected, count]
    with tf.control_dependencies([tf.debugging.Assert(tf.reduce_all(count == found), said)]):
        return tf.identity(positions)


class TensorFlowArrays:
    """See :class:`ptycho_engine.arrays.adapter.ArrayAdapter`."""

    name = "tensorflow"

    def convert(self, value: Any, what: str) -> tf.Tensor:
        """Return `value` as a tensor; a variable stays one, so that gradients reach it."""
        return value if isinstance(value, tf.Tensor | tf.Variable) else tf.convert_to_tensor(value)

    def shape(self, array: tf.Tensor) -> tuple[int | None, ...] | None:
        """Return the static shape."""
        return None if array.shape.rank is None else tuple(array.shape)

    def dtype(self, array: tf.Tensor) -> np.dtype[Any]:
        """Return the dtype as NumPy names it."""
        dtype: np.dtype[Any] = np.dtype(array.dtype.as_numpy_dtype)
        return dtype

    def dtype_name(self, array: tf.Tensor) -> str:
        """Return the name of the dtype."""
        name: str = array.dtype.name
        return name

    def is_real(self, array: tf.Tensor) -> bool:
        """Whether it holds real numbers."""
        return bool(array.dtype.is_integer or array.dtype.is_floating)

    def is_symbolic(self, array: tf.Tensor) -> bool:
        """Whether it belongs to a graph under construction."""
        return is_symbolic(array)

    def real_pairs(self, positions: tf.Tensor) -> tuple[tf.Tensor, np.ndarray[Any, Any] | None]:
        """Flatten to (P, 2) float64, also on the host; symbolic ones are checked as they run."""
        refuse_after_fork()
        flat = tf.cast(tf.reshape(positions, (-1, 2)), tf.float64)
        if is_symbolic(flat):
            bad = ~tf.reduce_all(tf.math.is_finite(flat), axis=1)
            return refuse_positions(flat, bad, "positions: NaN or infinite"), None
        return flat, self.to_numpy(flat)

    def to_numpy(self, array: tf.Tensor) -> np.ndarray[Any, Any]:
        """Return the numbers of an eager tensor."""
        return np.asarray(array)

    def empty(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> np.ndarray[Any, Any]:
        """Return aligned memory that is not filled."""
        from ..ops.aligned import aligned_empty

        return aligned_empty(shape, dtype)

    def copied_bytes(self, nbytes: int) -> int:
        """Return the bytes that `from_numpy` takes for so many of `empty`: none on the CPU."""
        from ..ops.aligned import has_gpu

        return nbytes if has_gpu() else 0

    def from_numpy(self, array: np.ndarray[Any, Any]) -> tf.Tensor:
        """Return a tensor with these numbers: without a copy on the CPU if `empty` made them."""
        from ..ops.aligned import adopt, as_tensor, is_aligned

        return adopt(array) if is_aligned(array) else as_tensor(array)

    def arrange(self, patches: tf.Tensor, layout: str, channels: int) -> tf.Tensor:
        """Rearrange flat patches (..., B * C, N, N) into another layout."""
        from ..ops.arrange import arrange_tensor

        return arrange_tensor(patches, layout, channels)

    def flatten(self, patches: tf.Tensor, layout: str) -> tf.Tensor:
        """Rearrange patches of a layout into flat ones (..., P, N, N)."""
        from ..ops.arrange import flatten_tensor

        return flatten_tensor(patches, layout)

    def is_on_host(self, array: Any) -> bool:
        """Say yes: TensorFlow brings numbers to the host when they are asked for."""
        return True

    def differentiable(self, operation: Operation, values: Any, positions: Any) -> tf.Tensor:
        """Compute eagerly, and let a gradient tape reach the values and the positions."""
        from ..ops.modes import is_pushed_forward, is_watched

        @tf.custom_gradient  # type: ignore[untyped-decorator]
        def compute(values: tf.Tensor, positions: tf.Tensor) -> tuple[tf.Tensor, Any]:
            def gradients(cotangent: tf.Tensor) -> tuple[tf.Tensor | None, tf.Tensor | None]:
                if is_symbolic(cotangent):
                    raise CapabilityError(
                        "GradientTape: a gradient is asked for in a graph, as jacobian() does "
                        "that vectorises, and a plugin computes it in NumPy arrays. Choose the "
                        'plugin "chunked_xla".'
                    )
                return (
                    _once(operation.adjoint, positions, cotangent) if wanted[0] else None,
                    _once(operation.position_gradient, values, positions, cotangent)
                    if wanted[1]
                    else None,
                )

            return operation.forward(), gradients

        values, positions = map(tf.convert_to_tensor, (values, positions))
        if is_pushed_forward(values) or is_pushed_forward(positions):
            raise CapabilityError(
                "tf.autodiff.ForwardAccumulator: no derivative is known forwards where a plugin "
                'computes in NumPy arrays. Choose the plugin "chunked_xla", or a GradientTape.'
            )
        wanted = [is_watched(tensor) for tensor in (values, positions)]
        return compute(values, positions)


def _once(function: Callable[..., tf.Tensor], *tensors: tf.Tensor) -> tf.Tensor:
    """Call what computes a gradient, of which there is none in turn."""

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def call(*tensors: tf.Tensor) -> tuple[tf.Tensor, Any]:
        def refuse(cotangent: tf.Tensor) -> Any:
            raise CapabilityError(
                "gradient of a gradient: is not known where a plugin computes in NumPy arrays. "
                'Choose the plugin "chunked_xla", or differentiate once.'
            )

        return function(*tensors), refuse

    return call(*tensors)
