"""The built-in plugins give the same patches, whichever is chosen."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ptycho_engine import Engine
from ptycho_engine.testing import assert_close
from ptycho_engine.testing.strategies import cases

PLUGINS = {
    "chunked_xla": {"chunk_size": 4},
    "batched": {"batch_size": 3},
    "iterative": {},
}
CHUNK_OPTIONS = [("chunked_xla", "chunk_size"), ("batched", "batch_size")]

pytestmark = pytest.mark.filterwarnings("ignore:The plugin 'iterative':FutureWarning")


@pytest.fixture(scope="module")
def engines():
    # Selected inside a module fixture: the mark of a test reaches its setup too.
    return {name: Engine(name, options=options) for name, options in PLUGINS.items()}


def agree_in(examples, engines):
    @settings(max_examples=examples)
    @given(cases(shape=st.just((9, 12)), patch_sizes=st.sampled_from([1, 4, 7])))
    def agree(case):
        found = [
            engine.extract(case.image, case.positions, case.patch_size, **case.how)
            for engine in engines.values()
        ]
        for one, other in combinations(found, 2):
            assert_close(one, other, case.image)

    agree()


def test_plugins_agree(engines):
    agree_in(3, engines)


@pytest.mark.slow
def test_plugins_agree_in_many_cases(engines, scaled):
    agree_in(scaled(125), engines)


@pytest.mark.parametrize("layout", ["flat", "channel", "grid"])
def test_plugins_agree_on_layouts(engines, layout):
    rng = np.random.default_rng(0)
    image = (rng.normal(size=(2, 9, 12)) + 1j * rng.normal(size=(2, 9, 12))).astype(np.complex64)
    positions = rng.uniform(-4, 14, (5, 4, 2))
    if layout == "flat":
        positions = positions.reshape(-1, 2)
    found = [e.extract(image, positions, 4, layout=layout) for e in engines.values()]
    assert_close(found[0], found[1], image)
    assert_close(found[0], found[2], image)


@pytest.mark.parametrize(("plugin", "option"), CHUNK_OPTIONS)
def test_chunk_size_does_not_change_patches(plugin, option):
    rng = np.random.default_rng(1)
    image, positions = rng.normal(size=(9, 12)).astype(np.float32), rng.uniform(-2, 12, (11, 2))
    expected = Engine(plugin).extract(image, positions, 4)
    for size in (1, 4, 11, 64):
        engine = Engine(plugin, options={option: size})
        assert engine.plan(image, positions, 4).chunk_size == size
        assert_close(engine.extract(image, positions, 4), expected, image)


@pytest.mark.parametrize(("plugin", "option"), CHUNK_OPTIONS)
@pytest.mark.parametrize("value", [0, -1, 2.0, True, "many", None])
def test_wrong_option_values_are_refused(plugin, option, value):
    with pytest.raises(ValueError, match=option):
        Engine(plugin, options={option: value})


@pytest.mark.tensorflow
def test_iterative_warns_on_selection():
    with pytest.warns(FutureWarning, match=r"removed in ptycho_engine 2.0.*chunked_xla"):
        Engine("iterative")
