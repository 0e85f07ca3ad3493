"""Patches of each object of a batch, cut and placed by the engine at positions of its own."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import numpy as np
import torch

from ...arrays.tensors import outside_autograph
from ...engine import Engine
from ...errors import RequestError
from ...geometry.cut import Cut, Fill, Interpolation
from ...geometry.kernels import SIGNED
from ...geometry.layouts import Layout
from ...request.normalisation import least_coverage
from ..layer_settings import check_layout, checked_weights, cut_of, object_shape
from .device_batches import batch_on_device
from .tensor_inputs import (
    as_array,
    as_field,
    as_positions,
    by_parts,
    check_rank,
    real_dtype,
    two_inputs,
)

#: What cuts and places on the CPU, and elsewhere; both have all gradients.
ON_HOST, ON_DEVICE = "numba", "jax"


class ExtractPatches(torch.nn.Module):
    """Cut patches out of each object at its own positions, as `ptycho_engine.Engine.extract` does.

    What lies outside an object is what `fill` says, however far; never another object of the
    batch. Gradients reach the objects and the positions, of which ``nearest`` refuses one.

    Parameters
    ----------
    patch_size : int
        Size N of the patches.
    interpolation : {"bilinear", "nearest", "bicubic"}
        How samples between pixels are formed.
    fill : {"zeros", "edge", "reflect"}
        What lies outside an object.
    layout : {"channel"}
        Patches as (B, N, N, C).

    Raises
    ------
    RequestError, CapabilityError
        If one of them is none of these.
    """

    def __init__(
        self,
        patch_size: int,
        interpolation: Interpolation = "bilinear",
        fill: Fill = "zeros",
        layout: Layout = "channel",
    ) -> None:
        super().__init__()
        self.cut = _served("ExtractPatches", patch_size, interpolation, fill)
        check_layout("ExtractPatches", layout)

    def forward(self, inputs: Any) -> torch.Tensor:
        """Cut.

        Parameters
        ----------
        inputs : list of two
            Objects (B, H, W), a tensor or the list of its real and imaginary part, and positions
            (B, C, 2), columns (y, x), in pixels of the own object; float64 keeps their digits.

        Returns
        -------
        Tensor, shape (B, N, N, C), dtype of the objects
            The patches.

        Raises
        ------
        RequestError
            If the inputs have other shapes, or a position is not finite.
        MemoryBudgetError
            If they exceed the budget.
        MissingExtraError
            If they lie on a device, and jax is not installed.
        """
        objects, positions = two_inputs("ExtractPatches", inputs, "objects", "positions")
        objects = as_field("ExtractPatches", objects)
        check_rank("ExtractPatches", "objects", objects, 3)
        return _cut_each(objects, as_positions("ExtractPatches", positions, objects), self.cut)


class PlacePatches(torch.nn.Module):
    """Add patches onto objects of zeros: the exact adjoint of `ExtractPatches`.

    Parameters
    ----------
    shape : (int, int)
        Height H and width W of an object.
    interpolation, fill
        As for `ExtractPatches`; what lies outside the object goes where `fill` took it from.

    Raises
    ------
    RequestError, CapabilityError
        If one of them cannot be used.
    """

    def __init__(
        self,
        shape: tuple[int, int],
        interpolation: Interpolation = "bilinear",
        fill: Fill = "zeros",
    ) -> None:
        super().__init__()
        self.object_shape = object_shape(type(self).__name__, shape)
        self.interpolation, self.fill = interpolation, fill
        _served(type(self).__name__, 1, interpolation, fill)

    def forward(self, inputs: Any) -> torch.Tensor:
        """Add.

        Parameters
        ----------
        inputs : list of two
            Patches (B, N, N, C), a tensor or the list of its real and imaginary part, and
            positions (B, C, 2), columns (y, x), in pixels of the own object.

        Returns
        -------
        Tensor, shape (B, H, W), dtype of the patches
            The sums.

        Raises
        ------
        RequestError
            If the inputs have other shapes, or a position is not finite.
        MemoryBudgetError
            If they exceed the budget.
        MissingExtraError
            If they lie on a device, and jax is not installed.
        """
        return self.place(*self.take(inputs))

    def take(self, inputs: Any) -> tuple[torch.Tensor, torch.Tensor]:
        """Return patches (B, N, N, C) and positions (B, C, 2) of the inputs."""
        name = type(self).__name__
        patches, positions = two_inputs(name, inputs, "patches", "positions")
        patches = as_field(name, patches)
        check_rank(name, "patches", patches, 4)
        positions = as_positions(name, positions, patches)
        if patches.shape[1] != patches.shape[2] or not patches.shape[1]:
            raise RequestError(
                f"{name}: received patches of shape {tuple(patches.shape)}. Expected (B, N, N, C)."
            )
        if positions.shape[1] != patches.shape[3]:
            raise RequestError(
                f"{name}: received {positions.shape[1]} positions for {patches.shape[3]} patches "
                "of each object. Expected one for each."
            )
        return patches, positions

    def place(self, patches: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
        """Add patches (B, N, N, C) onto zeros, (B, H, W)."""
        how = self.interpolation, self.fill
        return _place_each(patches, positions, self.object_shape, *how)


class ReassemblePatches(PlacePatches):
    """Add patches onto objects, and divide by how much of them lies on each sample.

    Samples that nothing covers are 0; elsewhere nothing is added to the coverage, so that patches
    of a constant object give it back. Coverage counts as none where it is below the smallest
    normal number divided by its precision, and, for kernels whose weights take both signs, outside
    every window.

    Parameters
    ----------
    shape, interpolation, fill
        As for `PlacePatches`.
    weights : array_like, shape (N, N), optional
        How much each sample of a patch counts, at least 0, for instance ``abs(probe) ** 2``. Only
        their ratios matter.

    Raises
    ------
    RequestError, ConfigurationError, CapabilityError
        If one of them cannot be used.
    """

    def __init__(
        self,
        shape: tuple[int, int],
        interpolation: Interpolation = "bilinear",
        fill: Fill = "zeros",
        weights: Any = None,
    ) -> None:
        super().__init__(shape, interpolation, fill)
        self.weights = checked_weights(as_array(weights))

    def forward(self, inputs: Any) -> torch.Tensor:
        """Put together.

        Parameters
        ----------
        inputs : list of two
            Patches and positions, as for `PlacePatches`.

        Returns
        -------
        Tensor, shape (B, H, W), dtype of the patches
            The objects.

        Raises
        ------
        RequestError
            If the inputs have other shapes, patches another size than the weights, or a position
            is not finite.
        """
        patches, positions = self.take(inputs)
        size, kind = patches.shape[1], {"dtype": real_dtype(patches), "device": patches.device}
        weights = torch.ones((size, size), **kind)
        if self.weights is not None:
            if len(self.weights) != size:
                raise RequestError(
                    f"ReassemblePatches: received patches of size {size} for weights of size "
                    f"{len(self.weights)}. Expected one size."
                )
            weights = torch.tensor(self.weights, **kind)
            # What is left out may be NaN.
            kept = torch.where(weights[..., None] == 0, torch.zeros_like(patches), patches)
            patches = by_parts(torch.mul, kept, weights[..., None])
        total = self.place(patches, positions)
        each = weights[..., None].expand(patches.shape)
        coverage = self.place(each, positions)
        none = coverage < least_coverage(np.dtype(str(coverage.dtype).removeprefix("torch.")))
        if self.interpolation in SIGNED:
            none = none | ~_under_windows(positions, self.object_shape, size)
        divisor = torch.where(none, torch.ones_like(coverage), coverage)
        return torch.where(none, torch.zeros_like(total), by_parts(torch.div, total, divisor))


@lru_cache
def _engine(plugin: str) -> Engine:
    return Engine(plugin, reason="torch modules cut and place with it where their tensors are")


def _served(layer: str, patch_size: Any, interpolation: Any, fill: Any) -> Cut:
    """Return what a module cuts or places, if the engine serves it."""
    cut = cut_of(layer, patch_size, interpolation, fill)
    _engine(ON_HOST).capabilities.check_cut(cut, ON_HOST)
    return cut


@outside_autograph
def _cut_each(objects: torch.Tensor, positions: torch.Tensor, cut: Cut) -> torch.Tensor:
    """Cut patches (B, N, N, C) of objects (B, H, W), each at its own positions."""
    n, members = cut.patch_size, positions.shape[1]
    if not len(objects) or not members:
        return objects.reshape(-1)[:0].reshape(len(objects), n, n, members)  # tied to its gradient
    if not _on_host(objects):
        return batch_on_device(_engine(ON_DEVICE), cut).extract(objects, positions)
    how: Any = {"interpolation": cut.interpolation, "fill": cut.fill, "layout": "channel"}
    pairs, engine = _pairs(objects, positions), _engine(ON_HOST)
    return torch.cat([engine.extract(one, at[None], n, **how) for one, at in pairs])


@outside_autograph
def _place_each(
    patches: torch.Tensor,
    positions: torch.Tensor,
    shape: tuple[int, int],
    interpolation: Interpolation,
    fill: Fill,
) -> torch.Tensor:
    """Add patches (B, N, N, C), each set onto an object of its own: (B, H, W)."""
    if not len(patches) or not positions.shape[1]:
        return patches.new_zeros((len(patches), *shape)) + patches.sum()  # tied to its gradient
    if not _on_host(patches):
        cut = Cut(patches.shape[1], interpolation, fill)
        return batch_on_device(_engine(ON_DEVICE), cut).place(patches, positions, shape)
    how: Any = {"interpolation": interpolation, "fill": fill, "layout": "channel"}
    pairs, engine = _pairs(patches, positions), _engine(ON_HOST)
    return torch.stack([engine.place(each[None], at[None], shape, **how) for each, at in pairs])


def _pairs(
    batch: torch.Tensor, positions: torch.Tensor
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Pair each item of a batch with its positions."""
    return zip(_Items.apply(batch), _Items.apply(positions), strict=True)


