"""PtychoPINN's settings and functions on ptycho_engine: the same numbers, warned of by name.

Importing this package does not import TensorFlow; `Translation`, a Keras layer, does when it is
first asked for.
"""

from typing import Any

from ..deprecation.table import deprecated
from ..extras import require
from .comparison import Comparison, compare_scan
from .dropins.channels import (
    _channel_to_flat,
    _channel_to_patches,
    _flat_to_channel,
    _fromgrid,
    _grid_to_channel,
    _togrid,
    flatten_offsets,
)
from .dropins.grouped import generate_grouped_data
from .dropins.patches import get_image_patches, get_relative_coords
from .dropins.projective import projective_warp_xla, projective_warp_xla_jit, tfa_params_to_3x3
from .dropins.reassembly import extract_patches_position, reassemble_position, shift_and_sum
from .dropins.translation import translate, translate_core, translate_xla
from .params.resolution import CompatWarning, Resolution, legacy_engine
from .params.resolution import resolve as _resolve

__all__ = [
    "Comparison",
    "CompatWarning",
    "Resolution",
    "Translation",
    "_channel_to_flat",
    "_channel_to_patches",
    "_flat_to_channel",
    "_fromgrid",
    "_grid_to_channel",
    "_togrid",
    "compare",
    "extract_patches_position",
    "flatten_offsets",
    "generate_grouped_data",
    "get_image_patches",
    "get_relative_coords",
    "legacy_engine",
    "projective_warp_xla",
    "projective_warp_xla_jit",
    "reassemble_position",
    "resolve",
    "shift_and_sum",
    "tfa_params_to_3x3",
    "translate",
    "translate_core",
    "translate_xla",
]

compare = deprecated("PED032")(compare_scan)
resolve = deprecated("PED031")(_resolve)


def __getattr__(name: str) -> Any:
    if name == "Translation":
        require("tensorflow", name)
        from .dropins.layer import Translation

        return Translation
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
