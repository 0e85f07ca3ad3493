"""Patches added onto objects, at positions of each object's own."""

from __future__ import annotations

from typing import Any

from ..errors import RequestError
from ..geometry.cut import Cut, Fill, Interpolation
from ..ops.stacks import place_on_stack
from .engine_layer import EngineLayer, as_field, as_positions, check_rank, two_inputs
from .keras_backend import registered, tf
from .layer_settings import cut_of, object_shape


@registered
class PlacePatches(EngineLayer):
    """Add patches onto objects of zeros: the exact adjoint of `ExtractPatches`.

    Parameters
    ----------
    shape : (int, int)
        Height H and width W of an object.
    interpolation, fill
        As for `ExtractPatches`; what lies outside the object goes where `fill` took it from.
    **kwargs
        As for every Keras layer.

    Raises
    ------
    RequestError
        If one of them cannot be used.
    """

    def __init__(
        self,
        shape: tuple[int, int],
        interpolation: Interpolation = "bilinear",
        fill: Fill = "zeros",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.object_shape = object_shape(type(self).__name__, shape)
        self.interpolation, self.fill = interpolation, fill
        self._cut(1)  # refuses what cannot be placed

    def call(self, inputs: Any) -> Any:
        """Add.

        Parameters
        ----------
        inputs : list of two
            Patches (B, N, N, C), a tensor or the list of its real and imaginary part, and
            positions (B, C, 2), columns (y, x), in pixels of the own object.

        Returns
        -------
        tf.Tensor, shape (B, H, W), dtype of the patches
            The sums.

        Raises
        ------
        RequestError
            If the inputs have other shapes.
        tf.errors.InvalidArgumentError
            If a position is not finite; compiled by XLA, its object is NaN instead.
        """
        patches, positions = self.take(inputs)
        return self.place(patches, positions)

    def take(self, inputs: Any) -> tuple[Any, Any]:
        """Return patches (B, C, N, N) and positions (B, C, 2) of the inputs."""
        name = type(self).__name__
        patches, positions = two_inputs(name, inputs, "patches", "positions")
        patches = as_field(name, patches)
        check_rank(name, "patches", patches, 4)
        positions = as_positions(name, positions, patches)
        size, columns, members = patches.shape[1:]
        if size is None or size != columns:
            raise RequestError(
                f"{name}: received patches of shape {tuple(patches.shape)}. Expected (B, N, N, C), "
                "with N known."
            )
        if not positions.shape[1:2].is_compatible_with((members,)):
            raise RequestError(
                f"{name}: received {positions.shape[1]} positions for {members} patches of each "
                "object. Expected one for each."
            )
        return tf.transpose(patches, (0, 3, 1, 2)), positions

    def place(self, patches: Any, positions: Any) -> Any:
        """Add patches (B, C, N, N) onto zeros, (B, H, W)."""
        return place_on_stack(patches, positions, self.object_shape, self._cut(patches.shape[-1]))

    def _cut(self, size: int) -> Cut:
        return cut_of(type(self).__name__, size, self.interpolation, self.fill)

    def get_config(self) -> dict[str, Any]:
        """Return what a saved model keeps of the layer."""
        own = {
            "shape": list(self.object_shape),
            "interpolation": self.interpolation,
            "fill": self.fill,
        }
        return {**super().get_config(), **own}
