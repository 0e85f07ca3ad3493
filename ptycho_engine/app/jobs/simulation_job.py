"""What scan is to be simulated, as one plain object: made by hand, or of a configuration."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

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
    """

    recipe: Recipe = field(default_factory=Recipe)
    output: Location = Path("scan.npz")
    format: str | None = None
    memory_budget: int | str | None = None
