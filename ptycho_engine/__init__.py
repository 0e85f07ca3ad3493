"""Subpixel object patches at ptychographic scan positions, through plugins chosen by name.

Importing this package does not import TensorFlow.
"""

from importlib.metadata import version as _version

from . import errors
from .deprecation.table import RemovedIn2Warning
from .discovery import PluginSource
from .engine import Engine, extract_patches, list_plugins
from .host.capabilities import Capabilities
from .host.hookspecs import hookimpl
from .host.host import Host
from .io.outputs import StoredOutput, read_output
from .request.blocks import Block
from .request.extraction import ExtractionRequest
from .request.planning import Plan

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
    "StoredOutput",
    "__version__",
    "errors",
    "extract_patches",
    "hookimpl",
    "list_plugins",
    "read_output",
]
