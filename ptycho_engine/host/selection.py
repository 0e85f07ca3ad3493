"""A plugin that was chosen: the hook callers that reach it, and the check of what comes back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..discovery import PluginSource
from ..errors import PluginError
from ..request.extraction import ExtractionRequest
from ..request.planning import Plan
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
        patches = self._call(request=request, options=options, plan=plan, out=out)
        shape, dtype = getattr(patches, "shape", None), getattr(patches, "dtype", None)
        # The shape of a tensor may not be known before the run.
        fits = shape == request.output_shape or request.is_tensor
        if patches is None or dtype != request.dtype or not fits:
            received = "None" if patches is None else f"shape {shape}, dtype {dtype}"
            raise PluginError(
                f"{self.name} ({self.source.target}): extract_patches returned {received}. "
                f"Expected shape {request.output_shape}, dtype {request.dtype}."
            )
        return patches

    def plan(self, request: ExtractionRequest, options: Any, budget: int) -> Plan | None:
        """Return the plugin's own plan, None if it does not plan."""
        return self._plan(request=request, options=options, memory_budget=budget)
