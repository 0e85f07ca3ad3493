"""From exit waves to what a detector in the far field sees."""

from __future__ import annotations

from typing import Any, Literal

from .engine_layer import EngineLayer, as_field, check_rank, complex_dtype
from .keras_backend import registered, tf
from .layer_settings import chosen_output


@registered
class FarFieldDiffraction(EngineLayer):
    """Propagate exit waves to the far field, and add up the intensities of modes.

    Intensities are ``sum_m |FFT2(wave_m)|^2 / N^2``, the squares of an orthonormal transform: the
    photons of a pattern are those of its exit wave, as in `ptycho_engine.Simulation`. Amplitudes
    are their roots. A root has no slope at zero; here it is 0 there, so that dark pixels leave
    gradients finite.

    Parameters
    ----------
    output : {"amplitude", "intensity"}
        What is returned.
    shifted : bool
        Whether the zero frequency lies at sample ``N // 2``, or at sample 0.
    **kwargs
        As for every Keras layer.

    Raises
    ------
    ConfigurationError
        If `output` is neither.
    """

    def __init__(
        self,
        output: Literal["amplitude", "intensity"] = "amplitude",
        shifted: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.what = chosen_output(output)  # Keras has an attribute `output`
        self.shifted = bool(shifted)

    def call(self, inputs: Any) -> Any:
        """Propagate.

        Parameters
        ----------
        inputs : tf.Tensor, shape (B, N, N, C) or (B, N, N, C, M), or its real and imaginary part
            Exit waves, of M modes.

        Returns
        -------
        tf.Tensor of float, shape (B, N, N, C)
            Patterns.

        Raises
        ------
        RequestError
            If the waves have another number of axes.
        """
        waves = as_field("FarFieldDiffraction", inputs)
        check_rank("FarFieldDiffraction", "exit waves", waves, 4, 5)
        waves = tf.cast(waves, complex_dtype(waves))
        ahead = [0, *range(3, waves.shape.rank)]  # B, C, M
        fields = tf.signal.fft2d(tf.transpose(waves, [*ahead, 1, 2]))
        intensity = tf.math.real(fields) ** 2 + tf.math.imag(fields) ** 2  # (B, C[, M], N, N)
        if waves.shape.rank == 5:
            intensity = tf.reduce_sum(intensity, axis=2)
        samples = tf.cast(tf.reduce_prod(tf.shape(waves)[1:3]), intensity.dtype)
        intensity = tf.transpose(intensity / samples, [0, 2, 3, 1])
        if self.shifted:
            intensity = tf.signal.fftshift(intensity, axes=(1, 2))
        return intensity if self.what == "intensity" else root(intensity)

    def get_config(self) -> dict[str, Any]:
        """Return what a saved model keeps of the layer."""
        return {**super().get_config(), "output": self.what, "shifted": self.shifted}


def root(intensity: Any) -> Any:
    """Return the square root of numbers not below zero; at zero, its slope counts as 0."""
    dark = tf.equal(intensity, 0)
    # The root of one is taken there: a slope of infinity times zero would be NaN.
    return tf.where(dark, 0.0, tf.sqrt(tf.where(dark, tf.ones_like(intensity), intensity)))
