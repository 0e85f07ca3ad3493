"""Images moved by shifts, with a jitter in training."""

from __future__ import annotations

from typing import Any

from ..errors import RequestError
from ..ops.warp import Fill, Interpolation, translate
from .engine_layer import EngineLayer, as_field, as_real, check_rank, two_inputs
from .keras_backend import keras, registered, tf
from .layer_settings import check_translation, finite_number


@registered
class Translation(EngineLayer):
    """Move the content of images by shifts, as `ptycho_engine.ops.warp.translate` does.

    Parameters
    ----------
    interpolation : {"bilinear", "nearest", "bicubic"}
        How samples between pixels are formed.
    fill : {"zeros", "edge"}
        What lies outside an image.
    jitter : float
        Standard deviation of a normal displacement of each image, in pixels, that is added to its
        shift in training alone; at least 0.
    seed : int, optional
        Of the displacements. Without one, Keras draws it, as ``keras.utils.set_random_seed`` says.
    **kwargs
        As for every Keras layer.

    Raises
    ------
    RequestError, ConfigurationError
        If one of them cannot be used.
    """

    def __init__(
        self,
        interpolation: Interpolation = "bilinear",
        fill: Fill = "zeros",
        jitter: float = 0.0,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_translation(interpolation, fill, jitter)
        self.interpolation, self.fill = interpolation, fill
        self.jitter = finite_number("Translation: jitter", jitter)
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Move.

        Parameters
        ----------
        inputs : list of two
            Images (B, H, W, C), a tensor or the list of its real and imaginary part, and shifts
            (B or 1, 2), columns (y, x), in pixels; content moves by +shift.
        training : bool
            Whether the jitter is added.

        Returns
        -------
        tf.Tensor, shape (B, H, W, C), dtype of the images
            The images moved. Gradients reach images and, but for ``nearest``, shifts.

        Raises
        ------
        RequestError
            If the inputs have other shapes.
        """
        images, shifts = two_inputs("Translation", inputs, "images", "shifts")
        images = as_field("Translation", images)
        check_rank("Translation", "images", images, 4)
        shifts = as_real("Translation", "shifts", shifts, tf.float64)
        if not shifts.shape.is_compatible_with((None, 2)):
            raise RequestError(
                f"Translation: received shifts of shape {tuple(shifts.shape)}. Expected (B, 2), or "
                "(1, 2) for all images, columns (y, x)."
            )
        if training and self.jitter:
            each = tf.maximum(tf.shape(images)[0], tf.shape(shifts)[0])  # one for each result
            normal = keras.random.normal(
                (each, 2), stddev=self.jitter, dtype="float32", seed=self.seed_generator
            )
            shifts += tf.cast(normal, shifts.dtype)
        moved = translate(images, shifts, interpolation=self.interpolation, fill=self.fill)
        return tf.ensure_shape(moved, (None, *images.shape[1:]))

    def get_config(self) -> dict[str, Any]:
        """Return what a saved model keeps of the layer."""
        own = {
            "interpolation": self.interpolation,
            "fill": self.fill,
            "jitter": self.jitter,
            "seed": self.seed,
        }
        return {**super().get_config(), **own}
