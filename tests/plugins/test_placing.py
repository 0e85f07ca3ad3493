"""Placement by numba: the same bits for any number of threads, and what it copies."""

import tracemalloc
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ptycho_engine.plugins import numba as plugin

from ptycho_engine import Engine
from ptycho_engine.native import placing
from ptycho_engine.native.bands import equal_bands
from ptycho_engine.native.scattering import scatter
from ptycho_engine.request.placement import build_placement
from ptycho_engine.testing import reference_placement

KINDS = [
    (dtype, interpolation)
    for dtype in ("float32", "complex64", "complex128")
    for interpolation in ("bilinear", "bicubic")
]


def noise(shape, dtype, seed=0):
    rng = np.random.default_rng(seed)
    values = rng.standard_normal(shape) + 1j * rng.standard_normal(shape)
    return (values if np.dtype(dtype).kind == "c" else values.real).astype(dtype)


@pytest.fixture
def many_threads(monkeypatch):
    """Share out small requests too, and among as many threads as are asked for."""
    monkeypatch.setattr("ptycho_engine.native.bands.SERIAL", 0)
    monkeypatch.setattr(plugin.Options, "count", lambda self, numbers: self.threads)


@pytest.mark.parametrize("fill", ["zeros", "edge", "reflect"])
@pytest.mark.parametrize("layout", ["flat", "channel"])
@pytest.mark.parametrize(("dtype", "interpolation"), KINDS)
def test_bits_do_not_depend_on_threads(dtype, interpolation, layout, fill, many_threads):
    positions = np.random.default_rng(1).uniform(-6, 46, (60, 2))
    positions[::7] = np.round(positions[::7])
    patches = noise((60, 9, 9), dtype)
    if layout == "channel":
        positions, patches = positions.reshape(12, 5, 2), noise((12, 9, 9, 5), dtype)
    how = {"interpolation": interpolation, "layout": layout, "fill": fill}
    placed = [
        Engine("numba", options={"threads": threads}).place(patches, positions, (41, 40), **how)
        for threads in (1, 2, 8)
    ]
    assert placed[0].any()
    for other in placed[1:]:
        assert other.tobytes() == placed[0].tobytes()


def test_threads_are_used_where_there_is_enough_to_do(monkeypatch):
    seen = []
    monkeypatch.setattr(placing, "share", lambda work, pieces, threads: seen.append(len(pieces)))
    engine = Engine("numba", options={"threads": 2})
    for count in (4, 80):
        engine.place(np.zeros((count, 64, 64), "f4"), np.full((count, 2), 50.5), (99, 99))
    assert seen == [1, 4]


@settings(max_examples=30)
@given(
    firsts=st.lists(st.integers(-12, 45), max_size=30),
    span=st.integers(1, 9),
    height=st.integers(1, 40),
    count=st.integers(1, 9),
)
def test_bands_cover_every_row_once(firsts, span, height, count):
    bands = equal_bands(np.array(firsts, np.int32), span, height, count)
    assert 1 <= len(bands) <= count
    rows = [row for top, bottom in bands for row in range(top, bottom)]
    assert rows == list(range(height))
    assert all(top < bottom for top, bottom in bands)


def test_bands_hold_about_the_same_work():
    firsts = np.sort(np.random.default_rng(0).integers(20, 60, 4000)).astype(np.int32)
    bands = equal_bands(firsts, 8, 100, 4)
    work = [
        np.clip(np.minimum(firsts + 8, bottom) - np.maximum(firsts, top), 0, None).sum()
        for top, bottom in bands
    ]
    assert max(work) < 1.2 * min(work)


def test_nothing_is_written_outside_of_a_band():
    image = np.full((12, 10), 7.0)
    weights = np.ones((1, 1, 2)) / 2, np.ones((1, 2, 1)) / 2
    starts, order = np.array([[1, -3]], np.int32), np.arange(1)
    scatter(image, starts, *weights, np.ones((1, 9, 9)), 1, order, 4, 6)
    assert (image[:4] == 7).all()
    assert (image[6:] == 7).all()
    assert (image[4:6, :6] == 8).all()


