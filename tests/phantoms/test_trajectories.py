"""Scan positions: as dense as asked for, about the origin, inside the object."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ptycho_engine import Engine
from ptycho_engine.errors import ConfigurationError
from ptycho_engine.phantoms.trajectories import (
    GOLDEN_ANGLE,
    TRAJECTORIES,
    fermat_spiral,
    needed_size,
    place_inside,
    raster,
    spiral,
)


def made(name, points, step=2.0, jitter=0.0, seed=0):
    return TRAJECTORIES[name](points, step, np.random.default_rng(seed), jitter)


@pytest.mark.parametrize("name", TRAJECTORIES)
def test_each_point_has_the_area_of_a_step(name):
    positions = made(name, 900, 3.0)
    assert positions.shape == (900, 2)
    assert positions.dtype == np.float64
    np.testing.assert_allclose(positions.mean(axis=0), 0, atol=1.0)  # the last turn is not whole
    for within in (15, 30):
        inside = (np.hypot(*positions.T) < within).sum()
        assert inside == pytest.approx(np.pi * within**2 / 9, rel=0.1)


@pytest.mark.parametrize("name", TRAJECTORIES)
def test_a_seed_determines_the_jitter(name):
    one, same, other = (made(name, 50, jitter=0.2, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)
    moved = one - made(name, 50)
    assert 0.2 < moved.std() < 0.6  # 0.2 steps of 2 pixels
    assert np.abs(moved).max() <= 3 * 0.4


def test_the_fermat_spiral_turns_by_the_golden_angle():
    assert np.degrees(GOLDEN_ANGLE) == pytest.approx(137.508, abs=1e-3)
    y, x = fermat_spiral(400, 100.0, np.random.default_rng(0), 0.0).T
    turns = np.degrees(np.diff(np.arctan2(y[1:], x[1:]))) % 360
    np.testing.assert_allclose(turns, 137.508, atol=1e-3)


def test_the_spiral_has_equal_distances_along_and_across():
    y, x = spiral(4000, 2.0, np.random.default_rng(0), 0.0)[200:].T
    np.testing.assert_allclose(np.hypot(np.diff(y), np.diff(x)), 2.0, rtol=0.02)
    radius, angle = np.hypot(y, x), np.sqrt(4 * np.pi * np.arange(200, 4000))
    np.testing.assert_allclose(np.interp(angle[500] + 2 * np.pi, angle, radius) - radius[500], 2.0)


def test_the_raster_is_a_grid_row_by_row():
    expected = [(y, x) for y in (-2, 0, 2) for x in (-2, 0, 2)]
    np.testing.assert_array_equal(raster(9, 2.0, np.random.default_rng(0)), expected)
    short = raster(7, 2.0, np.random.default_rng(0))
    np.testing.assert_array_equal(short, expected[:7])


@settings(max_examples=30)
@given(
    st.sampled_from(sorted(TRAJECTORIES)),
    st.integers(1, 60),
    st.floats(0.1, 9),
    st.integers(1, 20),
    st.floats(0, 5),
)
def test_windows_lie_inside_the_smallest_object_that_is_named(name, points, step, n, margin):
    positions = made(name, points, step, 0.1)
    size = needed_size(positions, n, margin)
    placed = place_inside(positions, size, n, margin)
    np.testing.assert_allclose(placed - positions, (placed - positions)[0] * np.ones((points, 1)))
    starts = placed - n // 2
    assert (starts >= margin - 1e-9).all()
    assert (starts + n <= np.array(size) - margin + 1e-9).all()
    Engine("numba").plan(np.zeros(size), placed, n, fill="error")
    with pytest.raises(ConfigurationError, match=rf"Expected {size[0]} x {size[1]} or more"):
        place_inside(positions, (size[0] - 1, size[1]), n, margin)
