"""Subpixel object patches at ptychographic scan positions, through plugins chosen by name.

Importing this package imports nothing else: each public name is imported when it is first used.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from . import errors
    from .data.datasets.augmentation import Augmentation
    from .data.datasets.datasets import PatchDataset
    from .data.datasets.splitting import Region
    from .data.grouping.group_settings import GroupSettings, make_groups
    from .data.grouping.grouping import group
    from .data.grouping.groups import Groups
    from .data.simulation.exposure import Exposure
    from .data.simulation.propagation import SliceGap
    from .data.simulation.recipe import Recipe
    from .data.simulation.simulation import Simulation
    from .data.simulation.synthesis import make_scan
    from .deprecation.table import RemovedIn2Warning
    from .discovery import PluginSource, list_plugins
    from .engine import Engine
    from .host.capabilities import Capabilities
    from .host.hookspecs import hookimpl
    from .host.host import Host
    from .io.outputs import StoredOutput, read_output
    from .io.patterns import Patterns
    from .io.scan import Scan
    from .io.scan_files import ScanSource, read_scan, write_scan
    from .ops.warp import projective_warp, translate
    from .request.blocks import Block
    from .request.extraction import ExtractionRequest
    from .request.normalisation import Reassembled
    from .request.placement import PlacementRequest
    from .request.planning import Plan
    from .shortcuts import extract_patches

    __version__: str

__all__ = [
    "Augmentation",
    "Block",
    "Capabilities",
    "Engine",
    "Exposure",
    "ExtractionRequest",
    "GroupSettings",
    "Groups",
    "Host",
    "PatchDataset",
    "Patterns",
    "PlacementRequest",
    "Plan",
    "PluginSource",
    "Reassembled",
    "Recipe",
    "Region",
    "RemovedIn2Warning",
    "Scan",
    "ScanSource",
    "Simulation",
    "SliceGap",
    "StoredOutput",
    "__version__",
    "errors",
    "extract_patches",
    "group",
    "hookimpl",
    "list_plugins",
    "make_groups",
    "make_scan",
    "projective_warp",
    "read_output",
    "read_scan",
    "translate",
    "write_scan",
]

#: The module in which each public name is defined.
_HOMES = {
    "Augmentation": "data.datasets.augmentation",
    "Block": "request.blocks",
    "Capabilities": "host.capabilities",
    "Engine": "engine",
    "Exposure": "data.simulation.exposure",
    "ExtractionRequest": "request.extraction",
    "GroupSettings": "data.grouping.group_settings",
    "Groups": "data.grouping.groups",
    "Host": "host.host",
    "PatchDataset": "data.datasets.datasets",
    "Patterns": "io.patterns",
    "PlacementRequest": "request.placement",
    "Plan": "request.planning",
    "PluginSource": "discovery",
    "Reassembled": "request.normalisation",
    "Recipe": "data.simulation.recipe",
    "Region": "data.datasets.splitting",
    "RemovedIn2Warning": "deprecation.table",
    "Scan": "io.scan",
    "ScanSource": "io.scan_files",
    "Simulation": "data.simulation.simulation",
    "SliceGap": "data.simulation.propagation",
    "StoredOutput": "io.outputs",
    "extract_patches": "shortcuts",
    "group": "data.grouping.grouping",
    "hookimpl": "host.hookspecs",
    "list_plugins": "discovery",
    "make_groups": "data.grouping.group_settings",
    "make_scan": "data.simulation.synthesis",
    "projective_warp": "ops.warp",
    "read_output": "io.outputs",
    "read_scan": "io.scan_files",
    "translate": "ops.warp",
    "write_scan": "io.scan_files",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for, and keep it."""
    value: Any
    if name == "__version__":
        from importlib.metadata import version

        value = version("ptycho_engine")
    elif name == "errors":
        from importlib import import_module

        value = import_module(f"{__name__}.errors")
    elif name in _HOMES:
        from importlib import import_module

        value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names, imported already or not."""
    return sorted({*globals(), *__all__})
