"""Counted photons: a learned factor of intensities, and how unlikely counts are."""

from __future__ import annotations

import math
from typing import Any

import torch

from ...errors import ConfigurationError, RequestError, one_of
from ..layer_settings import LEAST_SHARE, TINY, loss_floor, no_scale, positive_number
from .tensor_inputs import as_field, as_real, by_parts, real_dtype

#: How a loss is put together from those of pixels.
REDUCTIONS = "sum_over_batch_size", "sum", "mean", "mean_with_sample_weight", "none"


class IntensityScale(torch.nn.Module):
    """Multiply by ``exp(log_scale)``.

    Parameters
    ----------
    initial : float
        The factor at first, above zero.
    trainable : bool
        Whether it is trained.
    dtype, device : optional
        As for every module of torch with parameters.

    Raises
    ------
    ConfigurationError
        If `initial` is not finite and above zero.
    """

    def __init__(
        self,
        initial: float = 1.0,
        trainable: bool = True,
        *,
        dtype: torch.dtype | None = None,
        device: Any = None,
    ) -> None:
        super().__init__()
        start = math.log(positive_number("IntensityScale: initial", initial))
        kind = dtype or torch.get_default_dtype()
        self.log_scale = torch.nn.Parameter(
            torch.tensor(start, dtype=kind, device=device), requires_grad=trainable
        )

    def inverse(self) -> InverseIntensityScale:
        """Return a module that divides by the same factor: it shares the parameter."""
        return InverseIntensityScale(self)

    def forward(self, inputs: Any) -> torch.Tensor:
        """Multiply numbers of any shape, or their real and imaginary part."""
        values = as_field("IntensityScale", inputs)
        factor = torch.exp(self.log_scale.to(real_dtype(values)))
        return by_parts(torch.mul, values, factor)


class InverseIntensityScale(torch.nn.Module):
    """Divide by the factor of an `IntensityScale`, whose parameter it shares.

    Parameters
    ----------
    scale : IntensityScale
        Whose.

    Raises
    ------
    ConfigurationError
        If `scale` is none.
    """

    def __init__(self, scale: IntensityScale) -> None:
        super().__init__()
        if not isinstance(scale, IntensityScale):
            raise ConfigurationError(no_scale(scale))
        self.scale = scale

    def forward(self, inputs: Any) -> torch.Tensor:
        """Divide numbers of any shape, or their real and imaginary part."""
        values = as_field("InverseIntensityScale", inputs)
        factor = torch.exp(-self.scale.log_scale.to(real_dtype(values)))
        return by_parts(torch.mul, values, factor)


