"""Subpixel object patches at ptychographic scan positions, through plugins chosen by name.

Importing this package imports nothing else: each public name is imported when it is first used.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from . import errors
    from .data.datasets import PatchDataset
    from .deprecation.table import RemovedIn2Warning
    from .discovery import PluginSource, list_plugins
    from .engine import Engine
    from .host.capabilities import Capabilities
    from .host.hookspecs import hookimpl
    from .host.host import Host
    from .io.outputs import StoredOutput, read_output
    from .request.blocks import Block
    from .request.extraction import ExtractionRequest
    from .request.planning import Plan
    from .shortcuts import extract_patches

    __version__: str

__all__ = [
    "Block",
    "Capabilities",
    "Engine",
    "ExtractionRequest",
    "Host",
    "PatchDataset",
    "Plan",
    "PluginSource",
    "RemovedIn2Warning",
    "StoredOutput",
    "__version__",
    "errors",
    "extract_patches",
    "hookimpl",
    "list_plugins",
    "read_output",
]

#: The module in which each public name is defined.
_HOMES = {
    "Block": "request.blocks",
    "Capabilities": "host.capabilities",
    "Engine": "engine",
    "ExtractionRequest": "request.extraction",
    "Host": "host.host",
    "PatchDataset": "data.datasets",
    "Plan": "request.planning",
    "PluginSource": "discovery",
    "RemovedIn2Warning": "deprecation.table",
    "StoredOutput": "io.outputs",
    "extract_patches": "shortcuts",
    "hookimpl": "host.hookspecs",
    "list_plugins": "discovery",
    "read_output": "io.outputs",
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
