"""Stores past the caches: the same bytes as NumPy's, nowhere else."""

import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ptycho_engine import Engine
from ptycho_engine.native import stores as scatter
from ptycho_engine.testing import assert_close, reference_patches

POSITIONS = np.random.default_rng(1).uniform(-3, 12, (22, 2))


@pytest.fixture
def always(monkeypatch):
    """Small outputs go past the caches too."""
    monkeypatch.setattr(scatter, "LARGE", 0)


@pytest.fixture
def image():
    return np.random.default_rng(0).normal(size=(2, 9, 12))  # float64


def rows_at(offset, count, row_bytes):
    """Memory, and `count` rows in the midst of it that begin `offset` bytes behind a line."""
    memory = np.full(count * row_bytes + 256, 7, np.uint8)
    start = 64 - memory.ctypes.data % 64 + offset
    return memory, memory[start : start + count * row_bytes].reshape(count, row_bytes)


@settings(max_examples=200)
@given(
    data=st.data(),
    count=st.integers(1, 7),
    n=st.integers(1, 5),
    members=st.integers(1, 5),
    dtype=st.sampled_from(["float32", "float64", "complex64", "complex128"]),
)
def test_groups_arrive_and_nothing_else_changes(data, count, n, members, dtype):
    n = 2 * n if dtype != "complex128" else n  # rows of whole vectors
    patch_bytes = n * n * np.dtype(dtype).itemsize
    memory, rows = rows_at(data.draw(st.sampled_from([0, 16, 48])), count, members * patch_bytes)
    shape = (count, n, n, members) if members > 1 else (count, n, n)
    out = rows.view(dtype).reshape(shape)
    groups = np.array(data.draw(st.lists(st.integers(0, count - 1), min_size=1, unique=True)))
    patches = np.random.default_rng(count).normal(size=(len(groups), members, n, n)).astype(dtype)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scatter, "LARGE", 0)
        write = scatter.scatter_into(out, members)
    assert write is not None
    before = memory.copy()
    out[groups] = np.moveaxis(patches, 1, -1).reshape(len(groups), *shape[1:])
    expected, memory[:] = memory.copy(), before
    write(out, groups, patches)
    np.testing.assert_array_equal(memory, expected)


def test_what_is_small_strided_or_unaligned_goes_through_the_caches(always, monkeypatch):
    _, out = rows_at(0, 4, 32)
    assert scatter.goes_past_caches(out, 32)
    assert not scatter.goes_past_caches(out[::2], 32)
    assert not scatter.goes_past_caches(rows_at(8, 4, 32)[1], 32)
    assert not scatter.goes_past_caches(rows_at(0, 4, 24)[1], 24)
    monkeypatch.undo()
    assert not scatter.goes_past_caches(out, 32)


@pytest.mark.parametrize("plugin", ["chunked_xla", "batched"])
@pytest.mark.parametrize(("layout", "members"), [("flat", 1), ("channel", 1), ("channel", 2)])
def test_patches_come_out_in_order(always, monkeypatch, image, plugin, layout, members):
    calls = []
    compiled = scatter._compiled(8 if members > 1 else 16)
    monkeypatch.setattr(
        scatter, "_compiled", lambda unit: lambda *given: [calls.append(unit), compiled(*given)]
    )
    positions = POSITIONS if layout == "flat" else POSITIONS.reshape(-1, members, 2)
    option = "chunk_size" if plugin == "chunked_xla" else "batch_size"
    engine = Engine(plugin, options={option: 4})
    patches = engine.extract(image, positions, 6, layout=layout)
    if layout == "channel":
        patches = np.moveaxis(patches, -1, -3).reshape(2, -1, 6, 6)
    assert_close(patches, reference_patches(image, POSITIONS, 6), image)
    assert len(calls) == 2 * 6  # for each slice of the object, chunks of four


def test_without_llvmlite_numpy_copies(always, monkeypatch, image):
    monkeypatch.setitem(sys.modules, "llvmlite", None)
    scatter._compiled.cache_clear()
    assert scatter.scatter_into(np.empty((4, 6, 6)), 1) is None
    patches = Engine("chunked_xla").extract(image, POSITIONS, 6)
    assert_close(patches, reference_patches(image, POSITIONS, 6), image)


@pytest.mark.tensorflow
@pytest.mark.usefixtures("always")
def test_pieces_of_the_last_chunk_may_hold_nothing():
    """A chunk of large patches comes in pieces; of the second one, one patch is wanted."""
    image = np.random.default_rng(0).normal(size=(90, 90)).astype(np.complex128)
    positions = np.random.default_rng(1).uniform(30, 60, (8, 2))
    found = Engine("chunked_xla", options={"chunk_size": 7}).extract(image, positions, 64)
    assert_close(found, reference_patches(image, positions, 64), image)
