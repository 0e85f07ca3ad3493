"""Patches of each object of a batch, at positions of its own."""

from __future__ import annotations

from typing import Any

from ..geometry.cut import Fill, Interpolation
from ..geometry.layouts import Layout
from ..ops.stacks import cut_from_stack
from .engine_layer import EngineLayer, as_field, as_positions, check_rank, two_inputs
from .keras_backend import registered
from .layer_settings import check_layout, cut_of


@registered
class ExtractPatches(EngineLayer):
    """Cut patches out of each object at its own positions, as `ptycho_engine.Engine.extract` does.

    What lies outside an object is what `fill` says, however far; never another object of the
    batch. Gradients reach the objects and, but for ``nearest``, the positions.

    Parameters
    ----------
    patch_size : int
        Size N of the patches.
    interpolation : {"bilinear", "nearest", "bicubic", "fourier"}
        How samples between pixels are formed.
    fill : {"zeros", "edge", "reflect"}
        What lies outside an object.
    layout : {"channel"}
        Patches as (B, N, N, C).
    **kwargs
        As for every Keras layer.

    Raises
    ------
    RequestError
        If one of them is none of these.
    """

    def __init__(
        self,
        patch_size: int,
        interpolation: Interpolation = "bilinear",
        fill: Fill = "zeros",
        layout: Layout = "channel",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.cut = cut_of("ExtractPatches", patch_size, interpolation, fill)
        check_layout("ExtractPatches", layout)

    def call(self, inputs: Any) -> Any:
        """Cut.

        Parameters
        ----------
        inputs : list of two
            Objects (B, H, W), a tensor or the list of its real and imaginary part, and positions
            (B, C, 2), columns (y, x), in pixels of the own object; float64 keeps their digits.

        Returns
        -------
        tf.Tensor, shape (B, N, N, C), dtype of the objects
            The patches.

        Raises
        ------
        RequestError
            If the inputs have other shapes.
        tf.errors.InvalidArgumentError
            If a position is not finite; compiled by XLA, its patch is NaN instead.
        """
        objects, positions = two_inputs("ExtractPatches", inputs, "objects", "positions")
        objects = as_field("ExtractPatches", objects)
        check_rank("ExtractPatches", "objects", objects, 3)
        positions = as_positions("ExtractPatches", positions, objects)
        return cut_from_stack(objects, positions, self.cut)

    def get_config(self) -> dict[str, Any]:
        """Return what a saved model keeps of the layer."""
        own = {
            "patch_size": self.cut.patch_size,
            "interpolation": self.cut.interpolation,
            "fill": self.cut.fill,
            "layout": "channel",
        }
        return {**super().get_config(), **own}
