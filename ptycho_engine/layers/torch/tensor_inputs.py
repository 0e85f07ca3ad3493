"""What all modules share: the precision they compute in, pairs of real tensors, shapes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from ...errors import RequestError

DOUBLE = torch.float64, torch.complex128


def real_dtype(*tensors: torch.Tensor) -> torch.dtype:
    """Return the dtype of real numbers to compute in: float64 if any of the tensors is double."""
    return torch.float64 if any(t.dtype in DOUBLE for t in tensors) else torch.float32


def complex_dtype(*tensors: torch.Tensor) -> torch.dtype:
    """Return the dtype of complex numbers to compute in."""
    return torch.complex128 if real_dtype(*tensors) is torch.float64 else torch.complex64


def as_real(layer: str, what: str, value: Any, dtype: torch.dtype | None = None) -> torch.Tensor:
    """Return a real tensor in single or double precision.

    Raises
    ------
    RequestError
        If it is no tensor, or complex.
    """
    if not isinstance(value, torch.Tensor) or value.is_complex():
        kind = value.dtype if isinstance(value, torch.Tensor) else type(value).__name__
        raise RequestError(f"{layer}: received {kind} as {what}. Expected a real tensor.")
    return value.to(dtype or real_dtype(value))


def by_parts(
    operation: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
    field: torch.Tensor,
    numbers: torch.Tensor,
) -> torch.Tensor:
    """Multiply or divide a field by real numbers, the parts of a complex one each on its own.

    A complex product makes NaN of infinity, and a complex quotient rounds more.
    """
    if not field.is_complex():
        return operation(field, numbers)
    parts = torch.view_as_real(field.resolve_conj())
    return torch.view_as_complex(operation(parts, numbers[..., None]))


def as_array(value: Any) -> Any:
    """Return the numbers of a tensor as an array; anything else passes through."""
    if not isinstance(value, torch.Tensor):
        return value
    tensor = value.detach().cpu().resolve_conj().resolve_neg()
    return (tensor.float() if tensor.dtype is torch.bfloat16 else tensor).numpy()


def as_field(layer: str, value: Any) -> torch.Tensor:
    """Return a field, real or complex, in single or double precision.

    Parameters
    ----------
    layer : str
        Who asks, for the message.
    value : Tensor, or list or tuple of two
        A tensor is taken as it is, whatever its last axis: two channels stay two channels. Two
        real tensors of one shape in a list are the real and the imaginary part.

    Returns
    -------
    Tensor
        The field; complex if it came as a pair.

    Raises
    ------
    RequestError
        If it is anything else.
    """
    if isinstance(value, torch.Tensor):
        return value.to(complex_dtype(value) if value.is_complex() else real_dtype(value))
    if not isinstance(value, list | tuple) or len(value) != 2:
        kind = (
            f"a list of {len(value)}" if isinstance(value, list | tuple) else type(value).__name__
        )
        raise RequestError(
            f"{layer}: received {kind}. Expected a tensor, or the real and the imaginary part, "
            "[real, imag]."
        )
    parts = [as_real(layer, "a part of a field", part) for part in value]
    if parts[0].shape != parts[1].shape:  # they would broadcast
        raise RequestError(
            f"{layer}: received a real part of shape {tuple(parts[0].shape)} and an imaginary part "
            f"of shape {tuple(parts[1].shape)}. Expected one shape."
        )
    dtype = real_dtype(*parts)
    return torch.complex(*(part.to(dtype) for part in parts))


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


def check_rank(layer: str, what: str, tensor: torch.Tensor, *ranks: int) -> None:
    """Refuse a tensor of another rank.

    Raises
    ------
    RequestError
        If its rank is none of `ranks`.
    """
    if tensor.ndim not in ranks:
        raise RequestError(
            f"{layer}: received {what} of shape {tuple(tensor.shape)}. Expected "
            f"{' or '.join(map(str, ranks))} axes."
        )


def as_positions(layer: str, positions: Any, others: torch.Tensor) -> torch.Tensor:
    """Return positions as float64, as many sets as there are others in the batch.

    Raises
    ------
    RequestError
        If they are complex, or not of shape (B, C, 2) with the B of the others.
    """
    where = as_real(layer, "positions", positions, torch.float64)
    if where.ndim != 3 or where.shape[2] != 2:
        raise RequestError(
            f"{layer}: received positions of shape {tuple(where.shape)}. Expected (B, C, 2), "
            "columns (y, x)."
        )
    if len(where) != len(others):
        raise RequestError(
            f"{layer}: received {len(where)} sets of positions for a batch of {len(others)}. "
            "Expected one for each."
        )
    return where