class PoissonNLL(torch.nn.Module):
    """Negative log-likelihood of counts k at rates r, beyond that at the best rate, r = k.

    ``r - k + k log(k / r)``: what depends on the rate is the negative logarithm of Poisson's
    probability, and its least value is 0, so that single precision holds it for 1e9 photons, too.
    For k = 0 it is r. Below the rate `floor` the logarithm is continued as a straight line: value
    and gradient are finite at rates of zero and below, and the gradient still points upward where
    photons were counted.

    Parameters
    ----------
    floor : float
        The rate, in photons, below which the loss is a straight line; at least 1e-12.
    reduction : {"sum_over_batch_size", "mean", "sum", "mean_with_sample_weight", "none"} or None
        The mean over all pixels (twice), their sum, their mean divided by the sum of weights, or
        each pixel's.

    Raises
    ------
    ConfigurationError
        If `floor` is below that, or the reduction is none of these.
    """

    def __init__(self, floor: float = 1e-3, reduction: str | None = "sum_over_batch_size") -> None:
        super().__init__()
        self.floor = loss_floor(floor)
        self.reduction = "none" if reduction is None else reduction
        if self.reduction not in REDUCTIONS:
            raise ConfigurationError(one_of("PoissonNLL: reduction", reduction, REDUCTIONS))

    def forward(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> torch.Tensor:
        """Return the loss of counts and rates.

        Parameters
        ----------
        y_true : Tensor, shape (B, ...)
            Counts; those below zero count as zero, NaN gives NaN. They get no gradient.
        y_pred : Tensor, shape (B, ...)
            Expected intensities, in photons.
        sample_weight : Tensor, optional
            Of each item (B,), or of each pixel: its axes are the first ones of the counts. A pixel
            of weight 0 does not count, even if it is NaN.

        Returns
        -------
        Tensor
            Reduced over all pixels; each pixel's for ``reduction=None``.

        Raises
        ------
        RequestError
            If one of them is complex, or their shapes do not go together.
        """
        counts, rates = (
            as_real("PoissonNLL", "counts", y_true),
            as_real("PoissonNLL", "rates", y_pred),
        )
        if counts.shape != rates.shape:
            raise RequestError(
                f"PoissonNLL: received counts of shape {tuple(counts.shape)} and rates of shape "
                f"{tuple(rates.shape)}. Expected one shape."
            )
        dtype = real_dtype(counts, rates)
        counts, rates = counts.detach().to(dtype).clamp(min=0), rates.to(dtype)
        weight = torch.ones_like(counts)
        if sample_weight is not None:
            weight = _each(as_real("PoissonNLL", "weights", sample_weight, dtype), counts)
            counted = weight != 0
            counts = torch.where(counted, counts, torch.zeros_like(counts))
            rates = torch.where(counted, rates, torch.ones_like(rates))
        loss: torch.Tensor = _PoissonLoss.apply(counts, rates, self.floor)
        loss = loss * weight
        if self.reduction == "none":
            return loss
        if self.reduction == "sum":
            return loss.sum()
        if self.reduction == "mean_with_sample_weight":
            total = weight.sum()
            return loss.sum() / torch.where(total == 0, torch.ones_like(total), total)
        return loss.sum() / max(loss.numel(), 1)


def _each(weight: torch.Tensor, counts: torch.Tensor) -> torch.Tensor:
    """Return the weight of each pixel."""
    first = counts.shape[: weight.ndim]
    if weight.ndim > counts.ndim or not all(
        one in (1, other) for one, other in zip(weight.shape, first, strict=True)
    ):
        raise RequestError(
            f"PoissonNLL: received weights of shape {tuple(weight.shape)} for rates of shape "
            f"{tuple(counts.shape)}. Expected the first axes of the rates."
        )
    return weight.reshape(*weight.shape, *[1] * (counts.ndim - weight.ndim)).expand(counts.shape)


class _PoissonLoss(torch.autograd.Function):
    """The loss of each pixel; its gradient in closed form, which may be differentiated again."""

    generate_vmap_rule = True

    @staticmethod
    def forward(counts: torch.Tensor, rates: torch.Tensor, floor: float) -> torch.Tensor:
        held, slope = _slope(counts, rates, floor)
        # A share of fewer photons leaves the rate alone, and its ratio would overflow.
        counted = torch.maximum(counts, (held * LEAST_SHARE).clamp(min=TINY))
        value = counted * _above_logarithm(held, counted) + (rates - held) * slope
        value = torch.where(held.isinf(), held - counts, value)
        return torch.where(counts == 0, rates, value)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: torch.Tensor) -> None:
        counts, rates, ctx.floor = inputs
        ctx.save_for_backward(counts, rates)
        ctx.save_for_forward(counts, rates)

    @staticmethod
    def backward(ctx: Any, upstream: torch.Tensor) -> Any:
        counts, rates = ctx.saved_tensors
        return None, upstream * _slope(counts, rates, ctx.floor)[1], None

    @staticmethod
    def jvp(ctx: Any, _: Any, tangent: torch.Tensor, __: Any) -> torch.Tensor:
        _refuse_second_tangent()
        counts, rates = ctx.saved_tensors
        return tangent * _slope(counts, rates, ctx.floor)[1]


def _refuse_second_tangent() -> None:
    """Refuse a tangent of a tangent, which torch (2.14) takes for zero where a Function has one.

    It has no public way to find out; without the other, nothing is refused.
    """
    try:
        from torch._C._functorch import TransformType, get_interpreter_stack
    except ImportError:
        return
    pushed = [each for each in get_interpreter_stack() or () if each.key() == TransformType.Jvp]
    if len(pushed) > 1:
        raise RequestError(
            "PoissonNLL: cannot differentiate forwards twice: torch would answer with zeros. "
            "Expected reverse mode in one of the two, as torch.func.hessian has."
        )


def _slope(
    counts: torch.Tensor, rates: torch.Tensor, floor: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the rates, not below the floor, and the slope of the loss there."""
    held = rates.clamp(min=floor)
    beyond = held.isinf()  # its quotient with itself is no number
    finite = torch.where(beyond, torch.ones_like(held), held)
    return held, torch.where(beyond, 1 - counts / held, (finite - counts) / finite)


def _above_logarithm(rates: torch.Tensor, counts: torch.Tensor) -> torch.Tensor:
    """Return ``e - log(1 + e)`` of the relative excess ``e = rates / counts - 1``, both above zero.

    Near 0 it is the series of ``log(1 + e) = 2 artanh(s)`` in ``s = e / (2 + e)``, of which the
    first term is taken from e without a difference: no digits are lost where rates fit the counts.
    """
    excess = (rates - counts) / counts
    near = excess.abs() < 0.1
    small = torch.where(near, excess, torch.zeros_like(excess))
    s = small / (2 + small)
    tail = torch.zeros_like(s)
    for odd in (15, 13, 11, 9, 7, 5, 3):  # s^2 is below 0.003
        tail = tail * s * s + 1 / odd
    return torch.where(near, s * (small - 2 * s * s * tail), excess - torch.log(rates / counts))
