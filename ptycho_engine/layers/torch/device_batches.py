"""Batches of objects on a device: one compiled function of jax cuts or places for all of them.

An engine asked for one object after the other would leave the device waiting.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any

import torch

from ...arrays.adapter import adapter_named, handed
from ...arrays.operation import Operation
from ...engine import Engine
from ...errors import RequestError
from ...request.planning import check_budget


@lru_cache(maxsize=64)
def _batch(engine: Engine, patch_size: int, how: tuple[tuple[str, Any], ...]) -> DeviceBatch:
    return DeviceBatch(engine, patch_size, dict(how))


def batch_on_device(engine: Engine, patch_size: int, how: Mapping[str, Any]) -> DeviceBatch:
    """Return what cuts and places a batch with an engine that computes in jax.

    Parameters
    ----------
    engine : Engine
        Whose.
    patch_size : int
        Size N of the patches.
    how : mapping
        Interpolation, fill and layout, as `Engine.extract` takes them.

    Returns
    -------
    DeviceBatch
        The same for the same arguments: what is compiled is kept.
    """
    return _batch(engine, patch_size, tuple(sorted(how.items())))


@dataclass(frozen=True, eq=False)
class DeviceBatch:
    """Cuts and places patches of a batch in one go, each object at its own positions.

    Attributes
    ----------
    engine, patch_size, how
        As for `batch_on_device`.
    """

    engine: Engine
    patch_size: int
    how: Mapping[str, Any]

    def extract(self, objects: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
        """Cut patches (B, N, N, C) of objects (B, H, W) at positions (B, C, 2)."""
        positions, shape = positions.to(objects.device), tuple(objects.shape[1:])
        operation = Operation(
            lambda: self._cut(objects, positions),
            lambda where, cotangent: self._add(cotangent, where, shape),
            self._slopes,
        )
        return self._differentiable(operation, objects, positions)

    def place(
        self, patches: torch.Tensor, positions: torch.Tensor, shape: tuple[int, int]
    ) -> torch.Tensor:
        """Add patches (B, N, N, C) at positions (B, C, 2) onto zeros, (B, H, W)."""
        positions = positions.to(patches.device)
        operation = Operation(
            lambda: self._add(patches, positions, shape),
            lambda where, cotangent: self._cut(cotangent, where),
            lambda values, where, cotangent: self._slopes(cotangent, where, values),
        )
        return self._differentiable(operation, patches, positions)

    def _differentiable(self, operation: Operation, values: Any, positions: Any) -> torch.Tensor:
        # A trace cannot raise, and would answer with NaN.
        if not bool(positions.isfinite().all()):
            raise RequestError(
                "positions: received some that are NaN or infinite. Expected finite numbers of "
                "pixels. Look at what makes them."
            )
        tensor: torch.Tensor = adapter_named("torch").differentiable(operation, values, positions)
        return tensor

    def _cut(self, objects: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
        return self._call(self._compiled.cut, objects, positions)

    def _add(
        self, patches: torch.Tensor, positions: torch.Tensor, shape: tuple[int, ...]
    ) -> torch.Tensor:
        return self._call(self._compiled.add, patches, positions, shape=shape)

    def _slopes(
        self, objects: torch.Tensor, positions: torch.Tensor, cotangent: torch.Tensor
    ) -> torch.Tensor:
        return self._call(self._compiled.slopes, objects, positions, cotangent)

    def _call(self, function: Callable[..., Any], *tensors: torch.Tensor, **how: Any) -> Any:
        """Call a function of jax with tensors, whose memory it borrows."""
        import jax

        ours, theirs = adapter_named("torch"), adapter_named("jax")
        with jax.enable_x64(True):  # positions are double
            arrays = (handed(tensor, ours, theirs) for tensor in tensors)
            return handed(function(*arrays, **how), theirs, ours)

    @cached_property
    def _compiled(self) -> Compiled:
        import jax

        def check(image: Any, where: Any, batch: int) -> None:
            """Refuse a batch beyond the budget: one object is planned, as the trace sees it."""
            plan = self.engine.plan(image, where[None], self.patch_size, **self.how)
            plan = replace(plan, workspace_bytes=batch * plan.workspace_bytes)
            held = batch * plan.output_bytes
            check_budget(plan, held_bytes=held, advice="Train with smaller batches")

        def cut(objects: Any, positions: Any) -> Any:
            check(objects[0], positions[0], len(objects))

            def one(image: Any, where: Any) -> Any:
                return self.engine.extract(image, where[None], self.patch_size, **self.how)[0]

            return jax.vmap(one)(objects, positions)

        def add(patches: Any, positions: Any, shape: tuple[int, int]) -> Any:
            check(jax.numpy.zeros(shape, patches.dtype), positions[0], len(patches))

            def one(each: Any, where: Any) -> Any:
                return self.engine.place(each[None], where[None], shape, **self.how)

            return jax.vmap(one)(patches, positions)

        def slopes(objects: Any, positions: Any, cotangent: Any) -> Any:
            # Of a complex function, jax's own convention takes the conjugate.
            return jax.vjp(lambda where: cut(objects, where), positions)[1](cotangent.conj())[0]

        return Compiled(jax.jit(cut), jax.jit(add, static_argnames="shape"), jax.jit(slopes))


@dataclass(frozen=True)
class Compiled:
    """Functions of jax: patches cut, patches added, and the gradient of positions."""

    cut: Callable[..., Any]
    add: Callable[..., Any]
    slopes: Callable[..., Any]
