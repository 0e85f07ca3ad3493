"""The picture of a scan without an object shows the numbers that it is given."""

import numpy as np
import pytest
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from ptycho_engine.geometry.footprint import footprint
from ptycho_engine.report.canvas import SIGNATURE
from ptycho_engine.report.measurement import (
    MeasurementView,
    covered,
    draw_measurement,
    paint_measurement,
)

SCAN = np.stack(np.divmod(np.arange(12), 4), axis=1) * [5.0, 3.0] + [2, 7]
PATTERN = np.array([[1.0, 10, 100], [0, -2, np.nan]])


def painted(view):
    figure = Figure()
    paint_measurement(figure, view)
    return figure


def test_positions_coverage_and_pattern_are_those_that_were_given():
    figure = painted(MeasurementView(SCAN, size=4, pattern=PATTERN, index=5, title="a scan"))
    scan, pattern, *_ = figure.axes
    np.testing.assert_array_equal(scan.lines[0].get_xydata(), SCAN[:, ::-1])
    assert scan.yaxis_inverted()
    assert scan.get_xlabel() == "x (object pixels)"
    np.testing.assert_array_equal(scan.images[0].get_array(), covered(SCAN, 4)[0])
    shown = pattern.images[0]
    assert isinstance(shown.norm, LogNorm)
    assert (shown.norm.vmin, shown.norm.vmax) == (1, 100)
    np.testing.assert_array_equal(np.asarray(shown.get_array())[0], [1, 10, 100])
    np.testing.assert_array_equal(np.asarray(shown.get_array())[1, :2], [1, 1])
    assert pattern.get_title() == "pattern 5, 2 x 3, logarithmic"
    assert figure.get_suptitle() == "a scan"


def test_coverage_counts_windows_where_they_are():
    counts, (left, right, bottom, top) = covered(SCAN, 4)
    expected = footprint(SCAN - SCAN.min(axis=0) + 4, counts.shape, 4)
    np.testing.assert_array_equal(counts, expected)
    assert counts.max() > 1
    assert (left, top) == (7 - 4 - 0.5, 2 - 4 - 0.5)
    assert (right - left, bottom - top) == counts.shape[::-1]


def test_a_large_plane_is_counted_in_larger_steps():
    counts, (left, right, _, _) = covered(SCAN * 1e6, 10_000)
    assert max(counts.shape) <= 402
    assert right - left == pytest.approx(9e6 + 2e4, rel=0.01)


@pytest.mark.parametrize(
    "view",
    [
        MeasurementView(np.zeros((0, 2)), size=3),
        MeasurementView(SCAN * 1e-6, "m"),
        MeasurementView(None, pattern=np.zeros((3, 3))),
        MeasurementView(np.zeros((3, 2)), size=2, pattern=np.ones((2, 2), np.uint16)),
    ],
)
def test_whatever_is_there_is_drawn(view):
    assert draw_measurement(view).startswith(SIGNATURE)
