"""The built-in plugins pass the suite that third parties inherit."""

import pytest

from ptycho_engine.native import stores as scatter
from ptycho_engine.testing import PluginConformance


class TestChunkedXla(PluginConformance):
    plugin = "chunked_xla"
    options = {"chunk_size": 4}
    max_examples = 40


class TestBatched(PluginConformance):
    plugin = "batched"
    options = {"batch_size": 4}
    max_examples = 80


@pytest.mark.filterwarnings("ignore:The plugin 'iterative' is deprecated:FutureWarning")
class TestIterative(PluginConformance):
    plugin = "iterative"


class TestNumba(PluginConformance):
    plugin = "numba"


class TestNumbaLarge(PluginConformance):
    """Threads, and stores past the caches, are for large outputs: here for every one."""

    plugin = "numba"
    options = {"threads": 3}

    @pytest.fixture(autouse=True)
    def everything_is_large(self, monkeypatch):
        monkeypatch.setattr("ptycho_engine.native.bands.SERIAL", 0)
        monkeypatch.setattr(scatter, "LARGE", 0)


class TestJax(PluginConformance):
    plugin = "jax"
    options = {"chunk_size": 4}
    max_examples = 5
