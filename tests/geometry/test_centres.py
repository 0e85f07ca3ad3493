"""Offsets from the middle of the object, by program and version: where their windows begin."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptycho_engine import geometry
from ptycho_engine.errors import RequestError

SIZES = st.integers(1, 40)


def start(centre, height, size, offset=0.0):
    """Start of the window of a program in an object of some height."""
    ours = geometry.from_centre([[offset, 0.0]], (height, 7), size, centre)
    return (ours[0, 0] - size // 2).item()


@pytest.mark.parametrize(
    ("centre", "height", "size", "first"),
    [
        ("middle", 9, 3, 3.0),
        ("middle", 8, 4, 1.5),
        ("ptychodus_until_1.5", 8, 4, 2.0),
        ("ptychodus_from_1.6", 8, 4, 2.0),
        ("ptychodus_until_1.5", 9, 4, 2.5),
        ("ptychodus_from_1.6", 9, 3, 3.0),
        ("ptychi_until_2.0", 8, 4, 3.0),  # one pixel too far
        ("ptychi_from_2.1", 8, 4, 2.0),  # the middle four of eight
        ("ptychi_until_2.0", 9, 3, 3.5),  # 9 / 2 rounds to 4
        ("ptychi_from_2.1", 9, 3, 2.5),
        ("ptychi_from_2.1", 11, 3, 4.5),  # 11 / 2 rounds to 6
    ],
)
def test_where_the_middle_window_begins(centre, height, size, first):
    assert start(centre, height, size) == first


def test_every_centre_is_tested_above():
    (mark,) = test_where_the_middle_window_begins.pytestmark
    assert {case[0] for case in mark.args[1]} == set(geometry.CENTRES)


@given(SIZES, SIZES, st.integers(-40, 40))
def test_the_convention_of_ptychodus_moved_and_its_windows_did_not(height, size, offset):
    before, after = (
        start(f"ptychodus_{version}", height, size, offset) for version in ("until_1.5", "from_1.6")
    )
    assert before == after == offset + (height - size) / 2


@given(SIZES, SIZES)
def test_windows_of_ptychi_moved_by_a_pixel(height, size):
    assert start("ptychi_until_2.0", height, size) == start("ptychi_from_2.1", height, size) + 1


@given(SIZES, SIZES, st.integers(1, 40))
def test_offsets_and_exported_pixels_of_ptychodus_agree(height, width, size):
    """Its files hold ``offset + origin``, which the anchor of the same version reads."""
    offsets = np.array([[3.25, -1.5], [0.0, 2.0]])
    for version, origin in (("until_1.5", 0.0), ("from_1.6", 0.5)):
        pixels = offsets + np.array([height, width]) / 2 - origin
        np.testing.assert_allclose(
            geometry.from_anchor(pixels, size, f"ptychodus_{version}"),
            geometry.from_centre(offsets, (height, width), size, f"ptychodus_{version}"),
        )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([[0, 0]], (8, 8), 4, "ptychi"), "centre 'ptychi' is not known.*ptychi_from_2.1"),
        (([[0, 0]], (8, 8, 8), 4), r"object_shape: received \(8, 8, 8\)"),
        (([[0, 0]], (8.0, 8), 4), "object_shape: received"),
        (([[0, 0]], (0, 8), 4), "object_shape: received"),
        (([0, 0, 0], (8, 8), 4), "offsets: received shape"),
    ],
)
def test_what_is_no_centre(arguments, message):
    with pytest.raises(RequestError, match=message):
        geometry.from_centre(*arguments)
