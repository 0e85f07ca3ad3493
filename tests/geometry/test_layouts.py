"""Layouts: the shapes, where every sample lands, and exact round trips."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptycho_engine.errors import RequestError
from ptycho_engine.geometry import layouts


@st.composite
def flat_patches(draw):
    """Flat patches whose samples all differ, and the members of a group."""
    groups, side, n = draw(st.integers(0, 3)), draw(st.integers(1, 3)), draw(st.integers(1, 4))
    lead = draw(st.sampled_from([(), (2,), (2, 3), (0,)]))
    shape = (*lead, groups * side**2, n, n)
    return np.arange(np.prod(shape, dtype=int)).reshape(shape), side


@given(flat_patches())
def test_round_trips_are_exact(drawn):
    flat, side = drawn
    channel = layouts.flat_to_channel(flat, side**2)
    grid = layouts.flat_to_grid(flat, side)
    np.testing.assert_array_equal(layouts.channel_to_flat(channel), flat)
    np.testing.assert_array_equal(layouts.grid_to_flat(grid), flat)
    np.testing.assert_array_equal(layouts.channel_to_grid(channel), grid)
    np.testing.assert_array_equal(layouts.grid_to_channel(grid), channel)


@given(flat_patches())
def test_shapes_are_those_of_the_table(drawn):
    flat, side = drawn
    lead, (count, n, _) = flat.shape[:-3], flat.shape[-3:]
    groups, channels = count // side**2, side**2

    def shape(layout):
        return (*lead, *layouts.output_shape(layout, groups, channels, n))

    assert flat.shape == shape("flat")
    assert layouts.flat_to_channel(flat, channels).shape == shape("channel")
    assert layouts.flat_to_grid(flat, side).shape == shape("grid")


def test_index_formulas():
    groups, side, n = 3, 2, 5
    channels = side**2
    flat = np.arange(2 * groups * channels * n * n).reshape(2, -1, n, n)
    channel, grid = layouts.flat_to_channel(flat, channels), layouts.flat_to_grid(flat, side)
    for b in range(groups):
        for c in range(channels):
            patch = flat[:, b * channels + c]
            np.testing.assert_array_equal(channel[:, b, :, :, c], patch)
            row, column = divmod(c, side)
            np.testing.assert_array_equal(grid[:, b, row, column, :, :, 0], patch)


def test_output_shapes():
    assert layouts.output_shape("flat", 6, 1, 8) == (6, 8, 8)
    assert layouts.output_shape("channel", 6, 4, 8) == (6, 8, 8, 4)
    assert layouts.output_shape("grid", 6, 9, 8) == (6, 3, 3, 8, 8, 1)


def test_results_are_contiguous():
    flat = np.zeros((8, 3, 3))
    channel = layouts.flat_to_channel(flat, 4)
    assert channel.flags.c_contiguous
    assert layouts.channel_to_flat(channel).flags.c_contiguous


@pytest.mark.parametrize(("channels", "side"), [(1, 1), (4, 2), (9, 3), (10**12, 10**6)])
def test_grid_side(channels, side):
    assert layouts.grid_side(channels) == side


@pytest.mark.parametrize("channels", [2, 3, 5, 8, 10**12 - 1])
def test_groups_that_form_no_grid(channels):
    with pytest.raises(RequestError, match=f"groups of {channels} members form no square grid"):
        layouts.grid_side(channels)
    with pytest.raises(RequestError, match="no square grid"):
        layouts.output_shape("grid", 1, channels, 4)


@pytest.mark.parametrize("members", [0, -1, 4])
def test_patches_that_do_not_divide_into_groups(members):
    with pytest.raises(RequestError, match="7 flat patches do not divide"):
        layouts.flat_to_channel(np.zeros((7, 2, 2)), members)
    with pytest.raises(RequestError, match="7 flat patches do not divide"):
        layouts.flat_to_grid(np.zeros((7, 2, 2)), members)
