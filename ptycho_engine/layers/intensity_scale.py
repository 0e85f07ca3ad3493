"""One positive factor between normalised and counted intensities, learned as its logarithm."""

from __future__ import annotations

import math
import warnings
from typing import Any

from ..errors import ConfigurationError
from .engine_layer import EngineLayer, as_field, by_parts
from .keras_backend import keras, registered, tf
from .layer_settings import no_scale, positive_number


@registered
class IntensityScale(EngineLayer):
    """Multiply by ``exp(log_scale)``.

    Parameters
    ----------
    initial : float
        The factor at first, above zero.
    trainable : bool
        Whether it is trained.
    **kwargs
        As for every Keras layer.

    Raises
    ------
    ConfigurationError
        If `initial` is not finite and above zero.
    """

    def __init__(self, initial: float = 1.0, trainable: bool = True, **kwargs: Any) -> None:
        super().__init__(trainable=trainable, **kwargs)
        self.initial = positive_number("IntensityScale: initial", initial)
        start = math.log(self.initial)
        self.log_scale = self.add_weight(
            shape=(), initializer=lambda shape, dtype: tf.constant(start, dtype), name="log_scale"
        )
        self.built = True  # Keras would warn of what it finds unbuilt in the inverse

    def inverse(self) -> InverseIntensityScale:
        """Return a layer that divides by the same factor: it shares the weight.

        A model saved as ``.keras`` keeps that, and so does ``copy.deepcopy`` of a model.
        ``keras.models.clone_model``, ``from_config``, ``model_from_json`` and files ``.h5`` make
        each layer on its own, and give the inverse a weight of its own, with a warning.
        """
        return InverseIntensityScale(self)

    def call(self, inputs: Any) -> Any:
        """Multiply numbers of any shape, or their real and imaginary part."""
        values = as_field("IntensityScale", inputs)
        return by_parts(tf.multiply, values, self.factor(values.dtype.real_dtype))

    def factor(self, dtype: Any, sign: int = 1) -> Any:
        """Return ``exp(sign * log_scale)`` in a dtype of real numbers."""
        return tf.exp(sign * tf.cast(self.log_scale, dtype))

    def get_config(self) -> dict[str, Any]:
        """Return what a saved model keeps of the layer."""
        return {**super().get_config(), "initial": self.initial}


@registered
class InverseIntensityScale(EngineLayer):
    """Divide by the factor of an `IntensityScale`, whose weight it shares.

    Parameters
    ----------
    scale : IntensityScale
        Whose.
    **kwargs
        As for every Keras layer.

    Raises
    ------
    ConfigurationError
        If `scale` is none.
    """

    def __init__(self, scale: IntensityScale, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not isinstance(scale, IntensityScale):
            raise ConfigurationError(no_scale(scale))
        self.scale = scale

    def build(self, input_shape: Any) -> None:
        """Build the other layer, which may come later in a model."""
        self.scale.build(input_shape)

    def call(self, inputs: Any) -> Any:
        """Divide numbers of any shape, or their real and imaginary part."""
        values = as_field("InverseIntensityScale", inputs)
        return by_parts(tf.multiply, values, self.scale.factor(values.dtype.real_dtype, -1))

    def get_config(self) -> dict[str, Any]:
        """Return what a saved model keeps of the layer; Keras keeps that the weight is shared."""
        # The layer itself: in what we had written, Keras would lose that it is shared.
        return {**super().get_config(), "scale": self.scale}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """Make the layer that `get_config` told of; warn where Keras loses that it shares."""
        written = keras.saving.serialize_keras_object(
            config["scale"]
        )  # as it is, if written before
        scale = keras.saving.deserialize_keras_object(written)
        if not _is_sharing_kept(scale):
            warnings.warn(
                f"InverseIntensityScale {config.get('name')!r}: received a configuration, as of "
                "clone_model, from_config, JSON or .h5, where Keras keeps no sharing: its weight "
                "is its own now. Expected a model in a file .keras. Save and load it as such, or "
                "take inverse() of the new IntensityScale.",
                stacklevel=2,
            )
        return super().from_config({**config, "scale": scale})


def _is_sharing_kept(scale: IntensityScale) -> bool:
    """Tell whether Keras, here and now, makes one object of what was one.

    Where it does, what is written a second time has a number.
    """
    first, second = (keras.saving.serialize_keras_object(scale) for _ in range(2))
    return "shared_object_id" in first or "shared_object_id" in second
