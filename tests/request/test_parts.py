"""Parts of a continued object are those of the whole padded object, bit by bit."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ptycho_engine.request.parts import continued_part, stacked_windows
from ptycho_engine.request.windows import Padding, pad

FILLS = st.sampled_from(["zeros", "edge", "reflect"])
SIZES = st.tuples(st.integers(1, 9), st.integers(1, 9))


@settings(max_examples=300)
@given(SIZES, SIZES, st.tuples(st.integers(-20, 20), st.integers(-20, 20)), FILLS)
def test_a_part_is_that_of_the_padded_object(shape, part_shape, corner, fill):
    image = np.random.default_rng(0).normal(size=shape)
    whole = pad(image, Padding(20, (40, 40)), fill)
    top, left = corner[0] + 20, corner[1] + 20
    part = continued_part(image, corner, fill, np.full(part_shape, np.nan))
    expected = whole[top : top + part_shape[0], left : left + part_shape[1]]
    np.testing.assert_array_equal(part, expected)


@given(SIZES, st.lists(st.tuples(st.integers(-15, 15), st.integers(-15, 15)), max_size=5), FILLS)
def test_stacked_windows_lie_below_each_other(shape, firsts, fill):
    image = np.random.default_rng(0).normal(size=shape)
    whole = pad(image, Padding(15, (30, 30)), fill)
    stack = stacked_windows(image, np.array(firsts, int).reshape(-1, 2), 4, fill)
    assert stack.shape == (4 * len(firsts), 4)
    for p, (y, x) in enumerate(firsts):
        np.testing.assert_array_equal(
            stack[4 * p : 4 * p + 4], whole[y + 15 : y + 19, x + 15 : x + 19]
        )
