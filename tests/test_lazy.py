"""Patches as arrays of Dask: what `extract` gives, block by block, the object sent once."""

import pickle
import sys

import numpy as np
import pytest

dask = pytest.importorskip("dask")

from hypothesis import given, settings
from hypothesis import strategies as st

from ptycho_engine import Engine, hookimpl
from ptycho_engine.errors import (
    MemoryBudgetError,
    MissingExtraError,
    OutOfBoundsError,
    RequestError,
)

ENGINE = Engine("numba")
RNG = np.random.default_rng(3)


def objects(leading, dtype):
    return RNG.normal(size=(*leading, 20, 24)).astype(dtype)


@settings(max_examples=12)
@given(
    st.sampled_from([("flat", 1), ("channel", 4), ("grid", 4)]),
    st.sampled_from([(), (2,), (2, 3)]),
    st.sampled_from(["f4", "c16"]),
    st.integers(0, 7),
    st.integers(1, 5),
)
def test_it_equals_extract(layout, leading, dtype, count, chunks):
    layout, members = layout
    shape = (count, 2) if layout == "flat" else (count, members, 2)
    positions = RNG.uniform(-2, 25, shape)
    image = objects(leading, dtype)
    how = {"layout": layout, "fill": "edge", "interpolation": "bicubic"}
    expected = ENGINE.extract(image, positions, 5, **how)
    lazy = ENGINE.extract_lazy(image, positions, 5, **how, chunks=chunks)
    assert (lazy.shape, lazy.dtype) == (expected.shape, expected.dtype)
    assert lazy.numblocks[len(leading)] == max(1, -(-count // chunks))
    assert lazy._meta.dtype == expected.dtype
    assert lazy._meta.ndim == expected.ndim
    found = lazy.compute(scheduler="synchronous")
    np.testing.assert_array_equal(found, expected)
    assert found.dtype == expected.dtype


def test_the_object_is_one_constant_of_the_graph():
    image = objects((), "c8")
    big = np.tile(image, (20, 20))
    lazy = ENGINE.extract_lazy(big, RNG.uniform(20, 300, (40, 2)), 5, chunks=4)
    (optimised,) = __import__("dask").optimize(lazy)
    sizes = [len(pickle.dumps(node)) for node in dict(optimised.dask).values()]
    assert sum(size > big.nbytes for size in sizes) == 1
    assert sum(sizes) < 1.2 * big.nbytes


class Sevens:
    """Cuts patches of a number that it is told."""

    def __init__(self, number):
        self.number = number

    @hookimpl
    def extract_patches(self, request, out):
        out[...] = self.number
        return out


def test_each_array_is_cut_by_its_own_engine():
    image, positions = objects((), "f8"), RNG.uniform(0, 20, (6, 2))
    engines = ENGINE, Engine(Sevens(7.0)), Engine(Sevens(8.0)), Engine("numba", memory_budget=10)
    first, seven, eight, poor = (
        engine.extract_lazy(image, positions, 5, chunks=3) for engine in engines
    )
    found = dask.compute(first, seven, eight)
    np.testing.assert_array_equal(found[0], ENGINE.extract(image, positions, 5))
    assert [np.unique(patches).tolist() for patches in found[1:]] == [[7.0], [8.0]]
    with pytest.raises(MemoryBudgetError):
        dask.compute(first, poor)
    again = ENGINE.extract_lazy(image, positions, 5, chunks=2)  # the object is one constant still
    constants = {k for a in (first, again) for k in a.dask if str(k).startswith("cutter")}
    assert len(constants) == 1


def test_blocks_are_those_of_a_stream_by_default():
    lazy = ENGINE.extract_lazy(objects((), "f4"), RNG.uniform(0, 20, (9, 2)), 5)
    assert lazy.chunks == ((9,), (5,), (5,))


def test_what_cannot_be_cut_is_refused_at_once():
    image = objects((), "f4")
    with pytest.raises(OutOfBoundsError):
        ENGINE.extract_lazy(image, [[0.0, 0.0]], 5, fill="error")
    for chunks in (0, 2.5, True, "auto"):
        with pytest.raises(RequestError, match="chunks: received"):
            ENGINE.extract_lazy(image, [[5.0, 5.0]], 5, chunks=chunks)
    with pytest.raises(RequestError, match="layout 'rows' is not known"):
        ENGINE.extract_lazy(image, [[5.0, 5.0]], 5, layout="rows")


def test_without_dask_the_command_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "dask", None)
    with pytest.raises(MissingExtraError, match=r'pip install "ptycho_engine\[dask\]"'):
        ENGINE.extract_lazy(objects((), "f4"), [[5.0, 5.0]], 5)


@pytest.mark.slow
def test_a_cluster_cuts_it():
    from distributed import Client, LocalCluster

    positions = RNG.uniform(0, 20, (90, 2))
    image = objects((2,), "c8")
    with (
        LocalCluster(2, threads_per_worker=1, dashboard_address="127.0.0.1:0") as cluster,
        Client(cluster),
    ):
        found = ENGINE.extract_lazy(image, positions, 6, chunks=7).compute()
    np.testing.assert_array_equal(found, ENGINE.extract(image, positions, 6))
