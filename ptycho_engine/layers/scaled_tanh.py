"""An activation that keeps phases and amplitudes within their bounds."""

from __future__ import annotations

from typing import Any

from .engine_layer import EngineLayer, as_real
from .keras_backend import registered, tf
from .layer_settings import finite_number


@registered
class ScaledTanh(EngineLayer):
    """Map numbers smoothly into an interval: ``scale * tanh(x) + offset``.

    ``ScaledTanh(math.pi)`` gives phases between -pi and pi, ``ScaledTanh(0.5, 0.5)`` amplitudes
    between 0 and 1. Serves as `activation` of other layers, too.

    Parameters
    ----------
    scale : float
        Half the width of the interval.
    offset : float
        Its middle.
    **kwargs
        As for every Keras layer.
    """

    def __init__(self, scale: float = 1.0, offset: float = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.scale = finite_number("ScaledTanh: scale", scale)
        self.offset = finite_number("ScaledTanh: offset", offset)

    def call(self, inputs: Any) -> Any:
        """Map real numbers of any shape."""
        return self.scale * tf.tanh(as_real("ScaledTanh", "inputs", inputs)) + self.offset

    def get_config(self) -> dict[str, Any]:
        """Return what a saved model keeps of the layer."""
        return {**super().get_config(), "scale": self.scale, "offset": self.offset}
