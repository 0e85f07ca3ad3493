from typing import ClassVar

from ptycho_engine.testing import PluginConformance


class TestDefaults(PluginConformance):
    plugin = "numpy_slices"


class TestDoubleSum(PluginConformance):
    plugin = "numpy_slices"
    options: ClassVar = {"double_sum": True}
