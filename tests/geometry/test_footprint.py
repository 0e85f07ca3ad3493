"""Windows over each pixel, against a loop over windows and pixels."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ptycho_engine.geometry.footprint import footprint, windows_over


def counted(positions, shape, size):
    counts = np.zeros(shape, int)
    for y, x in positions:
        top, left = y - size // 2, x - size // 2
        for i in range(shape[0]):
            for j in range(shape[1]):
                counts[i, j] += top <= i <= top + size - 1 and left <= j <= left + size - 1
    return counts


COORDINATES = st.integers(-80, 160).map(lambda n: n / 8)


@settings(max_examples=12)
@given(
    st.lists(st.tuples(COORDINATES, COORDINATES), max_size=6),
    st.tuples(st.integers(1, 9), st.integers(1, 9)),
    st.integers(1, 7),
)
def test_each_window_counts_where_it_lies(positions, shape, size):
    points = np.array(positions, float).reshape(-1, 2)
    found = footprint(points, shape, size)
    np.testing.assert_array_equal(found, counted(points, shape, size))


@settings(max_examples=12)
@given(
    st.lists(st.tuples(COORDINATES, COORDINATES), max_size=6),
    st.tuples(st.integers(1, 9), st.integers(1, 9)),
    st.integers(1, 7),
)
def test_a_window_lies_over_as_many_pixels_as_it_has_samples(positions, shape, size):
    points = np.array(positions, float).reshape(-1, 2)
    nearest = np.ceil(points - size // 2 - 0.5) + size // 2
    found = windows_over(points, shape, size)
    np.testing.assert_array_equal(found, counted(nearest, shape, size))
    assert windows_over(points + 30, (70, 70), size).sum() == len(points) * size**2


@pytest.mark.parametrize("count", [footprint, windows_over])
def test_windows_far_away_count_nowhere(count):
    assert not count(np.array([[1e300, 0], [-1e300, 3]]), (4, 5), 3).any()
