"""Which plugins are installed, read from metadata alone: no third-party code runs here."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

ENTRY_POINT_GROUP = "ptycho_engine.plugins"


@dataclass(frozen=True)
class PluginSource:
    """Where a plugin of some name comes from, known without importing it.

    Attributes
    ----------
    name : str
        The name that selects it.
    target : str
        The module or object that it stands for.
    distribution, version : str
        The distribution that installed it; ``"registered"`` and ``""`` for a registered object.
    load : callable
        Imports and returns the plugin.
    """

    name: str
    target: str
    distribution: str
    version: str
    load: Callable[[], object]


@lru_cache(maxsize=1)
def discover() -> tuple[PluginSource, ...]:
    """Read the entry points of the installed distributions; no plugin is imported."""
    found = importlib.metadata.entry_points(group=ENTRY_POINT_GROUP)
    return tuple(
        PluginSource(
            name=point.name,
            target=point.value,
            distribution=point.dist.name if point.dist else "unknown",
            version=point.dist.version if point.dist else "",
            load=point.load,
        )
        for point in sorted(found, key=lambda point: (point.name, point.value))
    )
