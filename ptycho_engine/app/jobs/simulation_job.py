"""What scan is to be simulated, as one plain object: made by hand, or of a configuration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ...data.simulation.recipe import Recipe
from ...io.objects.urls import Location


@dataclass(frozen=True)
class SimulationJob:
    """What to make, and where to write it.

    Attributes
    ----------
    recipe : Recipe
        What the scan is made of.
    output : Path or ObjectUrl
        The file, where nothing stands.
    format : str, optional
        Its format by name; by default that of its suffix.
    memory_budget : int or str, optional
        Bytes, or a text such as ``"2GiB"``, that the run may take.
    report : bool
        Whether to write a report beside the output, ``scan.npz.report.html``.
    origins : mapping of str to str
        Where values of the configuration come from, by key, for the report.
    """

    recipe: Recipe = field(default_factory=Recipe)
    output: Location = Path("scan.npz")
    format: str | None = None
    memory_budget: int | str | None = None
    report: bool = True
    origins: Mapping[str, str] = field(default_factory=dict)

    def settings(self) -> dict[str, Any]:
        """Return the job as the configuration that makes it, for the report."""
        return {
            **asdict(self.recipe),
            "output": {"path": str(self.output), "format": self.format},
            "memory_budget": self.memory_budget,
            "report": self.report,
        }
