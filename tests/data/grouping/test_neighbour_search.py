"""Neighbours in cells are those of the definition; crowded points are left to the tree."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scattered import defined_nearest, points

from ptycho_engine.data.grouping import cell_loops, neighbour_search
from ptycho_engine.data.grouping.neighbour_search import Cells, Neighbours
from ptycho_engine.data.grouping.tree import PointTree
from ptycho_engine.errors import PluginLoadError

RNG = np.random.default_rng(8)
GRID = np.stack(np.divmod(np.arange(12_100), 110), axis=1).astype(float)
SCANS = {
    "raster": GRID * [3.0, 2.0] + 7,
    "jittered": GRID + RNG.uniform(-0.3, 0.3, GRID.shape),
    "line": np.stack([np.full(11_000, 3.0), RNG.uniform(0, 9, 11_000)], axis=1),
    "far away": GRID * 1e-3 + 1e6,
    "an outlier": np.concatenate([GRID, [[400.0, -90.0]]]),
    "uneven": np.concatenate([RNG.uniform(0, 40, (8000, 2)), RNG.uniform(0, 90, (4000, 2))]),
}


@settings(max_examples=60, deadline=None)
@given(points=points(), data=st.data())
def test_cells_give_the_neighbours_of_the_definition(points, data):
    """However crowded: what `of` refuses is slow, not wrong."""
    every = len(points)
    count = data.draw(st.integers(1, every))
    seeds = np.array(data.draw(st.lists(st.integers(0, every - 1), unique=True)), np.int64)
    low = points.min(axis=0)
    span = float((points.max(axis=0) - low).max()) or 1.0
    side = span / data.draw(st.integers(1, 9))
    shape = tuple(int(s) + 1 for s in (points.max(axis=0) - low) / side)
    cells = Cells(points, np.array([*low, 1 / side]), shape)
    np.testing.assert_array_equal(
        cells.nearest(seeds, count), defined_nearest(points, seeds, count)
    )


@pytest.mark.parametrize("name", SCANS)
@pytest.mark.parametrize("count", [2, 7, 25])
def test_scans_give_what_the_tree_gives(name, count):
    scan = SCANS[name]
    seeds = RNG.permutation(len(scan))[:10_500]
    assert Cells.of(scan, count) is not None
    np.testing.assert_array_equal(
        Neighbours(scan).nearest(seeds, count), PointTree(scan).nearest(seeds, count)
    )


@pytest.mark.parametrize(
    "scan",
    [
        np.zeros((20_000, 2)),
        np.repeat(RNG.uniform(0, 9, (20, 2)), 1000, axis=0),
        np.concatenate([RNG.normal(0, 1e-3, (12_000, 2)), [[0.0, 1e3], [9.0, 9.0]]]),
        np.stack([np.linspace(0, 9, 20_000)] * 2, axis=1),
        GRID * 1e-120,
        GRID * 1e150,
    ],
    ids=["one place", "few places", "a cluster", "a diagonal", "tiny", "huge"],
)
def test_crowded_points_are_left_to_the_tree(scan):
    assert Cells.of(scan, 7) is None
    seeds = np.arange(10_000)[::-1]
    np.testing.assert_array_equal(
        Neighbours(scan).nearest(seeds, 3), PointTree(scan).nearest(seeds, 3)
    )


def test_few_points_and_many_neighbours_are_left_to_the_tree(monkeypatch):
    def unwanted(*_):
        raise AssertionError("cells were made")

    monkeypatch.setattr(Cells, "of", unwanted)
    assert Neighbours(GRID).nearest(np.arange(9_999), 7).shape == (9_999, 7)
    assert Neighbours(GRID).nearest(np.arange(10_000), 1).shape == (10_000, 1)
    with pytest.raises(AssertionError, match="cells were made"):
        Neighbours(GRID).nearest(np.arange(10_000), 7)


def test_without_a_compiler_the_tree_serves(monkeypatch):
    def missing(*_):
        raise PluginLoadError("numba is told not to compile")

    monkeypatch.setattr(cell_loops, "sort_into_cells", missing)
    assert Cells.of(GRID, 7) is None


def test_points_are_shared_out_without_a_trace(monkeypatch):
    expected = Neighbours(GRID).nearest(np.arange(12_100), 5)
    monkeypatch.setattr(neighbour_search, "PIECE", 999)
    np.testing.assert_array_equal(Neighbours(GRID).nearest(np.arange(12_100), 5), expected)


@settings(max_examples=30, deadline=None)
@given(points=points(), data=st.data())
def test_quadrants_are_those_of_the_definition(points, data):
    every = len(points)
    seeds = np.array(data.draw(st.lists(st.integers(0, every - 1), min_size=1)), np.int64)
    near = RNG.integers(every, size=(len(seeds), 6))
    sides, counts = np.empty(near.shape, np.int8), np.empty((len(seeds), 4), np.int64)
    cell_loops.find_quadrants(points, near, seeds, sides, counts)
    dy, dx = np.moveaxis(points[near] - points[seeds][:, None], -1, 0)
    expected = np.full(near.shape, -1)
    for side, inside in enumerate(
        [(dx < 0) & (dy <= 0), (dy < 0) & (dx >= 0), (dy > 0) & (dx <= 0), (dx > 0) & (dy >= 0)]
    ):
        expected[inside] = side
        np.testing.assert_array_equal(counts[:, side], inside.sum(axis=1))
    np.testing.assert_array_equal(sides, expected)


def test_of_each_quadrant_the_point_of_a_number_is_taken():
    near = np.arange(12).reshape(2, 6)
    sides = np.array([[0, 1, 2, 3, -1, 0], [3, 2, 1, 0, 3, 3]], np.int8)
    found = np.empty((3, 4), np.int64)
    rows, wanted = np.array([1, 0, 1]), np.array([[0, 0, 0, 2], [1, 0, 0, 0], [0, 0, 0, 0]])
    cell_loops.pick_by_quadrant(near, sides, rows, wanted, found)
    np.testing.assert_array_equal(found, [[9, 8, 7, 11], [5, 1, 2, 3], [9, 8, 7, 6]])
