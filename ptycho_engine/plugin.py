"""All that the author of a plugin or of a format imports; nothing else is promised.

A plugin needs `hookimpl`, and mostly `Capabilities`; one that computes on windows finds here how
they are placed (`find_windows`, `pad`, its adjoint `fold`) and weighed (`KERNELS`). A format needs
`Scan`, with `Patterns` if its files hold them, and `InputFileError`.
"""

from .deprecation.table import warn
from .errors import InputFileError
from .geometry.kernels import KERNELS
from .host.capabilities import Capabilities, whole_number_option
from .host.hookspecs import hookimpl
from .io.npz_archive import NpzArchive
from .io.patterns import Patterns
from .io.scan import Scan
from .request.extraction import ExtractionRequest
from .request.parts import stacked_windows
from .request.placement import PlacementRequest
from .request.planning import Plan, make_plan
from .request.prepared import CopyKey
from .request.windows import (
    Windows,
    all_inside,
    copied_bytes,
    find_windows,
    fold,
    pad,
    padded_bytes,
    padding_of,
)
from .workers import POOL_SIZE, core_count, share

__all__ = [
    "KERNELS",
    "POOL_SIZE",
    "Capabilities",
    "CopyKey",
    "ExtractionRequest",
    "InputFileError",
    "NpzArchive",
    "Patterns",
    "PlacementRequest",
    "Plan",
    "Scan",
    "Windows",
    "all_inside",
    "copied_bytes",
    "core_count",
    "find_windows",
    "fold",
    "hookimpl",
    "make_plan",
    "pad",
    "padded_bytes",
    "padding_of",
    "share",
    "stacked_windows",
    "warn",
    "whole_number_option",
]
