"""What all layers share: the precision they compute in, pairs of real arrays, shapes of results."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..errors import RequestError
from .keras_backend import keras, tf

DOUBLE = tf.float64, tf.complex128


class EngineLayer(keras.layers.Layer):
    """Base of the layers: they compute in the precision of their inputs, not in the policy's.

    Double inputs give double results, single and whole-numbered ones single. Half precision is
    computed in single and gives single results, since there are no complex numbers of half
    precision, and intensities exceed its range. The policy (`dtype`) chooses how weights are kept.

    Parameters
    ----------
    **kwargs
        As for every Keras layer.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(autocast=False, **kwargs)

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """Trace the layer: Keras would take the policy's dtype, which results need not have."""
        return keras.Operation.compute_output_spec(self, *args, **kwargs)

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        """Return the shape of what inputs of these shapes give."""
        like = keras.tree.map_shape_structure(keras.KerasTensor, input_shape)
        return tuple(self.compute_output_spec(like).shape)


def real_dtype(*tensors: Any) -> Any:
    """Return the dtype of real numbers to compute in: float64 if any of the tensors is double."""
    return tf.float64 if any(tensor.dtype in DOUBLE for tensor in tensors) else tf.float32


def complex_dtype(*tensors: Any) -> Any:
    """Return the dtype of complex numbers to compute in."""
    return tf.complex128 if real_dtype(*tensors) == tf.float64 else tf.complex64


def as_real(layer: str, what: str, value: Any, dtype: Any = None) -> Any:
    """Return a real tensor in single or double precision.

    Raises
    ------
    RequestError
        If it is complex, or a pair.
    """
    value = as_tensor(value)
    if value is None or value.dtype.is_complex:
        kind = "no tensor" if value is None else value.dtype.name
        raise RequestError(f"{layer}: received {kind} as {what}. Expected a real tensor.")
    return tf.cast(value, dtype or real_dtype(value))


def as_tensor(value: Any) -> Any:
    """Return a tensor or an array of numbers as a tensor, and None for anything else."""
    if not hasattr(value, "dtype") or not hasattr(value, "shape"):
        return None
    value = tf.convert_to_tensor(value)
    return None if value.dtype == tf.string else value


def as_field(layer: str, value: Any) -> Any:
    """Return a field, real or complex, in single or double precision.

    Parameters
    ----------
    layer : str
        Who asks, for the message.
    value : tf.Tensor, or list or tuple of two
        A tensor is taken as it is, whatever its last axis: two channels stay two channels. Two
        real tensors of one shape in a list are the real and the imaginary part.

    Returns
    -------
    tf.Tensor
        The field; complex if it came as a pair.

    Raises
    ------
    RequestError
        If it is a list of anything else.
    """
    if not isinstance(value, list | tuple):
        tensor = as_tensor(value)
        if tensor is None:
            raise RequestError(
                f"{layer}: received {type(value).__name__}. Expected a tensor of numbers, or the "
                "real and the imaginary part, [real, imag]."
            )
        value = tensor
        dtype = complex_dtype(value) if value.dtype.is_complex else real_dtype(value)
        return tf.cast(value, dtype)
    if len(value) != 2 or any(isinstance(part, list | tuple) for part in value):
        raise RequestError(
            f"{layer}: received a list of {len(value)}. Expected a tensor, or the real and the "
            "imaginary part, [real, imag]."
        )
    parts = [as_real(layer, "a part of a field", part) for part in value]
    if not parts[0].shape.is_compatible_with(parts[1].shape):  # they would broadcast
        raise RequestError(
            f"{layer}: received a real part of shape {parts[0].shape} and an imaginary part of "
            f"shape {parts[1].shape}. Expected one shape."
        )
    return tf.complex(*(tf.cast(part, real_dtype(*parts)) for part in parts))


def by_parts(operation: Callable[[Any, Any], Any], field: Any, numbers: Any) -> Any:
    """Multiply or divide a field by real numbers, the parts of a complex one each on its own.

    A complex product makes NaN of infinity, and a complex quotient rounds more.
    """
    if not field.dtype.is_complex:
        return operation(field, numbers)
    return tf.complex(*(operation(part(field), numbers) for part in (tf.math.real, tf.math.imag)))


def two_inputs(layer: str, inputs: Any, first: str, second: str) -> tuple[Any, Any]:
    """Take apart the inputs of a layer that has two.

    Raises
    ------
    RequestError
        If they are no list of two.
    """
    if not isinstance(inputs, list | tuple) or len(inputs) != 2:
        kind = type(inputs).__name__
        came = f"a list of {len(inputs)}" if isinstance(inputs, list | tuple) else kind
        raise RequestError(f"{layer}: received {came}. Expected the list [{first}, {second}].")
    return inputs[0], inputs[1]


def check_rank(layer: str, what: str, tensor: Any, *ranks: int) -> None:
    """Refuse a tensor of another rank.

    Raises
    ------
    RequestError
        If its rank is none of `ranks`.
    """
    if tensor.shape.rank not in ranks:
        raise RequestError(
            f"{layer}: received {what} of shape {tensor.shape}. Expected "
            f"{' or '.join(map(str, ranks))} axes."
        )


def as_positions(layer: str, positions: Any, others: Any) -> Any:
    """Return positions as float64, as many sets as there are others in the batch.

    Raises
    ------
    RequestError
        If they are complex, or not of shape (B, C, 2) with the B of the others.
    """
    where = as_real(layer, "positions", positions, tf.float64)
    if where.shape.rank != 3 or where.shape[2] != 2:
        raise RequestError(
            f"{layer}: received positions of shape {where.shape}. Expected (B, C, 2), "
            "columns (y, x)."
        )
    if not where.shape[:1].is_compatible_with(others.shape[:1]):
        raise RequestError(
            f"{layer}: received {where.shape[0]} sets of positions for a batch of "
            f"{others.shape[0]}. Expected one for each."
        )
    return where
