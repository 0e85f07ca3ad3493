"""The layers as modules of torch: the same names, arguments, layouts and numbers.

They compute in the precision and on the device of their inputs; those that cut or place patches
go through the engine, on the CPU. Importing this imports torch, and neither Keras nor TensorFlow.
"""

from ...extras import require

require("torch", "ptycho_engine.layers.torch")

from .bounded_values import CentreMask, CombineComplex, ScaledTanh  # noqa: E402
from .image_shifts import Translation  # noqa: E402
from .patch_modules import ExtractPatches, PlacePatches, ReassemblePatches  # noqa: E402
from .photon_counts import IntensityScale, InverseIntensityScale, PoissonNLL  # noqa: E402
from .wave_fields import FarFieldDiffraction, ProbeIllumination  # noqa: E402

__all__ = [
    "CentreMask",
    "CombineComplex",
    "ExtractPatches",
    "FarFieldDiffraction",
    "IntensityScale",
    "InverseIntensityScale",
    "PlacePatches",
    "PoissonNLL",
    "ProbeIllumination",
    "ReassemblePatches",
    "ScaledTanh",
    "Translation",
]
