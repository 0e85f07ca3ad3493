"""The built-in plugins pass the suite that third parties inherit."""

import pytest

from ptycho_engine.extras import is_installed
from ptycho_engine.native import stores as scatter
from ptycho_engine.testing import PluginConformance


class TestChunkedXla(PluginConformance):
    plugin = "chunked_xla"
    options = {"chunk_size": 4}
    max_examples = 8
    placement_examples = 4

    @pytest.mark.slow  # among the cases of the reference are such patches, too
    def test_patch_larger_than_object(self, engine):
        super().test_patch_larger_than_object(engine)


@pytest.mark.slow  # what it computes is what chunked_xla compiles
class TestBatched(PluginConformance):
    plugin = "batched"
    options = {"batch_size": 4}
    max_examples = 10
    placement_examples = 5


@pytest.mark.slow  # the stored legacy outputs hold it otherwise
@pytest.mark.filterwarnings("ignore:The plugin 'iterative' is deprecated:FutureWarning")
class TestIterative(PluginConformance):
    plugin = "iterative"
    max_examples = 8


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


@pytest.mark.slow  # tests/jax_ops hold its kernels otherwise
@pytest.mark.skipif(not is_installed("jax"), reason="needs jax")
class TestJax(PluginConformance):
    plugin = "jax"
    options = {"chunk_size": 4}
    max_examples = 4
    placement_examples = 3

    @pytest.mark.slow
    def test_patch_larger_than_object(self, engine):
        super().test_patch_larger_than_object(engine)


#: For each, how many examples; where XLA compiles for one after the other, few are drawn above.
MANY = [(TestChunkedXla, 200), (TestBatched, 400), (TestIterative, 125), (TestJax, 25)]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:The plugin 'iterative' is deprecated:FutureWarning")
@pytest.mark.parametrize(
    "name",
    [
        "test_equals_reference",
        "test_smooth_kernels_do_not_jump",
        "test_placement_equals_reference_and_is_the_adjoint",
    ],
)
@pytest.mark.parametrize(("suite", "examples"), MANY)
def test_many_examples(suite, examples, name, scaled):
    counts = {"max_examples": scaled(examples), "placement_examples": scaled(75)}
    many = type("Many", (suite,), counts)()
    engine = many.make_engine()
    if "placement" in name and "place_patches" not in engine.hooks:
        pytest.skip("implements no place_patches")
    getattr(many, name)(engine)
