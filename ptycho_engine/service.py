"""A plugin at work: requests planned within a budget, and served in any layout and framework."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np

from . import differentials
from .arrays.adapter import DEVICE_FRAMEWORKS, NUMPY, ArrayAdapter, adapter_named, handed
from .errors import CapabilityError
from .host.selection import SelectedPlugin
from .logs import get_logger
from .memory import parse_bytes
from .request.blocks import (
    Block,
    add_placed,
    block_index,
    flat_target,
    flattened,
    settle_patches,
)
from .request.extraction import ExtractionRequest
from .request.located import LocatedRequest
from .request.placement import PlacementRequest
from .request.planning import Plan, block_groups, check_budget, default_plan, with_workspace

USE_STREAM = "Use engine.stream(...), or out= with a file-backed array"
SMALLER_CHUNK = "Choose a smaller chunk"
SMALLER_BLOCK = "Choose a smaller block_size"
FEWER_POSITIONS = "Pass fewer positions at a time, or NumPy arrays to engine.stream(...)"
FEWER_PATCHES = "Pass fewer patches at a time, adding onto one array with out="
#: Where the numbers of each framework's arrays are not known.
TRACES = {"tensorflow": "tf.function", "jax": "jax.jit, grad and vmap"}

Array = np.ndarray[Any, Any]
#: Of blocks and how many groups they are in all, to the same blocks.
BlockWatch = Callable[[Iterator[Block], int], Iterator[Block]]


@dataclass(frozen=True, eq=False)
class Service:
    """What an engine does with a request.

    Attributes
    ----------
    plugin : SelectedPlugin
        The plugin that cuts patches.
    options : object or None
        Its options, as it declares them.
    memory_budget : int or None
        Bytes that patches and workspace may take together; None for a share of what is free.
    """

    plugin: SelectedPlugin
    options: Any
    memory_budget: int | None
    _converted: set[str] = field(init=False, repr=False, default_factory=set)  # said in the log

    def check(self, request: ExtractionRequest) -> None:
        """Refuse an extraction that the plugin does not serve.

        Raises
        ------
        CapabilityError
            If it is beyond what the plugin declares.
        """
        self._check(request, request.image)

    def check_placement(self, request: PlacementRequest) -> None:
        """Refuse a placement that the plugin does not serve.

        Raises
        ------
        CapabilityError
            As `check`; also if the plugin does not place patches.
        """
        self.plugin.require("place_patches")
        self._check(request, request.patches)

    def _check(self, request: LocatedRequest, values: Any) -> None:
        capabilities, arrays = self.plugin.capabilities, request.arrays
        capabilities.check(request, self.plugin.name)
        if arrays is NUMPY or arrays.name in capabilities.arrays:
            return
        if not arrays.is_on_host(values) and not self._devices:
            raise CapabilityError(
                f"{self.plugin.name}: computes on {', '.join(sorted(capabilities.arrays))} arrays, "
                f"and received a {arrays.name} array on {values.device}. Choose a plugin that "
                "reaches it there, or move it to the CPU first."
            )
        if arrays.is_symbolic(values) or arrays.is_symbolic(request.positions):
            raise CapabilityError(
                f"{self.plugin.name}: does not compute inside {TRACES[arrays.name]}. Call it on "
                "arrays whose numbers are known, or choose a plugin that declares "
                f"{arrays.name!r} among its arrays."
            )

    def plan(
        self, request: ExtractionRequest | PlacementRequest, budget: int | None = None
    ) -> Plan:
        """Plan what is computed in one go; by default within the budget of the engine."""
        # What reading has taken is counted in plans, and no longer free.
        budget = budget or self.memory_budget or parse_bytes(None) + request.copied
        plan = self.plugin.plan(request, self.options, budget) or default_plan(
            request, self.plugin.name, budget
        )
        direct = request.layout in self.plugin.capabilities.layouts
        if request.layout == "channel" and not direct:  # flat patches come first
            plan = with_workspace(plan, request.patches_bytes)
        return with_workspace(plan, request.copied) if request.copied else plan

    def extract(self, request: ExtractionRequest, out: Array | None) -> Array:
        """Cut patches of NumPy arrays, into an array or into a new one.

        Raises
        ------
        MemoryBudgetError
            If they exceed the budget.
        """
        plan = self.plan(request)
        if out is None:
            check_budget(plan, held_bytes=plan.output_bytes, advice=USE_STREAM)
            out = np.empty(request.output_shape, request.dtype)
        else:
            check_budget(plan, held_bytes=0, advice=SMALLER_CHUNK)
        self._fill(request, plan, out)
        return out

    def extract_native(self, request: ExtractionRequest) -> Any:
        """Cut patches of another framework's arrays: in the plugin, or by way of NumPy.

        Raises
        ------
        MemoryBudgetError
            If they exceed the budget.
        """
        arrays = request.arrays
        converted, plan = self.plan_native(request)
        check_budget(plan, held_bytes=plan.output_bytes, advice=FEWER_POSITIONS)
        if converted is not request:
            self._say_converted(arrays.name)
            operation = differentials.extraction(
                request,
                partial(self._extract_converted, converted, plan, arrays),
                self.plugin.follow("extract_patches", "place_patches", self._place_back),
                self.plugin.follow("extract_patches", "position_gradient", self.position_gradient),
            )
            return arrays.differentiable(operation, request.image, request.positions)
        return self._extract_as_it_is(plan, request)

    def extract_in_blocks(
        self, request: ExtractionRequest, out: Any, watch: BlockWatch | None = None
    ) -> Any:
        """Cut patches of NumPy arrays block by block, into anything that takes slices.

        Parameters
        ----------
        request : ExtractionRequest
            Whose patches.
        out : array or None
            Receives them; None for a new array.
        watch : callable, optional
            Of the blocks and the number of groups; passes the blocks on.

        Raises
        ------
        MemoryBudgetError
            If a block, and the new array, exceed the budget.
        """
        beside = request.output_bytes if out is None else 0
        blocks = self.blocks(request, reuse=True, beside=beside)
        if out is None:
            out = np.empty(request.output_shape, request.dtype)
        for block in watch(blocks, request.groups) if watch else blocks:
            out[block_index(request, block.start, block.stop)] = block.patches
        return out

    def blocks(
        self,
        request: ExtractionRequest,
        block_size: int | None = None,
        *,
        reuse: bool = False,
        beside: int = 0,
    ) -> Iterator[Block]:
        """Blocks in order; with `reuse` all share one buffer, `beside` so many bytes.

        Raises
        ------
        MemoryBudgetError
            At once, if a block exceeds the budget.
        """
        plan = self.plan(request)
        step = block_size or block_groups(request, plan)
        starts = range(0, request.groups, step)
        parts = (request.block(start, min(start + step, request.groups)) for start in starts)
        budget = plan.memory_budget
        first = self.plan(request.block(0, step), budget)
        check_budget(
            first,
            held_bytes=first.output_bytes + beside,
            advice=SMALLER_CHUNK if block_size is None else SMALLER_BLOCK,
        )

        def cut() -> Iterator[Block]:
            buffer: Array | None = None
            for start, part in zip(starts, parts, strict=True):
                if buffer is None or not reuse:
                    buffer = np.empty(part.output_shape, part.dtype)
                patches = buffer[block_index(part, 0, part.groups)]
                self._fill(part, self.plan(part, budget), patches)
                yield Block(start, start + part.groups, patches)

        return cut()

    def plan_native(self, request: ExtractionRequest) -> tuple[ExtractionRequest, Plan]:
        """Plan in arrays that the plugin computes on; also return the request in them."""
        arrays = request.arrays
        if arrays.name in self.plugin.capabilities.arrays:
            return request, self.plan(request)
        converted = request.converted(self._target(request, request.image))
        plan = self.plan(converted)  # NumPy's array may be held beside the result
        return converted, with_workspace(plan, arrays.copied_bytes(plan.output_bytes))

    def place(self, request: PlacementRequest, out: Array | None) -> Array:
        """Add patches of NumPy arrays onto an array, or onto a new one of zeros.

        Raises
        ------
        MemoryBudgetError
            If they exceed the budget.
        """
        plan = self.plan(request)
        held = plan.output_bytes if out is None or not self._adds_onto(out) else 0
        check_budget(plan, held_bytes=held, advice=FEWER_PATCHES, held="object")
        if out is None:
            out = np.zeros(request.output_shape, request.dtype)
        self._add(request, plan, out)
        return out

    def place_native(self, request: PlacementRequest) -> Any:
        """Place patches of another framework's arrays: in the plugin, or by way of NumPy.

        Raises
        ------
        MemoryBudgetError
            If they exceed the budget.
        """
        arrays = request.arrays
        if arrays.name in self.plugin.capabilities.arrays:
            plan = self.plan(request)
            check_budget(plan, held_bytes=plan.output_bytes, advice=FEWER_PATCHES, held="object")
            return self.plugin.place(self._flat_if_needed(request), self.options, plan, None)
        converted = request.converted(self._target(request, request.patches))
        beside = arrays.copied_bytes(request.output_bytes)
        plan = with_workspace(self.plan(converted), beside)
        check_budget(plan, held_bytes=plan.output_bytes, advice=FEWER_PATCHES, held="object")
        self._say_converted(arrays.name)
        operation = differentials.placement(
            request,
            partial(self._place_converted, converted, plan, arrays),
            self.plugin.follow("place_patches", "extract_patches", self.extract_native),
            self.plugin.follow("place_patches", "position_gradient", self.position_gradient),
        )
        return arrays.differentiable(operation, request.patches, request.positions)

    def position_gradient(self, request: ExtractionRequest, cotangent: Any) -> Any:
        """Differentiate a real loss of the patches with respect to the positions.

        Parameters
        ----------
        request : ExtractionRequest
            The extraction that gave the patches.
        cotangent : ndarray or tensor, shape `request.output_shape`, dtype `request.dtype`
            ``dL/dRe + i dL/dIm`` of the patches.

        Returns
        -------
        ndarray or tensor of float64, shape (P, 2)
            The gradient, columns (y, x); what arrays the request holds.

        Raises
        ------
        CapabilityError
            If the plugin has no such gradient, or none exists for the kernel or the rounding.
        MemoryBudgetError
            If it exceeds the budget.
        """
        self.plugin.require("position_gradient")
        self.check(request)
        self.plugin.capabilities.check_slopes(request.cut, self.plugin.name)
        arrays = request.arrays
        converted, plan = self.plan_native(request)
        plan = replace(plan, output_bytes=16 * request.patch_count)
        check_budget(plan, held_bytes=plan.output_bytes, advice=FEWER_POSITIONS, held="gradient")
        if converted is not request:
            self._say_converted(arrays.name)
            cotangent = handed(cotangent, arrays, converted.arrays)
        if request.patch_count == 0:
            return arrays.from_numpy(np.zeros((0, 2)))
        served = self._served(converted)
        if served is not converted:
            cotangent = converted.arrays.flatten(cotangent, request.layout)
        gradient = self.plugin.differentiate(served, cotangent, self.options, plan)
        return gradient if converted is request else handed(gradient, converted.arrays, arrays)

    def _add(self, request: PlacementRequest, plan: Plan, out: Array) -> None:
        """Add the patches of a request onto an array."""
        if request.patch_count == 0 or out.size == 0:
            return
        target = out if self._adds_onto(out) else np.zeros(out.shape, out.dtype)
        served = self._flat_if_needed(request)
        placed = np.asarray(self.plugin.place(served, self.options, plan, target))
        add_placed(placed, target, out, self.plugin.name)

    def _adds_onto(self, out: Array) -> bool:
        """Tell whether a plugin adds to an array itself; a wrapper sees the patches' sum alone."""
        return out.flags.carray and not self.plugin.is_surrounded("place_patches")

    def _flat_if_needed(self, request: PlacementRequest) -> PlacementRequest:
        """Return the request in a layout that the plugin takes."""
        direct = request.layout in self.plugin.capabilities.layouts
        return request if direct else flattened(request)

    def _say_converted(self, kind: str) -> None:
        """Tell the log, once for each kind of array, that it goes by way of NumPy."""
        if kind not in self._converted:
            self._converted.add(kind)
            get_logger().info("arrays_converted", plugin=self.plugin.name, arrays=kind)

    def _fill(self, request: ExtractionRequest, plan: Plan, out: Array) -> None:
        """Fill an array with the patches of a request."""
        if request.patch_count == 0 or out.size == 0:
            return
        served = self._served(request)
        target = out if served is request else flat_target(served, request.layout, out)
        patches = self.plugin.extract(served, self.options, plan, target)
        if patches is not out:
            settle_patches(np.asarray(patches), target, request, out)

    def _extract_as_it_is(self, plan: Plan, request: ExtractionRequest) -> Any:
        """Cut patches of arrays that the plugin computes on, not NumPy's."""
        served = self._served(request)
        patches = self.plugin.extract(served, self.options, plan, None)
        if served is request:
            return patches
        return request.arrays.arrange(patches, request.layout, request.channels)

    def _extract_converted(
        self, converted: ExtractionRequest, plan: Plan, arrays: ArrayAdapter
    ) -> Any:
        """Cut patches in arrays that the plugin computes on, for a caller with others."""
        if converted.arrays is not NUMPY:
            patches = self._extract_as_it_is(plan, converted)
            return handed(patches, converted.arrays, arrays)
        out = arrays.empty(converted.output_shape, converted.dtype)
        self._fill(converted, plan, out)
        return arrays.from_numpy(out)

    def _place_converted(
        self, converted: PlacementRequest, plan: Plan, arrays: ArrayAdapter
    ) -> Any:
        """Place patches in arrays that the plugin computes on, for a caller with others."""
        if converted.arrays is not NUMPY:
            served = self._flat_if_needed(converted)
            placed = self.plugin.place(served, self.options, plan, None)
            return handed(placed, converted.arrays, arrays)
        out = arrays.empty(converted.output_shape, converted.dtype)
        out[...] = 0
        self._add(converted, plan, out)
        return arrays.from_numpy(out)

    @property
    def _devices(self) -> list[str]:
        """Frameworks in which the plugin takes arrays of others where they lie."""
        return [name for name in DEVICE_FRAMEWORKS if name in self.plugin.capabilities.arrays]

    def _target(self, request: LocatedRequest, values: Any) -> ArrayAdapter:
        """Choose what values are converted to: NumPy on the host, or arrays of their device."""
        on_host = request.arrays.is_on_host(values)
        return NUMPY if on_host else adapter_named(self._devices[0])

    def _place_back(self, request: PlacementRequest) -> Any:
        """Place the gradient of patches, if the plugin does."""
        self.check_placement(request)
        return self.place_native(request)

    def _served(self, request: ExtractionRequest) -> ExtractionRequest:
        """Return the request in a layout that the plugin returns."""
        if request.layout in self.plugin.capabilities.layouts:
            return request
        return replace(request, layout="flat", channels=1)
