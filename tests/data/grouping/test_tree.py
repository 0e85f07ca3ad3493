"""The nearest points, ties broken by index, equal what every distance says."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scattered import defined_nearest, points

from ptycho_engine.data.grouping import tree
from ptycho_engine.data.grouping.tree import PointTree


@settings(max_examples=60)
@given(points=points(), data=st.data())
def test_neighbours_are_those_of_the_definition(points, data):
    every = len(points)
    count = data.draw(st.integers(1, every))
    seeds = np.array(data.draw(st.lists(st.integers(0, every - 1), unique=True)), np.int64)
    np.testing.assert_array_equal(
        PointTree(points).nearest(seeds, count), defined_nearest(points, seeds, count)
    )


@pytest.mark.parametrize("count", [1, 2, 9, 25])
def test_many_points_in_one_place_do_not_hide_others(count):
    rng = np.random.default_rng(4)
    crowd = np.repeat(rng.uniform(0, 9, (3, 2)), [300, 2, 40], axis=0)
    scan = rng.permutation(np.concatenate([crowd, rng.uniform(0, 9, (60, 2))]))
    seeds = rng.permutation(len(scan))
    np.testing.assert_array_equal(
        PointTree(scan).nearest(seeds, count), defined_nearest(scan, seeds, count)
    )


def test_a_scan_in_a_single_place_takes_no_square_of_its_points():
    scan = np.zeros((50_000, 2))
    found = PointTree(scan).nearest(np.arange(49_990, 50_000), 3)
    np.testing.assert_array_equal(found[:, 1:], [[0, 1]] * 10)


def test_rows_are_found_in_pieces_that_fit_the_memory(monkeypatch):
    monkeypatch.setattr(tree, "AT_ONCE", 20)
    monkeypatch.setattr(tree, "FIRST", 3)
    scan = np.stack(np.divmod(np.arange(49), 7), axis=1).astype(float)
    seeds = np.arange(49)[::-1]
    np.testing.assert_array_equal(
        PointTree(scan).nearest(seeds, 5), defined_nearest(scan, seeds, 5)
    )


def test_no_seeds_have_no_neighbours():
    assert PointTree(np.zeros((4, 2))).nearest(np.empty(0, np.int64), 3).shape == (0, 3)
