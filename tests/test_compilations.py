"""How often code was compiled: once for each shape, never for what is compiled already."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest

from ptycho_engine import Engine
from ptycho_engine.compilations import compilation_counts, counted


def test_each_trace_counts():
    before = compilation_counts()["xla"]
    traced = counted(lambda a, b: a + b)
    assert [traced(1, b=2), traced(3, 4)] == [3, 7]
    assert compilation_counts()["xla"] - before == 2
    assert traced.__wrapped__(1, 2) == 3
    assert compilation_counts()["xla"] - before == 2


def test_what_numba_found_in_its_cache_does_not_count(monkeypatch):
    name = "ptycho_engine.native.kernels"
    kernel = SimpleNamespace(
        stats=SimpleNamespace(cache_misses={"a": 1, "b": 2}, cache_hits={1: 9})
    )
    monkeypatch.setitem(sys.modules, name, SimpleNamespace(cut=kernel, n=3, other=kernel))
    assert compilation_counts()["numba"] == 6
    monkeypatch.delitem(sys.modules, name)
    assert compilation_counts()["numba"] == 0


@pytest.mark.tensorflow
@pytest.mark.parametrize("count", [2, 40])
def test_a_shape_is_compiled_once(count):
    size = {2: 23, 40: 27}[count]  # which no other test has
    positions = np.random.default_rng(0).uniform(20, 40, (count, 2))
    engine, image = Engine("chunked_xla"), np.ones((60, 60), np.complex64)
    compiled = []
    for _ in range(3):
        before = compilation_counts()["xla"]
        engine.extract(image, positions, size)
        compiled.append(compilation_counts()["xla"] - before)
    assert compiled == [1, 0, 0]
