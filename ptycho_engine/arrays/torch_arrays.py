"""torch tensors, with autograd. Importing this module imports torch."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from ..errors import RequestError
from ..geometry import layouts
from .operation import Operation

Array = np.ndarray[Any, Any]


class TorchArrays:
    """See :class:`ptycho_engine.arrays.adapter.ArrayAdapter`."""

    name = "torch"

    def convert(self, value: torch.Tensor, what: str) -> torch.Tensor:
        """Return the tensor as it is, so that autograd reaches it.

        Raises
        ------
        RequestError
            If it is sparse, nested, quantized, or has no numbers.
        """
        dense = value.layout is torch.strided and not value.is_nested
        if not dense or value.is_quantized or value.is_meta:
            kind = f"{value.layout} on {value.device}"
            kind = "quantized" if value.is_quantized else "nested" if value.is_nested else kind
            raise RequestError(
                f"{what}: received a tensor that is {kind}. Expected a dense one that holds "
                "numbers. Convert it first, for instance with to_dense() or dequantize()."
            )
        return value

    def shape(self, array: torch.Tensor) -> tuple[int, ...]:
        """Return the shape."""
        return tuple(array.shape)

    def dtype(self, array: torch.Tensor) -> np.dtype[Any]:
        """Return the dtype, of those that NumPy has."""
        return np.dtype(self.dtype_name(array))

    def dtype_name(self, array: torch.Tensor) -> str:
        """Return the name of the dtype."""
        return str(array.dtype).removeprefix("torch.")

    def is_real(self, array: torch.Tensor) -> bool:
        """Whether it holds real numbers."""
        return not array.is_complex() and array.dtype is not torch.bool

    def is_symbolic(self, array: Any) -> bool:
        """Never: what is compiled by torch breaks its graph here."""
        return False

    def is_on_host(self, array: Any) -> bool:
        """Whether the numbers lie where NumPy finds them."""
        return not isinstance(array, torch.Tensor) or array.device.type == "cpu"

    def real_pairs(self, positions: torch.Tensor) -> tuple[torch.Tensor, Array]:
        """Flatten to (P, 2) float64, also as numbers."""
        pairs = positions.reshape(-1, 2).to(torch.float64)
        return pairs, self.to_numpy(pairs)

    def to_numpy(self, array: Any) -> Array:
        """Return the numbers: of a tensor of the CPU a view, unless they are to be conjugated.

        Raises
        ------
        RequestError
            If it has none of its own, as inside ``torch.func``, ``torch.vmap``, ``torch.export``
            and ``torch.jit.trace``.
        """
        if not isinstance(array, torch.Tensor):
            return np.asarray(array)
        _refuse_tracing(array)
        try:
            numbers: Array = array.detach().cpu().resolve_conj().resolve_neg().numpy()
        except RuntimeError as error:
            raise RequestError(_no_numbers(array, str(error))) from error
        return numbers

    def empty(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
        """Return an array that is not filled."""
        return np.empty(shape, dtype)

    def copied_bytes(self, nbytes: int) -> int:
        """Return the bytes that `from_numpy` takes for so many of `empty`."""
        return 0

    def from_numpy(self, array: Array) -> torch.Tensor:
        """Return a tensor of the CPU that shares the memory of an array."""
        return torch.from_numpy(array)

    def export(self, array: torch.Tensor) -> torch.Tensor:
        """Return what another framework takes over by DLPack: no flags, and C order.

        Raises
        ------
        RequestError
            Inside ``torch.jit.trace``, which would keep the result as a constant.
        """
        _refuse_tracing(array)
        return array.detach().resolve_conj().resolve_neg().contiguous()

    def adopt(self, array: Any) -> torch.Tensor:
        """Return what another framework gave as a tensor, by DLPack."""
        tensor: torch.Tensor = torch.from_dlpack(array)
        return tensor

    def arrange(self, patches: torch.Tensor, layout: str, channels: int) -> torch.Tensor:
        """Rearrange flat patches (..., B * C, N, N) into another layout."""
        if layout == "flat":
            return patches
        groups = patches.unflatten(-3, (-1, channels))  # (..., B, C, N, N)
        if layout == "channel":
            return groups.movedim(-3, -1)
        side = layouts.grid_side(channels)
        return groups.unflatten(-3, (side, side)).unsqueeze(-1)

    def flatten(self, patches: torch.Tensor, layout: str) -> torch.Tensor:
        """Rearrange patches of a layout into flat ones (..., P, N, N)."""
        if layout == "channel":
            return patches.movedim(-1, -3).flatten(-4, -3)
        return patches.squeeze(-1).flatten(-5, -3) if layout == "grid" else patches

    def differentiable(self, operation: Operation, values: Any, positions: Any) -> torch.Tensor:
        """Compute, and let autograd reach the values and the positions."""
        if isinstance(values, np.ndarray):
            # A gradient of positions needs them as they are now, and nobody tells if they change.
            needed = positions.requires_grad and torch.is_grad_enabled() and not operation.steady
            # torch warns of what is read-only.
            values = torch.from_numpy(
                values.copy() if needed or not values.flags.writeable else values
            )
        if isinstance(positions, np.ndarray):
            positions = torch.tensor(positions)
        result: torch.Tensor = _Differentiable.apply(values, positions, operation)
        return result


def _refuse_tracing(array: torch.Tensor) -> None:
    if torch.jit.is_tracing():
        raise RequestError(_no_numbers(array, "Only operations of torch are recorded."))


def _no_numbers(array: torch.Tensor, reason: str) -> str:
    return (
        f"torch: a {type(array).__name__} without numbers of its own, as inside torch.func, "
        f"torch.vmap, torch.export and torch.jit.trace: {reason} Expected a plain tensor. "
        "Differentiate with torch.autograd, and give leading axes in place of a vmap; what torch "
        "exports or traces can cut and place no patches."
    )


class _Differentiable(torch.autograd.Function):  # type: ignore[misc]
    """An `Operation` as autograd knows it. It is differentiated once, see `_Gradient`."""

    @staticmethod
    def forward(values: torch.Tensor, positions: torch.Tensor, operation: Operation) -> Any:
        return operation.forward()

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: torch.Tensor) -> None:
        values, positions, ctx.operation = inputs
        # Only what is needed: what is saved must not be changed in place before `backward`.
        ctx.save_for_backward(positions, values if ctx.needs_input_grad[1] else None)

    @staticmethod
    def jvp(ctx: Any, *tangents: torch.Tensor | None) -> Any:
        raise RequestError(
            "torch: cannot differentiate forwards through patches, as torch.autograd.forward_ad "
            "does: no tangent is known. Expected backward() or torch.autograd.grad."
        )

    def backward(ctx: Any, cotangent: torch.Tensor) -> Any:
        positions, values = ctx.saved_tensors
        of_values, of_positions = None, None
        with torch.no_grad():
            if ctx.needs_input_grad[0]:
                of_values = ctx.operation.adjoint(positions, cotangent)
            if ctx.needs_input_grad[1]:
                of_positions = ctx.operation.position_gradient(values, positions, cotangent)
                of_positions = of_positions.to(positions.device)
        if torch.is_grad_enabled():
            sources = [tensor for tensor in (cotangent, positions, values) if tensor is not None]
            of_values, of_positions = (
                None if gradient is None else _Gradient.apply(gradient, *sources)
                for gradient in (of_values, of_positions)
            )
        return of_values, of_positions, None


class _Gradient(torch.autograd.Function):  # type: ignore[misc]
    """A gradient, tied to what it follows from: whoever differentiates it is refused.

    torch's own `once_differentiable` leaves a gradient untied where only the values or the
    positions have one, so that a penalty of it would change nothing, without a word.
    """

    @staticmethod
    def forward(ctx: Any, gradient: torch.Tensor, *sources: torch.Tensor) -> torch.Tensor:
        return gradient.view_as(gradient)

    @staticmethod
    def backward(ctx: Any, cotangent: torch.Tensor) -> Any:
        raise RequestError(
            "torch: cannot differentiate twice through patches: their gradients have none. "
            "Expected a loss without gradients in it; detach them if they are constants of it."
        )
