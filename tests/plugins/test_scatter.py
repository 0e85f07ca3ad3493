"""Stores past the caches: the same bytes as NumPy's, nowhere else."""

import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ptycho_engine import Engine
from ptycho_engine.ops import scatter
from ptycho_engine.testing import assert_close, reference_patches

POSITIONS = np.random.default_rng(1).uniform(-3, 12, (22, 2))


@pytest.fixture
def always(monkeypatch):
    """Small outputs go past the caches too."""
    monkeypatch.setattr(scatter, "LARGE", 0)


@pytest.fixture
def image():
    return np.random.default_rng(0).normal(size=(2, 9, 12))


def rows_at(offset, count, row_bytes):
    """Memory, and `count` rows in the midst of it that begin `offset` bytes behind a line."""
    memory = np.full(count * row_bytes + 256, 7, np.uint8)
    start = 64 - memory.ctypes.data % 64 + offset
    return memory, memory[start : start + count * row_bytes].reshape(count, row_bytes)


@settings(max_examples=200)
@given(data=st.data(), count=st.integers(1, 9), vectors=st.integers(1, 9))
def test_rows_arrive_and_nothing_else_changes(data, count, vectors):
    row_bytes = 16 * vectors
    offset = data.draw(st.sampled_from([0, 16, 48]))
    rows = np.array(data.draw(st.lists(st.integers(0, count - 1), min_size=1, unique=True)))
    values = np.random.default_rng(count).integers(0, 255, (len(rows), row_bytes), np.uint8)
    memory, out = rows_at(offset, count, row_bytes)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scatter, "LARGE", 0)
        write = scatter.scatter_into(out, row_bytes)
    assert write is not None
    before = memory.copy()
    out[rows] = values
    expected, memory[:] = memory.copy(), before
    write(out, rows, values)
    np.testing.assert_array_equal(memory, expected)


def test_numpy_copies_what_is_small_strided_or_unaligned(always, monkeypatch):
    _, out = rows_at(0, 4, 32)
    assert scatter.scatter_into(out, 32) is not None
    assert scatter.scatter_into(out[::2], 32) is None
    assert scatter.scatter_into(rows_at(8, 4, 32)[1], 32) is None
    assert scatter.scatter_into(rows_at(0, 4, 24)[1], 24) is None
    monkeypatch.undo()
    assert scatter.scatter_into(out, 32) is None


@pytest.mark.parametrize("plugin", ["chunked_xla", "batched"])
@pytest.mark.parametrize("layout", ["flat", "channel"])
def test_patches_come_out_in_order(always, monkeypatch, image, plugin, layout):
    calls = []
    compiled = scatter._compiled()
    monkeypatch.setattr(
        scatter, "_compiled", lambda: lambda *arguments: [calls.append(1), compiled(*arguments)]
    )
    positions = POSITIONS if layout == "flat" else POSITIONS[:, None]  # groups of one
    option = "chunk_size" if plugin == "chunked_xla" else "batch_size"
    engine = Engine(plugin, options={option: 4})
    patches = engine.extract(image, positions, 6, layout=layout)
    expected = reference_patches(image, POSITIONS, 6)
    assert_close(patches.reshape(expected.shape), expected, image)
    assert len(calls) == 2 * 6  # for each slice of the object, chunks of four


def test_without_llvmlite_numpy_copies(always, monkeypatch, image):
    monkeypatch.setitem(sys.modules, "llvmlite", None)
    scatter._compiled.cache_clear()
    assert scatter.scatter_into(np.empty((4, 6, 6)), 6 * 6 * 8) is None
    patches = Engine("chunked_xla").extract(image, POSITIONS, 6)
    assert_close(patches, reference_patches(image, POSITIONS, 6), image)
