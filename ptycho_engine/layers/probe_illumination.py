"""Patches of an object under a probe: exit waves."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import RequestError
from .engine_layer import EngineLayer, as_field, complex_dtype, real_dtype
from .keras_backend import registered, tf
from .layer_settings import checked_probe, read, written


@registered
class ProbeIllumination(EngineLayer):
    """Multiply patches by a probe, or by each of its modes.

    The probe is kept as one real weight of shape (..., 2), real and imaginary part, so that every
    optimizer can train it.

    Parameters
    ----------
    probe : array_like, shape (N, N) or (M, N, N)
        The probe, real or complex; M modes.
    trainable : bool
        Whether it is trained.
    **kwargs
        As for every Keras layer.

    Raises
    ------
    ConfigurationError
        If the probe has another shape, or is not finite.
    """

    def __init__(self, probe: Any, trainable: bool = False, **kwargs: Any) -> None:
        super().__init__(trainable=trainable, **kwargs)
        self._initial = checked_probe(probe)
        parts = np.stack([self._initial.real, self._initial.imag], axis=-1)
        self.parts = self.add_weight(
            shape=parts.shape, initializer=lambda shape, dtype: tf.cast(parts, dtype), name="probe"
        )  # (..., N, N, 2)

    @property
    def probe(self) -> Any:
        """The probe as it is now: ndarray of complex, in the shape in which it was given."""
        parts = self.parts.numpy()
        return parts[..., 0] + 1j * parts[..., 1]

    def call(self, inputs: Any) -> Any:
        """Illuminate.

        Parameters
        ----------
        inputs : tf.Tensor, shape (B, N, N, C), or list of its real and imaginary part
            Patches of the object.

        Returns
        -------
        tf.Tensor of complex, shape (B, N, N, C), or (B, N, N, C, M) for a probe of modes
            Exit waves.

        Raises
        ------
        RequestError
            If the patches do not have the size of the probe.
        """
        patches = as_field("ProbeIllumination", inputs)
        size = self.parts.shape[-3:-1]
        sides = tuple(patches.shape[1:3]) if patches.shape.rank == 4 else ()
        if len(sides) != 2 or any(n not in (None, m) for n, m in zip(sides, size, strict=True)):
            raise RequestError(
                f"ProbeIllumination: received patches of shape {tuple(patches.shape)}. Expected "
                f"(B, {size[0]}, {size[1]}, C), the size of the probe."
            )
        parts = tf.cast(self.parts, real_dtype(patches))
        probe = tf.complex(parts[..., 0], parts[..., 1])  # (N, N) or (M, N, N)
        patches = tf.cast(patches, complex_dtype(patches))
        if len(self.parts.shape) == 3:
            return patches * probe[..., None]
        return patches[..., None] * tf.transpose(probe, (1, 2, 0))[:, :, None, :]

    def get_config(self) -> dict[str, Any]:
        """Return what a saved model keeps of the layer: the probe that it was made with."""
        return {**super().get_config(), "probe": written(self._initial)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """Make the layer that `get_config` told of."""
        return super().from_config({**config, "probe": read(config["probe"])})
