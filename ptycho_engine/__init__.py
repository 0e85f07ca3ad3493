"""Subpixel object patches at ptychographic scan positions, through plugins chosen by name.

Importing this package does not import TensorFlow.
"""

from importlib.metadata import version as _version

from . import errors
from .capabilities import Capabilities
from .deprecations import RemovedIn2Warning
from .discovery import PluginSource
from .engine import Engine, extract_patches, list_plugins
from .hookspecs import hookimpl
from .host import Host
from .outputs import Block
from .planning import Plan
from .request import ExtractionRequest

__version__ = _version("ptycho_engine")

__all__ = [
    "Block",
    "Capabilities",
    "Engine",
    "ExtractionRequest",
    "Host",
    "Plan",
    "PluginSource",
    "RemovedIn2Warning",
    "__version__",
    "errors",
    "extract_patches",
    "hookimpl",
    "list_plugins",
]
