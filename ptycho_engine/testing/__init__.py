"""What a plugin author needs to test a plugin: five lines.

>>> from ptycho_engine.testing import PluginConformance
>>> class TestMyPlugin(PluginConformance):
...     plugin = "my_plugin"  # its name, or the object itself

Needs pytest and Hypothesis: ``pip install ptycho_engine[testing]``. The reference alone, which the
report of a run asks, needs neither.
"""

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from . import strategies
    from .conformance import PluginConformance
    from .reference import (
        TOLERANCE,
        assert_close,
        reference_patches,
        reference_placement,
        tolerance,
    )

__all__ = [
    "TOLERANCE",
    "PluginConformance",
    "assert_close",
    "reference_patches",
    "reference_placement",
    "strategies",
    "tolerance",
]

if "pytest" in sys.modules:  # whose assertions say what they compared
    sys.modules["pytest"].register_assert_rewrite(
        "ptycho_engine.testing.conformance",
        "ptycho_engine.testing.jax_conformance",
        "ptycho_engine.testing.placement_conformance",
        "ptycho_engine.testing.reference",
        "ptycho_engine.testing.tensor_conformance",
    )


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for, and keep it."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name == "strategies":
        return import_module(f"{__name__}.strategies")
    home = "conformance" if name == "PluginConformance" else "reference"
    value = globals()[name] = getattr(import_module(f"{__name__}.{home}"), name)
    return value


def __dir__() -> list[str]:
    """List the public names, imported already or not."""
    return sorted({*globals(), *__all__})