@pytest.mark.parametrize("fill", ["zeros", "edge"])
def test_an_object_of_leading_axes_is_added_to_slice_by_slice(fill):
    """Whatever lies beside the object in memory stays."""
    around = np.full((4, 9, 12), 7.0)
    patches, positions = noise((2, 3, 5, 5), "float64"), [[0.5, 0.25], [8, 11.5], [4, 4]]
    Engine("numba").place(patches, positions, (9, 12), fill=fill, out=around[1:3])
    expected = reference_placement(patches, positions, (9, 12), fill=fill)
    np.testing.assert_allclose(around[1:3] - 7, expected, atol=1e-12)
    assert (around[[0, 3]] == 7).all()


def test_patches_that_are_not_contiguous_are_copied_slice_by_slice_and_counted():
    request = {"positions": np.full((64, 2), 32.5), "shape": (64, 64)}
    patches = noise((4, 64, 64, 64), "float32")
    strided = np.asfortranarray(patches)
    engine = Engine("numba", memory_budget="3MB")
    expected = engine.place(patches, **request)
    np.testing.assert_array_equal(Engine("numba").place(strided, **request), expected)
    with pytest.raises(MemoryError):
        Engine("numba", memory_budget="1MB").place(strided, **request)


@pytest.mark.parametrize("fill", ["zeros", "edge"])
@pytest.mark.parametrize("strided", [False, True])
def test_what_is_taken_was_planned(strided, fill):
    positions = np.random.default_rng(0).uniform(0, 400, (200, 2))
    patches = noise((2, 200, 32, 32), "complex64")
    patches = np.asfortranarray(patches) if strided else patches
    engine = Engine("numba", options={"threads": 2})
    engine.place(patches[:, :2], positions[:2], (9, 9), fill=fill)
    request = build_placement(patches, positions, (400, 400), fill=fill)
    plan = engine._service.plan(request)
    tracemalloc.start()
    try:
        engine.place(patches, positions, (400, 400), fill=fill)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert 0.8 * plan.peak_bytes < peak < plan.peak_bytes + 2**17


@pytest.mark.parametrize("fill", ["zeros", "reflect"])
@pytest.mark.parametrize("interpolation", ["nearest", "bilinear", "bicubic"])
def test_at_whole_positions_samples_land_as_they_are(interpolation, fill):
    """Bit for bit, NaN, infinite and subnormal ones too, and in no other pixel."""
    patches = noise((2, 5, 5), "complex64")
    patches[0, 1, 2], patches[0, 4, 0], patches[1, 0, 0] = np.nan, np.inf, 1e-45
    how = {"interpolation": interpolation, "fill": fill}
    placed = Engine("numba").place(patches, [[4, 6], [9.0, 20.0]], (14, 30), **how)
    expected = np.zeros((14, 30), "complex64")
    expected[2:7, 4:9], expected[7:12, 18:23] = patches
    np.testing.assert_array_equal(placed, expected)


@settings(max_examples=25)
@given(
    inner=st.lists(st.integers(0, 30), max_size=6),
    members=st.sampled_from([1, 3, 4]),
    interpolation=st.sampled_from(["bilinear", "bicubic"]),
    seed=st.integers(0, 99),
)
def test_bits_do_not_depend_on_where_bands_end(inner, members, interpolation, seed):
    rng = np.random.default_rng(seed)
    shape, layout = ((12, 7, 7), "flat") if members == 1 else ((4, 7, 7, members), "channel")
    positions = rng.uniform(-5, 35, (12, 2) if members == 1 else (4, members, 2))
    bounds = sorted({0, *inner, 30})
    bands = list(pairwise(bounds))
    how = {"interpolation": interpolation, "layout": layout}
    patches, engine = noise(shape, "float32", seed), Engine("numba")
    expected = engine.place(patches, positions, (30, 28), **how)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(placing, "equal_bands", lambda *arguments: bands[::-1])
        placed = engine.place(patches, positions, (30, 28), **how)
    assert placed.tobytes() == expected.tobytes()
