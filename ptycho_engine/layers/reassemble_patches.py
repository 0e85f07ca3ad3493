"""Overlapping patches put together to objects: what they say of each sample, on average."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import RequestError
from ..geometry.cut import Fill, Interpolation
from ..geometry.kernels import SIGNED
from ..request.normalisation import least_coverage
from .engine_layer import by_parts
from .keras_backend import registered, tf
from .layer_settings import checked_weights, read, written
from .place_patches import PlacePatches


@registered
class ReassemblePatches(PlacePatches):
    """Add patches onto objects, and divide by how much of them lies on each sample.

    Samples that nothing covers are 0; elsewhere nothing is added to the coverage, so that patches
    of a constant object give it back. Coverage counts as none where it is below the smallest
    normal number divided by its precision, and, for kernels whose weights take both signs, outside
    every window.

    Parameters
    ----------
    shape, interpolation, fill
        As for `PlacePatches`.
    weights : array_like, shape (N, N), optional
        How much each sample of a patch counts, at least 0, for instance ``abs(probe) ** 2``. Only
        their ratios matter.
    **kwargs
        As for every Keras layer.

    Raises
    ------
    RequestError, ConfigurationError
        If one of them cannot be used.
    """

    def __init__(
        self,
        shape: tuple[int, int],
        interpolation: Interpolation = "bilinear",
        fill: Fill = "zeros",
        weights: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(shape, interpolation, fill, **kwargs)
        self._sample_weights = checked_weights(weights)  # Keras has an attribute `weights`

    def call(self, inputs: Any) -> Any:
        """Put together.

        Parameters
        ----------
        inputs : list of two
            Patches and positions, as for `PlacePatches`.

        Returns
        -------
        tf.Tensor, shape (B, H, W), dtype of the patches
            The objects.

        Raises
        ------
        RequestError
            If the inputs have other shapes, or patches another size than the weights.
        tf.errors.InvalidArgumentError
            If a position is not finite; compiled by XLA, its object is NaN instead.
        """
        patches, positions = self.take(inputs)
        weights = tf.ones(patches.shape[-2:], patches.dtype.real_dtype)
        if self._sample_weights is not None:
            if self._sample_weights.shape != tuple(patches.shape[-2:]):
                raise RequestError(
                    f"ReassemblePatches: received patches of size {patches.shape[-1]} for weights "
                    f"of size {len(self._sample_weights)}. Expected one size."
                )
            weights = tf.constant(self._sample_weights, weights.dtype)
            weighted = by_parts(tf.multiply, patches, weights)
            # What is left out may be NaN.
            patches = tf.where(tf.equal(weights, 0), tf.zeros_like(weighted), weighted)
        each = tf.broadcast_to(weights, tf.concat([tf.shape(patches)[:2], weights.shape], 0))
        each = tf.ensure_shape(each, patches.shape)
        coverage = self.place(each, positions)
        # Last, so that gradients of an exported model, which has none, meet it first and say so.
        total = self.place(patches, positions)
        return self._divided(total, coverage, positions, patches.shape[-1])

    def _divided(self, total: Any, coverage: Any, positions: Any, size: int) -> Any:
        """Return the quotient where there is coverage, NaN where it is NaN, and 0 elsewhere."""
        least = least_coverage(np.dtype(coverage.dtype.as_numpy_dtype))
        none = coverage < tf.constant(least, coverage.dtype)
        if self.interpolation in SIGNED:
            none |= ~under_windows(positions, self.object_shape, size)
        divisor = tf.where(none, tf.ones_like(coverage), coverage)
        return tf.where(none, tf.zeros_like(total), by_parts(tf.divide, total, divisor))

    def get_config(self) -> dict[str, Any]:
        """Return what a saved model keeps of the layer."""
        weights = self._sample_weights
        return {**super().get_config(), "weights": None if weights is None else written(weights)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """Make the layer that `get_config` told of."""
        return super().from_config({**config, "weights": read(config["weights"])})


def under_windows(positions: Any, shape: tuple[int, int], size: int) -> Any:
    """Tell which samples lie under a window of their own object, (B, H, W)."""
    start = positions - size // 2  # (B, C, 2)
    inside = []
    for axis, length in enumerate(shape):
        behind = tf.range(length, dtype=start.dtype) - start[..., axis, None]  # (B, C, H)
        inside.append(tf.cast((behind >= 0) & (behind <= size - 1), tf.float32))
    return tf.einsum("bch,bcw->bhw", *inside) > 0