class _Items(torch.autograd.Function):
    """The items of a batch, whose gradients are stacked once.

    The gradient of ``batch[i]`` is as large as the batch, for each i; and `torch.unbind` gives
    views that autograd refuses to use once the batch was changed in place, whoever did it. Detached
    ones count the batch's versions, so that a change is named where it matters.
    """

    generate_vmap_rule = True

    @staticmethod
    def forward(batch: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return tuple(one.detach() for one in batch.unbind())

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[torch.Tensor, ...]) -> None:
        """Keep nothing, which torch wants to be said."""

    @staticmethod
    def jvp(ctx: Any, tangent: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return tuple(tangent.unbind())

    @staticmethod
    def backward(ctx: Any, *cotangents: torch.Tensor) -> torch.Tensor:
        return torch.stack(cotangents)


def _on_host(tensor: torch.Tensor) -> bool:
    return bool(tensor.device.type == "cpu")


def _under_windows(positions: torch.Tensor, shape: tuple[int, int], size: int) -> torch.Tensor:
    """Tell which samples lie under a window of their own object, (B, H, W)."""
    start = positions - size // 2  # (B, C, 2)
    inside = []
    for axis, length in enumerate(shape):
        pixels = torch.arange(length, dtype=start.dtype, device=start.device)
        behind = pixels - start[..., axis, None]  # (B, C, H)
        inside.append((behind >= 0) & (behind <= size - 1))
    rows, columns = (axis.to(torch.float32) for axis in inside)
    return torch.einsum("bch,bcw->bhw", rows, columns) > 0
