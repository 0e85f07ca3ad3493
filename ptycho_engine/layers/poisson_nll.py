"""How unlikely counted photons are at an expected intensity."""

from __future__ import annotations

from typing import Any

from ..errors import ConfigurationError, RequestError
from .engine_layer import as_real
from .keras_backend import keras, registered, tf
from .layer_settings import LEAST_SHARE, TINY, loss_floor


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
        The rate, in photons, below which the loss is a straight line; at least 1e-12.
    reduction, name, dtype
        As for every Keras loss; the dtype is single or double.

    Raises
    ------
    ConfigurationError
        If `floor` is below that, or the dtype is half precision, which holds no counts.
    """

    def __init__(
        self,
        floor: float = 1e-3,
        reduction: str | None = "sum_over_batch_size",
        name: str = "poisson_nll",
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.floor = loss_floor(floor)
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
            Counts; those below zero count as zero, NaN gives NaN. They get no gradient.
        y_pred : tf.Tensor, shape (B, ...)
            Expected intensities, in photons.
        sample_weight : tf.Tensor, optional
            Of each item (B,), or of each pixel: its axes are the first ones of the counts. A pixel
            of weight 0 does not count, even if it is NaN.

        Returns
        -------
        tf.Tensor
            Reduced over all pixels; each pixel's for ``reduction=None``.

        Raises
        ------
        RequestError
            If one of them is complex, or their shapes do not go together.
        """
        counts = self._real("counts", y_true)
        rates = self._real("rates", y_pred)
        if not counts.shape.is_compatible_with(rates.shape):  # Keras would let them broadcast
            raise RequestError(
                f"PoissonNLL: received counts of shape {counts.shape} and rates of shape "
                f"{rates.shape}. Expected one shape."
            )
        if sample_weight is not None:
            sample_weight = self._each(self._real("weights", sample_weight), rates)
            counted = tf.not_equal(sample_weight, 0)
            counts = tf.where(counted, counts, tf.zeros_like(counts))
            rates = tf.where(counted, rates, tf.ones_like(rates))
        return super().__call__(counts, rates, sample_weight)

    def _real(self, what: str, value: Any) -> Any:
        value = tf.convert_to_tensor(value)
        return as_real("PoissonNLL", what, value, tf.as_dtype(self.dtype))

    def _each(self, weight: Any, rates: Any) -> Any:
        """Return the weight of each pixel."""
        first = rates.shape[: weight.shape.rank]
        if weight.shape.rank > rates.shape.rank or not all(
            one == 1 or other is None or one in (None, other)
            for one, other in zip(weight.shape, first, strict=True)
        ):
            raise RequestError(
                f"PoissonNLL: received weights of shape {weight.shape} for rates of shape "
                f"{rates.shape}. Expected the first axes of the rates."
            )
        weight = weight[(..., *[None] * (rates.shape.rank - weight.shape.rank))]
        return tf.broadcast_to(weight, tf.shape(rates))

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Return the loss of each pixel."""
        return poisson_loss(tf.maximum(y_true, 0), y_pred, self.floor)

    def get_config(self) -> dict[str, Any]:
        """Return what a saved model keeps of the loss."""
        return {**super().get_config(), "floor": self.floor, "dtype": self.dtype}


def poisson_loss(counts: Any, rates: Any, floor: float) -> Any:
    """Return the loss of each pixel, see `PoissonNLL`; `counts` are not below zero."""

    @tf.custom_gradient
    def loss(rates: Any) -> Any:
        held = tf.maximum(rates, tf.constant(floor, rates.dtype))
        # A share of fewer photons leaves the rate alone, and its ratio would overflow.
        least = tf.maximum(held * LEAST_SHARE, tf.constant(counts.dtype.as_numpy_dtype(TINY)))
        counted = tf.maximum(counts, least)
        beyond = tf.math.is_inf(held)  # its quotient with itself is no number
        finite = tf.where(beyond, tf.ones_like(held), held)
        slope = tf.where(beyond, 1 - counts / held, (finite - counts) / finite)
        value = counted * above_logarithm(held, counted) + (rates - held) * slope
        value = tf.where(beyond, held - counts, value)
        return tf.where(tf.equal(counts, 0), rates, value), lambda upstream: upstream * slope

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
