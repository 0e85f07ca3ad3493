"""Patches as arrays of Dask: what `extract` gives, block by block, the object sent once."""

import pickle
import sys

import numpy as np
import pytest

pytest.importorskip("dask.array")

from hypothesis import given, settings
from hypothesis import strategies as st

from ptycho_engine import Engine
from ptycho_engine.errors import MissingExtraError, OutOfBoundsError, RequestError

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


def test_blocks_are_those_of_a_stream_by_default():
    lazy = ENGINE.extract_lazy(objects((), "f4"), RNG.uniform(0, 20, (9, 2)), 5)
    assert lazy.chunks == ((9,), (5,), (5,))


def test_what_cannot_be_cut_is_refused_at_once():
    image = objects((), "f4")
    with pytest.raises(OutOfBoundsError):
        ENGINE.extract_lazy(image, [[0.0, 0.0]], 5, fill="error")
    with pytest.raises(RequestError, match="chunks: received 0"):
        ENGINE.extract_lazy(image, [[5.0, 5.0]], 5, chunks=0)
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
