"""The picture of coverage shows the numbers that it is given."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from ptycho_engine.data.grouping.grouping import group
from ptycho_engine.report import coverage
from ptycho_engine.report.canvas import SIGNATURE
from ptycho_engine.report.coverage import CoverageView, draw_coverage, paint_coverage

SCAN = np.stack(np.divmod(np.arange(49), 7), axis=1) * [2.0, 3.0]


def painted(view):
    figure = Figure()
    paint_coverage(figure, view)
    return figure, {axes.get_xlabel(): axes for axes in figure.axes}


def test_positions_uses_and_extents_are_those_of_the_groups():
    found = group(SCAN, 4, 20, rng=1).coverage
    figure, axes = painted(CoverageView(SCAN, found.uses, found.extents, "a scan"))
    scan = axes["x (object pixels)"]
    idle, held = (points.get_offsets() for points in scan.collections)
    np.testing.assert_array_equal(idle, SCAN[found.uses == 0][:, ::-1])
    np.testing.assert_array_equal(held, SCAN[found.uses > 0][:, ::-1])
    np.testing.assert_array_equal(scan.collections[1].get_array(), found.uses[found.uses > 0])
    assert scan.yaxis_inverted()
    bars = [bar.get_height() for bar in axes["groups that hold a position"].patches]
    assert bars == found.histogram.tolist()
    heights = [bar.get_height() for bar in axes["longer side of a group (object pixels)"].patches]
    assert sum(heights) == 20
    assert figure.get_suptitle() == f"a scan\n20 groups use {found.used} of 49 positions"


def test_of_many_positions_an_even_share_is_drawn(monkeypatch):
    monkeypatch.setattr(coverage, "MOST", 10)
    _, axes = painted(CoverageView(SCAN, np.ones(49, int), np.ones((3, 2))))
    scan = axes["x (object pixels)"]
    assert len(scan.collections[1].get_offsets()) == 10
    assert scan.get_title() == "one position in 5 is drawn"


@pytest.mark.parametrize("count", [0, 5])
def test_without_groups_there_is_a_picture_too(count):
    view = CoverageView(np.zeros((count, 2)), np.zeros(count, int), np.zeros((0, 2)))
    assert draw_coverage(view).startswith(SIGNATURE)
