"""Parts of a scan: a region, a sample, the first points."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scattered import points

from ptycho_engine.data.grouping.subsets import region, sequential, subsample
from ptycho_engine.errors import RequestError

BOUND = st.floats(-10, 50)


@settings(max_examples=30)
@given(scan=points(), y=st.tuples(BOUND, BOUND).map(sorted), x=st.tuples(BOUND, BOUND).map(sorted))
def test_a_region_holds_what_lies_within_its_bounds(scan, y, x):
    kept = set(region(scan, y, x))
    for index, (row, column) in enumerate(scan):
        assert (index in kept) == (y[0] <= row <= y[1] and x[0] <= column <= x[1])
    np.testing.assert_array_equal(region(scan, None, None), np.arange(len(scan)))


def test_fractions_count_from_the_lowest_to_the_highest_position():
    scan = np.stack([np.arange(11.0), np.arange(11.0) * 2 + 100], axis=1)
    kept = region(scan, (0.1, 0.9), None, unit="fraction")
    np.testing.assert_array_equal(kept, np.arange(1, 10))
    np.testing.assert_array_equal(region(scan, None, (0.5, 1.0), unit="fraction"), range(5, 11))
    assert len(region(np.empty((0, 2)), (0.1, 0.9), None, unit="fraction")) == 0


@pytest.mark.parametrize("bounds", [(2, 1), (0, np.nan), (0, np.inf), (1,), 5, "ab", (0, 1, 2)])
def test_bounds_that_are_none_are_refused(bounds):
    with pytest.raises(RequestError, match=r"x bounds: received .* finite and ascending"):
        region(np.zeros((2, 2)), None, bounds)


@pytest.mark.parametrize("bounds", [(0, 40), (-0.1, 1)])
def test_fractions_beyond_all_of_the_scan_are_refused(bounds):
    with pytest.raises(RequestError, match=r"y bounds: .* Set groups.bounds_unit=pixels"):
        region(np.zeros((2, 2)), bounds, None, unit="fraction")


def test_an_unknown_unit_is_refused():
    with pytest.raises(RequestError, match="bounds unit 'metres' is not known"):
        region(np.zeros((2, 2)), None, None, unit="metres")


def test_a_sample_is_in_order_without_repeats_and_that_of_its_seed():
    one, two = (subsample(50, 20, np.random.default_rng(3)) for _ in range(2))
    np.testing.assert_array_equal(one, two)
    assert (np.diff(one) > 0).all()
    assert len(one) == 20
    assert (one != subsample(50, 20, np.random.default_rng(4))).any()
    np.testing.assert_array_equal(subsample(5, 9, np.random.default_rng()), np.arange(5))


def test_every_point_is_drawn_as_often():
    rng = np.random.default_rng(0)
    uses = np.bincount(np.concatenate([subsample(10, 4, rng) for _ in range(1000)]), minlength=10)
    chi_square = ((uses - 400) ** 2 / (400 * 0.6)).sum() * 0.9  # drawn without replacement
    assert chi_square < 27.9  # 9 degrees of freedom: exceeded in one of a thousand


def test_the_first_points():
    np.testing.assert_array_equal(sequential(5, 3), [0, 1, 2])
    np.testing.assert_array_equal(sequential(2, 3), [0, 1])
    for draw in (lambda: sequential(5, -1), lambda: subsample(5, -1, np.random.default_rng())):
        with pytest.raises(RequestError, match="received -1 points"):
            draw()


@given(scan=points())
def test_the_whole_way_leaves_nothing_out(scan):
    np.testing.assert_array_equal(region(scan, (0, 1), (0, 1), unit="fraction"), range(len(scan)))
