"""Batches of objects on a device: one compiled function of jax cuts or places for all of them.

An engine asked for one object after the other would leave the device waiting.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, NamedTuple

import torch

from ...arrays.adapter import adapter_named, handed
from ...arrays.forks import refuse_jax_after_fork
from ...arrays.operation import Operation
from ...engine import Engine
from ...geometry.cut import Cut
from ...kept import kept
from ...request.checks import check_finite
from ...request.planning import check_budget


@lru_cache(maxsize=64)
def batch_on_device(engine: Engine, cut: Cut) -> DeviceBatch:
    """Return what cuts and places a batch: the same each time, with what was compiled for it.

    Parameters
    ----------
    engine : Engine
        Of the plugin ``jax``.
    cut : Cut
        What is cut, or placed.

    Returns
    -------
    DeviceBatch
    """
    return DeviceBatch(engine, cut)


class _Compiled(NamedTuple):
    """Functions of jax: patches cut, patches added, and the gradient for positions."""

    cut: Callable[..., Any]
    add: Callable[..., Any]
    slopes: Callable[..., Any]


@dataclass(frozen=True, eq=False)
class DeviceBatch:
    """Cuts and places patches of a batch in one go, each object at its own positions.

    A batch is planned, and compared with the budget, when it is compiled for its shape.

    Attributes
    ----------
    engine, cut
        As for `batch_on_device`.
    """

    engine: Engine
    cut: Cut

    def extract(self, objects: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
        """Cut patches (B, N, N, C) of objects (B, H, W) at positions (B, C, 2).

        Raises
        ------
        RequestError
            If a position is NaN or infinite, or tensors hold no numbers.
        MemoryBudgetError
            If the batch exceeds the budget.
        CapabilityError
            When differentiated, if positions have no gradient.
        """
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
        """Add patches (B, N, N, C) at positions (B, C, 2) onto zeros, (B, H, W): as `extract`."""
        positions = positions.to(patches.device)
        operation = Operation(
            lambda: self._add(patches, positions, shape),
            lambda where, cotangent: self._cut(cotangent, where),
            lambda values, where, cotangent: self._slopes(cotangent, where, values),
        )
        return self._differentiable(operation, patches, positions)

    def _differentiable(self, operation: Operation, values: Any, positions: Any) -> torch.Tensor:
        torch_arrays = adapter_named("torch")
        values = torch_arrays.convert(values, "batch")  # a meta tensor is on a device, too
        positions = torch_arrays.convert(positions, "positions")
        if not bool(positions.isfinite().all()):  # a trace cannot raise, and would answer with NaN
            check_finite(torch_arrays.to_numpy(positions.reshape(-1, 2)))
        result: torch.Tensor = torch_arrays.differentiable(operation, values, positions)
        return result

    def _cut(self, objects: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
        return self._call(self._compiled.cut, objects, positions)

    def _add(
        self, patches: torch.Tensor, positions: torch.Tensor, shape: tuple[int, ...]
    ) -> torch.Tensor:
        return self._call(self._compiled.add, patches, positions, shape=shape)

    def _slopes(
        self, objects: torch.Tensor, positions: torch.Tensor, cotangent: torch.Tensor
    ) -> torch.Tensor:
        # jax would answer with zeros.
        self.engine.capabilities.check_slopes(self.cut, self.engine.plugin)
        return self._call(self._compiled.slopes, objects, positions, cotangent)

    def _call(self, function: Callable[..., Any], *tensors: torch.Tensor, **how: Any) -> Any:
        """Call a function of jax with tensors, whose memory it borrows."""
        import jax

        refuse_jax_after_fork()
        ours, theirs = adapter_named("torch"), adapter_named("jax")
        with jax.enable_x64(True):  # positions are double
            arrays = (handed(tensor, ours, theirs) for tensor in tensors)
            return handed(function(*arrays, **how), theirs, ours)

    @property
    @kept
    def _compiled(self) -> _Compiled:
        import jax

        engine, size = self.engine, self.cut.patch_size
        kind = {"interpolation": self.cut.interpolation, "fill": self.cut.fill}
        how: dict[str, Any] = {**kind, "layout": "channel"}

        def check(image: Any, where: Any, batch: int) -> None:
            """Refuse a batch beyond the budget: one object is planned, as the trace sees it."""
            plan = engine.plan(image, where[None], size, **how)
            plan = replace(plan, workspace_bytes=batch * plan.workspace_bytes)
            held = batch * plan.output_bytes
            check_budget(plan, held_bytes=held, advice="Train with smaller batches")

        def cut(objects: Any, positions: Any) -> Any:
            check(objects[0], positions[0], len(objects))

            def one(image: Any, where: Any) -> Any:
                return engine.extract(image, where[None], size, **how)[0]

            return jax.vmap(one)(objects, positions)

        def add(patches: Any, positions: Any, shape: tuple[int, int]) -> Any:
            check(jax.numpy.zeros(shape, patches.dtype), positions[0], len(patches))

            def one(each: Any, where: Any) -> Any:
                return engine.place(each[None], where[None], shape, **how)

            return jax.vmap(one)(patches, positions)

        def slopes(objects: Any, positions: Any, cotangent: Any) -> Any:
            # Of a complex function, jax's own convention takes the conjugate.
            return jax.vjp(lambda where: cut(objects, where), positions)[1](cotangent.conj())[0]

        return _Compiled(jax.jit(cut), jax.jit(add, static_argnames="shape"), jax.jit(slopes))
