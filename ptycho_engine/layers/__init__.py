"""Keras layers for networks that reconstruct: cut, place, illuminate, propagate, compare.

Each name is imported, with Keras and TensorFlow, when it is first used; all layers are registered
with Keras then, as ``ptycho_engine>NAME``. A process that only loads a saved model calls
`register` first. ``ptycho_engine.layers.torch`` has the same modules for torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .centre_mask import CentreMask
    from .combine_complex import CombineComplex
    from .extract_patches import ExtractPatches
    from .far_field_diffraction import FarFieldDiffraction
    from .image_translation import Translation
    from .intensity_scale import IntensityScale, InverseIntensityScale
    from .place_patches import PlacePatches
    from .poisson_nll import PoissonNLL
    from .probe_illumination import ProbeIllumination
    from .reassemble_patches import ReassemblePatches
    from .scaled_tanh import ScaledTanh

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
    "register",
]

#: The module in which each layer is defined.
_HOMES = {
    "CentreMask": "centre_mask",
    "CombineComplex": "combine_complex",
    "ExtractPatches": "extract_patches",
    "FarFieldDiffraction": "far_field_diffraction",
    "IntensityScale": "intensity_scale",
    "InverseIntensityScale": "intensity_scale",
    "PlacePatches": "place_patches",
    "PoissonNLL": "poisson_nll",
    "ProbeIllumination": "probe_illumination",
    "ReassemblePatches": "reassemble_patches",
    "ScaledTanh": "scaled_tanh",
    "Translation": "image_translation",
}


def register() -> None:
    """Import Keras and register every layer, so that ``keras.models.load_model`` finds them.

    Raises
    ------
    MissingExtraError
        If TensorFlow is not installed.
    ConfigurationError
        If Keras runs on another backend.
    """
    for name, home in _HOMES.items():
        globals()[name] = getattr(import_module(f"{__name__}.{home}"), name)


def __getattr__(name: str) -> Any:
    """Import all layers when the first is asked for: a saved model may hold any of them."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    register()
    return globals()[name]


def __dir__() -> list[str]:
    """List the public names, imported already or not."""
    return sorted({*globals(), *__all__})
