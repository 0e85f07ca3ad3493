"""A plugin that was chosen: the hook callers that reach it, and the check of what comes back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from ..discovery import REGISTERED, PluginSource
from ..errors import PluginError
from ..request.extraction import ExtractionRequest
from ..request.planning import Plan
from .answers import ask
from .capabilities import Capabilities


@dataclass(frozen=True)
class SelectedPlugin:
    """A plugin that was chosen, with the hook callers that reach it and the active wrappers."""

    source: PluginSource
    capabilities: Capabilities
    _call: Callable[..., Any]
    _plan: Callable[..., Plan | None]

    @property
    def name(self) -> str:
        """The name that selected it."""
        return self.source.name

    def extract(self, request: ExtractionRequest, options: Any, plan: Plan, out: Any) -> Any:
        """Call the hook and check what comes back.

        Raises
        ------
        PluginError
            If the plugin returns None, or an array of another shape or dtype.
        """
        patches, culprit = ask(
            self._call,
            lambda answer: _fits(answer, request),
            {"request": request, "options": options, "plan": plan, "out": out},
        )
        if culprit is not None:
            shape, dtype = getattr(patches, "shape", None), getattr(patches, "dtype", None)
            received = "None" if patches is None else f"shape {shape}, dtype {dtype}"
            raise PluginError(
                f"{self._accused(culprit)}: extract_patches returned {received}. Expected shape "
                f"{request.output_shape}, dtype {request.dtype}."
            )
        return patches

    def plan(self, request: ExtractionRequest, options: Any, budget: int) -> Plan | None:
        """Return the plugin's own plan, None if it does not plan.

        Raises
        ------
        PluginError
            If the plugin returns anything else.
        """
        plan, culprit = ask(
            self._plan,
            _is_plan,
            {"request": request, "options": options, "memory_budget": budget},
        )
        if culprit is not None:
            raise PluginError(
                f"{self._accused(culprit)}: plan_extraction returned {type(plan).__name__}. "
                "Expected a Plan, as ptycho_engine.plugin.make_plan returns it."
            )
        return cast(Plan | None, plan)

    def _accused(self, culprit: PluginSource) -> str:
        """Name who gave a wrong answer, and where to report it."""
        if culprit.name == self.name:
            origin = "" if culprit.distribution == REGISTERED else f", from {culprit.distribution}"
            return f"{self.name} ({culprit.target}){origin} {culprit.version}".rstrip()
        return f"wrapper {culprit.name!r} ({culprit.origin}) around plugin {self.name!r}"


def _is_plan(answer: object) -> bool:
    return answer is None or isinstance(answer, Plan)


def _fits(patches: Any, request: ExtractionRequest) -> bool:
    """Whether patches have the shape and dtype of a request."""
    if patches is None or getattr(patches, "dtype", None) != request.dtype:
        return False
    # The shape of a tensor may not be known before the run.
    return request.is_tensor or getattr(patches, "shape", None) == request.output_shape
