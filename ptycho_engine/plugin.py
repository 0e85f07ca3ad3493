"""All that the author of a plugin or of a format imports; nothing else is promised.

A plugin needs `hookimpl`, and mostly `Capabilities`; one that computes on windows finds here how
they are placed (`find_windows`, `pad`) and weighed (`KERNELS`). A format needs `Scan` and
`InputFileError`.
"""

from .deprecation.table import warn
from .errors import InputFileError
from .geometry.kernels import KERNELS
from .host.capabilities import Capabilities, whole_number_option
from .host.hookspecs import hookimpl
from .io.npz_archive import NpzArchive
from .io.scan import Scan
from .request.extraction import ExtractionRequest
from .request.planning import Plan, make_plan
from .request.windows import Windows, all_inside, find_windows, pad, padded_bytes

__all__ = [
    "KERNELS",
    "Capabilities",
    "ExtractionRequest",
    "InputFileError",
    "NpzArchive",
    "Plan",
    "Scan",
    "Windows",
    "all_inside",
    "find_windows",
    "hookimpl",
    "make_plan",
    "pad",
    "padded_bytes",
    "warn",
    "whole_number_option",
]
