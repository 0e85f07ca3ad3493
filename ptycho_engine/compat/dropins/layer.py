"""The Keras layer ``Translation`` as PtychoPINN has it. Importing this module imports Keras."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from ...deprecation.table import warn
from ...errors import CompatError
from .channels import unmasked
from .translation import translated


@keras.saving.register_keras_serializable(package="ptycho", name="Translation")
class Translation(keras.layers.Layer):  # type: ignore[misc]
    """Move the content of images by offsets, for models that were saved with it.

    Parameters
    ----------
    jitter_stddev : float
        Standard deviation of a normal displacement that is added to the offsets, in pixels, at
        inference too. Zero or below: none.
    use_xla : bool
        Without effect, as in legacy code: XLA semantics always hold.
    **kwargs
        As for every Keras layer.
    """

    def __init__(self, jitter_stddev: float = 0.0, use_xla: bool = False, **kwargs: Any) -> None:
        warn("PED010")
        super().__init__(**kwargs)
        self.jitter_stddev = jitter_stddev
        self.use_xla = True

    def __call__(self, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        """Move images; a number behind them is the jitter, as older versions took it.

        Keras itself refuses a number among its tensors.
        """
        if isinstance(inputs, list) and len(inputs) == 3 and isinstance(inputs[2], int | float):
            *inputs, self.jitter_stddev = inputs
        return super().__call__(unmasked("inputs", inputs), *args, **kwargs)

    def call(self, inputs: Any) -> Any:
        """Move images.

        Parameters
        ----------
        inputs : list of tf.Tensor
            Images (B, H, W, C), offsets (B, 2) of [dx, dy] in pixels; a third tensor is ignored.

        Returns
        -------
        tf.Tensor, shape (B, H, W, C)
            The images moved; complex ones as complex64.

        Raises
        ------
        CompatError
            If the inputs are no list of two or three.
        """
        if not isinstance(inputs, list) or len(inputs) not in (2, 3):
            raise CompatError(
                f"Translation: received {type(inputs).__name__}. Expected a list [images, offsets]."
            )
        images, offsets = inputs[0], inputs[1]
        if offsets.dtype.is_complex:
            offsets = tf.math.real(offsets)
        if self.jitter_stddev > 0:
            offsets += tf.random.normal(tf.shape(offsets), stddev=self.jitter_stddev)
        return translated(images, offsets, "bilinear", use_xla_workaround=True)

    def get_config(self) -> dict[str, Any]:
        """Return what a saved model keeps of the layer."""
        own = {"jitter_stddev": self.jitter_stddev, "use_xla": self.use_xla}
        return {**super().get_config(), **own}
