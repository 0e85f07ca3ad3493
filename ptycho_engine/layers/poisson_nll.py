"""How unlikely counted photons are at an expected intensity."""

from __future__ import annotations

from typing import Any

from ..errors import ConfigurationError, RequestError
from .keras_backend import keras, registered, tf
from .layer_settings import positive_number


@registered
class PoissonNLL(keras.losses.Loss):
    """Negative log-likelihood of counts k at rates r, beyond that at the best rate, r = k.

    ``r - k + k log(k / r)``: what depends on the rate is the negative logarithm of Poisson's
    probability, and its least value is 0, so that single precision holds it for 1e9 photons, too.
    For k = 0 it is r. Below the rate `floor` the logarithm is continued as a straight line: value
    and gradient are finite at rates of zero and below, and the gradient still points upward where
    photons were counted.

    Parameters
    ----------
    floor : float
        The rate, in photons, below which the loss is a straight line; above zero.
    reduction, name, dtype
        As for every Keras loss; the dtype is single or double.

    Raises
    ------
    ConfigurationError
        If `floor` is not above zero, or the dtype is half precision, which holds no counts.
    """

    def __init__(
        self,
        floor: float = 1e-3,
        reduction: str | None = "sum_over_batch_size",
        name: str = "poisson_nll",
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.floor = positive_number("PoissonNLL: floor", floor)
        if self.dtype not in ("float32", "float64"):
            raise ConfigurationError(
                f"PoissonNLL: dtype is {self.dtype!r}, which holds no counts. Expected "
                '"float32" or "float64".'
            )

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """Return the loss of counts and rates.

        Parameters
        ----------
        y_true : tf.Tensor, shape (B, ...)
            Counts; those below zero count as zero. They get no gradient.
        y_pred : tf.Tensor, shape (B, ...)
            Expected intensities, in photons.
        sample_weight : tf.Tensor, optional
            Of each item (B,), or of each pixel: its axes are the first ones of the counts.

        Returns
        -------
        tf.Tensor
            Reduced over all pixels; each pixel's for ``reduction=None``.
        """
        if sample_weight is not None:
            weight = tf.cast(sample_weight, self.dtype)
            weight = weight[(..., *[None] * (len(y_pred.shape) - len(weight.shape)))]
            sample_weight = tf.broadcast_to(weight, tf.shape(y_pred))
        return super().__call__(y_true, y_pred, sample_weight)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Return the loss of each pixel.

        Raises
        ------
        RequestError
            If counts and rates differ in shape: Keras would let them broadcast.
        """
        if not y_true.shape.is_compatible_with(y_pred.shape):
            raise RequestError(
                f"PoissonNLL: received counts of shape {tuple(y_true.shape)} and rates of shape "
                f"{tuple(y_pred.shape)}. Expected one shape."
            )
        return poisson_loss(tf.maximum(y_true, 0), y_pred, self.floor)

    def get_config(self) -> dict[str, Any]:
        """Return what a saved model keeps of the loss."""
        return {**super().get_config(), "floor": self.floor, "dtype": self.dtype}


def poisson_loss(counts: Any, rates: Any, floor: float) -> Any:
    """Return the loss of each pixel, see `PoissonNLL`; `counts` are not below zero."""

    @tf.custom_gradient
    def loss(rates: Any) -> Any:
        held = tf.maximum(rates, tf.constant(floor, rates.dtype))
        counted = tf.where(counts > 0, counts, tf.ones_like(counts))
        slope = (held - counts) / held
        value = counted * above_logarithm(held, counted) + (rates - held) * slope
        return tf.where(counts > 0, value, rates), lambda upstream: upstream * slope

    return loss(rates)


def above_logarithm(rates: Any, counts: Any) -> Any:
    """Return ``e - log(1 + e)`` of the relative excess ``e = rates / counts - 1``, both above zero.

    Near 0 it is the series of ``log(1 + e) = 2 artanh(s)`` in ``s = e / (2 + e)``, of which the
    first term is taken from e without a difference: no digits are lost where rates fit the counts.
    """
    excess = (rates - counts) / counts
    near = tf.abs(excess) < 0.1
    small = tf.where(near, excess, tf.zeros_like(excess))
    s = small / (2 + small)
    tail = tf.zeros_like(s)
    for odd in (15, 13, 11, 9, 7, 5, 3):  # s^2 is below 0.003
        tail = tail * s * s + 1 / odd
    return tf.where(near, s * (small - 2 * s * s * tail), excess - tf.math.log(rates / counts))
