"""The picture of a scan without an object shows the numbers that it is given."""

import numpy as np
import pytest
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from ptycho_engine.report.canvas import SIGNATURE
from ptycho_engine.report.measurement import (
    MeasurementView,
    draw_measurement,
    paint_measurement,
)
from ptycho_engine.report.views import View
from ptycho_engine.report.window_counts import window_counts

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
    counts, _ = window_counts(SCAN, 4, View.about(SCAN, 4))
    np.testing.assert_array_equal(scan.images[0].get_array(), counts)
    shown = pattern.images[0]
    assert isinstance(shown.norm, LogNorm)
    assert (shown.norm.vmin, shown.norm.vmax) == (1, 100)
    np.testing.assert_array_equal(np.asarray(shown.get_array())[0], [1, 10, 100])
    np.testing.assert_array_equal(np.asarray(shown.get_array())[1, :2], [1, 1])
    assert pattern.get_title() == "pattern 5, 2 x 3, logarithmic"
    assert figure.get_suptitle() == "a scan"


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
