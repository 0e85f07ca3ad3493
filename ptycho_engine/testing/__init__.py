"""What a plugin author needs to test a plugin: five lines.

>>> from ptycho_engine.testing import PluginConformance
>>> class TestMyPlugin(PluginConformance):
...     plugin = "my_plugin"  # its name, or the object itself

Needs pytest and Hypothesis: ``pip install ptycho_engine[testing]``.
"""

import pytest

pytest.register_assert_rewrite(
    "ptycho_engine.testing.conformance",
    "ptycho_engine.testing.jax_conformance",
    "ptycho_engine.testing.placement_conformance",
    "ptycho_engine.testing.reference",
    "ptycho_engine.testing.tensor_conformance",
)

from . import strategies  # noqa: E402
from .conformance import PluginConformance  # noqa: E402
from .reference import (  # noqa: E402
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
