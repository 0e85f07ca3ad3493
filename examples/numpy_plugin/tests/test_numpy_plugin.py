from ptycho_engine.testing import PluginConformance


class TestNumpySlices(PluginConformance):
    plugin = "numpy_slices"


class TestNumpySlicesDoubleSum(PluginConformance):
    plugin = "numpy_slices"
    options = {"double_sum": True}
