"""A plugin that was chosen: the hook callers that reach it, and the check of what comes back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np

from ..arrays.adapter import NUMPY, ArrayAdapter
from ..discovery import REGISTERED, PluginSource
from ..errors import CapabilityError, PluginError
from ..request.extraction import ExtractionRequest
from ..request.located import LocatedRequest
from ..request.placement import PlacementRequest
from ..request.planning import Plan
from .answers import ask
from .capabilities import Capabilities

Caller = Callable[..., Any]


@dataclass(frozen=True)
class SelectedPlugin:
    """A plugin that was chosen, with the hook callers that reach it and the active wrappers.

    Attributes
    ----------
    source : PluginSource
        Where it comes from.
    capabilities : Capabilities
        What it declares.
    callers : mapping of str to callable
        What calls each hook; None is returned by those of a hook that it does not implement.
    hooks : frozenset of str
        Those that it implements.
    having : callable
        Of a hook: the names of the built-in plugins that have it, for messages.
    """

    source: PluginSource
    capabilities: Capabilities
    callers: Mapping[str, Caller]
    hooks: frozenset[str]
    having: Callable[[str], list[str]]
    #: Of each hook, the wrappers that were seen to answer with something else than they received.
    _changers: dict[str, set[str]] = field(init=False, repr=False, default_factory=dict)

    @property
    def name(self) -> str:
        """The name that selected it."""
        return self.source.name

    def is_surrounded(self, hook: str) -> bool:
        """Whether a wrapper that is active surrounds a hook: it may answer with other numbers."""
        return bool(self._wrappers(hook))

    def follow(self, hook: str, gradient: str, function: Caller) -> Caller:
        """Let a gradient of what a hook answered be computed only if it follows the wrappers.

        Parameters
        ----------
        hook, gradient : str
            The hook that was called, and the one that differentiates it.
        function : callable
            Computes the gradient.

        Returns
        -------
        callable
            As `function`; refuses if a wrapper changes what the first hook answers and does not
            surround the other: the numbers would be those without the wrapper.
        """

        def checked(*arguments: Any) -> Any:
            unlike = self._changers.get(hook, set()) - self._wrappers(gradient)
            if unlike:
                raise CapabilityError(
                    f"wrapper {min(unlike)!r} around plugin {self.name!r}: changes what {hook} "
                    f"answers, and does not surround {gradient}, which computes the gradient of "
                    f"it. Surround {gradient} too, or leave the wrapper out."
                )
            return function(*arguments)

        return checked

    def _wrappers(self, hook: str) -> set[str]:
        """Names of the active plugins whose wrappers surround a hook."""
        caller: Any = self.callers[hook]
        return {found.plugin_name for found in caller.get_hookimpls() if found.wrapper}

    def require(self, hook: str) -> None:
        """Refuse to go on without a hook.

        Raises
        ------
        CapabilityError
            With the names of plugins that have it.
        """
        if hook not in self.hooks:
            having = ", ".join(self.having(hook)) or "none that is installed here"
            raise CapabilityError(
                f"{self.name}: implements no {hook}. Built-in plugins that do: {having}. Choose "
                "one of these."
            )

    def extract(self, request: ExtractionRequest, options: Any, plan: Plan, out: Any) -> Any:
        """Ask for patches.

        Raises
        ------
        PluginError
            If the plugin returns None, or an array of another shape or dtype.
        """
        arguments = {"request": request, "options": options, "plan": plan, "out": out}
        return self._array("extract_patches", request, arguments)

    def place(self, request: PlacementRequest, options: Any, plan: Plan, out: Any) -> Any:
        """Ask for an object that patches are added to; raises as `extract`."""
        arguments = {"request": request, "options": options, "plan": plan, "out": out}
        return self._array("place_patches", request, arguments)

    def differentiate(
        self, request: ExtractionRequest, cotangent: Any, options: Any, plan: Plan
    ) -> Any:
        """Ask for the gradient for positions; raises as `extract`."""
        shape, dtype = (request.patch_count, 2), np.dtype(np.float64)
        return self._ask(
            "position_gradient",
            lambda answer: _fits(answer, shape, dtype, request.arrays),
            lambda: f"shape {shape}, dtype {dtype}",
            {"request": request, "cotangent": cotangent, "options": options, "plan": plan},
        )

    def plan(
        self, request: ExtractionRequest | PlacementRequest, options: Any, budget: int
    ) -> Plan | None:
        """Return the plugin's own plan, None if it does not plan.

        Raises
        ------
        PluginError
            If the plugin returns anything else.
        """
        extracts = isinstance(request, ExtractionRequest)
        plan = self._ask(
            "plan_extraction" if extracts else "plan_placement",
            lambda answer: answer is None or isinstance(answer, Plan),
            lambda: "a Plan, as ptycho_engine.plugin.make_plan returns it",
            {"request": request, "options": options, "memory_budget": budget},
        )
        return cast(Plan | None, plan)

    def _array(self, hook: str, request: LocatedRequest, arguments: dict[str, Any]) -> Any:
        """Ask a hook that answers with the array of a request."""
        shape, dtype = request.output_shape, request.dtype
        return self._ask(
            hook,
            lambda answer: _fits(answer, shape, dtype, request.arrays),
            lambda: f"shape {shape}, dtype {dtype}",
            arguments,
        )

    def _ask(
        self,
        hook: str,
        fits: Callable[[Any], bool],
        expected: Callable[[], str],
        arguments: dict[str, Any],
    ) -> Any:
        """Call a hook and check what comes back: the one way to ask a plugin for anything."""
        answer, culprit, changers = ask(self.callers[hook], fits, arguments)
        if culprit is not None:
            raise PluginError(
                f"{self._accused(culprit)}: {hook} returned {_described(answer)}. Expected "
                f"{expected()}."
            )
        if changers:
            self._changers.setdefault(hook, set()).update(changers)
        return answer

    def _accused(self, culprit: PluginSource) -> str:
        """Name who gave a wrong answer, and where to report it."""
        if culprit.name == self.name:
            origin = "" if culprit.distribution == REGISTERED else f", from {culprit.distribution}"
            return f"{self.name} ({culprit.target}){origin} {culprit.version}".rstrip()
        return f"wrapper {culprit.name!r} ({culprit.origin}) around plugin {self.name!r}"


def _described(answer: object) -> str:
    """Say what came in place of what a hook should answer."""
    if answer is None:
        return "None"
    shape, dtype = getattr(answer, "shape", None), getattr(answer, "dtype", None)
    kind = type(answer).__name__
    return kind if shape is dtype is None else f"{kind} of shape {shape}, dtype {dtype}"


def _fits(answer: Any, shape: tuple[int, ...], dtype: np.dtype[Any], arrays: ArrayAdapter) -> bool:
    """Whether an answer has a shape and a dtype."""
    if answer is None or getattr(answer, "dtype", None) != dtype:
        return False
    # The shape of a tensor may not be known before the run.
    return arrays is not NUMPY or getattr(answer, "shape", None) == shape
