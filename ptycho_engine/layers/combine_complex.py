"""From amplitude and phase to a complex field."""

from __future__ import annotations

from typing import Any

from .engine_layer import EngineLayer, as_real, real_dtype, two_inputs
from .keras_backend import registered, tf


@registered
class CombineComplex(EngineLayer):
    """Combine ``[amplitude, phase]`` to ``amplitude * exp(i phase)``.

    Parameters
    ----------
    **kwargs
        As for every Keras layer.
    """

    def call(self, inputs: Any) -> Any:
        """Combine.

        Parameters
        ----------
        inputs : list of two tf.Tensor
            Real amplitudes and phases in radians, in shapes that broadcast.

        Returns
        -------
        tf.Tensor
            The field.

        Raises
        ------
        RequestError
            If the inputs are no list of two real tensors.
        """
        amplitude, phase = two_inputs("CombineComplex", inputs, "amplitude", "phase")
        dtype = real_dtype(amplitude, phase)
        amplitude = as_real("CombineComplex", "amplitude", amplitude, dtype)
        phase = as_real("CombineComplex", "phase", phase, dtype)
        return tf.complex(amplitude * tf.cos(phase), amplitude * tf.sin(phase))
