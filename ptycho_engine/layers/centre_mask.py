"""What lies outside the centre of patches counts as nothing."""

from __future__ import annotations

from typing import Any

from ..errors import RequestError
from ..geometry.cut import Cut
from .engine_layer import EngineLayer, as_field
from .keras_backend import registered, tf


@registered
class CentreMask(EngineLayer):
    """Keep the central square of patches; outside it they are zero, even where they are NaN.

    The square is the window of its size at the patch's own anchor, sample ``N // 2``: it begins at
    ``N // 2 - size // 2``.

    Parameters
    ----------
    size : int
        Rows and columns to keep.
    **kwargs
        As for every Keras layer.
    """

    def __init__(self, size: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.size = Cut(size).patch_size

    def call(self, inputs: Any) -> Any:
        """Mask.

        Parameters
        ----------
        inputs : tf.Tensor, shape (B, N, N, ...), or list of its real and imaginary part
            The patches.

        Returns
        -------
        tf.Tensor
            The patches, masked, in the same shape.

        Raises
        ------
        RequestError
            If patches have fewer than three axes, or are smaller than the square.
        """
        patches = as_field("CentreMask", inputs)
        rank = patches.shape.rank
        sides = patches.shape[1:3] if rank is not None and rank >= 3 else ()
        if len(sides) < 2 or any(side is not None and side < self.size for side in sides):
            raise RequestError(
                f"CentreMask: received patches of shape {tuple(patches.shape)}. Expected "
                f"(B, N, N, ...) with N at least the size, {self.size}."
            )
        rows, columns = (self._inside(tf.shape(patches)[axis]) for axis in (1, 2))
        kept = tf.reshape(rows[:, None] & columns, [1, *tf.unstack(tf.shape(patches)[1:3])])
        kept = kept[(..., *[None] * (rank - 3))]  # (1, N, N, ...)
        return tf.where(kept, patches, tf.zeros_like(patches))

    def _inside(self, length: Any) -> Any:
        """Tell which samples of an axis belong to the centre."""
        index = tf.range(length) - (length // 2 - self.size // 2)
        return (index >= 0) & (index < self.size)

    def get_config(self) -> dict[str, Any]:
        """Return what a saved model keeps of the layer."""
        return {**super().get_config(), "size": self.size}
