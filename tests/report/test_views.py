"""What a picture shows of the plane, and where on the paper it lies."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ptycho_engine.report.views import SLENDER, Layout, View

SHAPES = st.tuples(st.integers(1, 3000), st.integers(1, 3000))
POSITIONS = st.integers(0, 12).flatmap(
    lambda count: arrays(np.float64, (count, 2), elements=st.floats(-1e300, 1e300))
)


@given(SHAPES, POSITIONS, st.integers(0, 300))
def test_a_view_holds_the_object_and_the_windows_near_it(shape, positions, size):
    view = View.around(shape, positions, size)
    assert view.left <= -0.5 <= shape[1] - 0.5 <= view.right
    assert view.top <= -0.5 <= shape[0] - 0.5 <= view.bottom
    assert 1 / SLENDER <= view.width / view.height * (1 + 1e-9) <= SLENDER * (1 + 2e-9)
    corners = positions - size // 2 - 0.5
    inside = (corners >= [view.top, view.left]).all(1) & (
        corners + size <= [view.bottom, view.right]
    ).all(1)
    assert view.beyond >= (~inside).sum()  # what is not in sight is said
    # However far away a position is, the object stays large enough to be seen.
    reach = max(size, max(shape) // 2)
    assert max(view.width, view.height) <= max(shape) + 2 * reach + 2 * size + 2


def test_a_view_of_windows_inside_is_the_object():
    view = View.around((40, 60), np.array([[20.0, 30.0]]), 16)
    assert (view.left, view.right, view.top, view.bottom) == (-0.5, 59.5, -0.5, 39.5)
    assert view.beyond == 0


def test_a_view_without_positions():
    assert View.around((40, 60), np.empty((0, 2)), 0).beyond == 0


@pytest.mark.parametrize("patches", [0, 1, 4])
@pytest.mark.parametrize("columns", [1, 2])
@pytest.mark.parametrize("shape", [(64, 64), (10, 3000), (3000, 10)])
def test_nothing_overlaps_on_the_paper(shape, columns, patches):
    view = View.around(shape, np.empty((0, 2)), 0)
    layout = Layout.of(view, columns, patches, 2)
    places = []
    for column in range(columns):
        places += [layout.place_object(column), layout.place_bar(column)]
        places += [layout.place_patch(column, number) for number in range(patches)]
    for left, bottom, width, height in places:
        assert min(left, bottom, width, height) > 0
        assert max(left + width, bottom + height) < 1
    for one in places:
        for other in places:
            apart_x = one[0] + one[2] <= other[0] or other[0] + other[2] <= one[0]
            apart_y = one[1] + one[3] <= other[1] or other[1] + other[3] <= one[1]
            assert one is other or apart_x or apart_y
