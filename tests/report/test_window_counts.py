"""Windows over the cells of a view, against a loop over windows in double precision."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ptycho_engine.report import window_counts as counting
from ptycho_engine.report.views import View
from ptycho_engine.report.window_counts import window_counts

COORDINATES = st.floats(-40, 60)


def naive(positions, size, extent, shape):
    """Add up what each window covers of each cell, as a share of the cell."""
    left, right, bottom, top = extent
    counts = np.zeros(shape)
    rows, columns = np.linspace(top, bottom, shape[0] + 1), np.linspace(left, right, shape[1] + 1)
    for y, x in positions:
        shares = []
        for at, edges in ((y, rows), (x, columns)):
            begin = at - size // 2 - 0.5
            inside = np.minimum(edges[1:], begin + size) - np.maximum(edges[:-1], begin)
            shares.append(np.maximum(inside, 0) / np.diff(edges))
        counts += np.outer(*shares)
    return counts


@settings(max_examples=25)
@given(
    st.lists(st.tuples(COORDINATES, COORDINATES), max_size=6),
    st.tuples(COORDINATES, COORDINATES),
    st.integers(1, 40),
    st.integers(1, 9),
    st.integers(3, 30),
)
def test_each_window_counts_where_it_lies(positions, corner, side, size, cells):
    points = np.array(positions, float).reshape(-1, 2)
    view = View((0, 0), corner[1], corner[1] + side / 2, corner[0] + side, corner[0], 0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(counting, "CELLS", cells)
        patch.setattr(counting, "BLOCK", 4)
        counts, extent = window_counts(points, size, view)
    np.testing.assert_allclose(counts, naive(points, size, extent, counts.shape), atol=1e-9)
    assert max(counts.shape) <= cells + 1  # by rounding
    left, right, bottom, top = extent
    assert left <= view.left < view.right <= right + 1e-9
    assert top <= view.top < view.bottom <= bottom + 1e-9


@pytest.mark.parametrize(("side", "size", "step"), [(4000, 32, 11), (8000, 16, 14.6)])
@pytest.mark.parametrize("stray", [[], [[1e5, 1e5]], [[1e18, -1e18]]])
def test_a_scan_is_covered_as_often_as_its_windows_overlap(side, size, step, stray):
    along = np.arange(float(size), side - size, step)
    scan = np.stack(np.meshgrid(along, along), axis=-1).reshape(-1, 2)
    scan += np.random.default_rng(0).uniform(-1, 1, scan.shape)
    scan = np.concatenate([scan, np.reshape(stray, (-1, 2))])
    counts, _ = window_counts(scan, size, View.around((side, side), scan, size))
    inner = counts[100:-100, 100:-100]
    assert inner.mean() == pytest.approx((size / step) ** 2, rel=0.01)


def test_cells_are_pixels_where_there_is_room():
    view = View((0, 0), -0.5, 9.5, 9.5, -0.5, 0)
    counts, extent = window_counts(np.array([[4.0, 5.0]]), 4, view)
    expected = np.zeros((10, 10))
    expected[2:6, 3:7] = 1
    np.testing.assert_array_equal(counts, expected)
    assert extent == (-0.5, 9.5, 9.5, -0.5)


def test_no_plane_is_too_large():
    scan = np.array([[-1e18, 0.0], [1e18, 5.0]])
    counts, _ = window_counts(scan, 16, View.about(scan, 16))
    assert max(counts.shape) <= counting.CELLS + 1
    assert np.isfinite(counts).all()
