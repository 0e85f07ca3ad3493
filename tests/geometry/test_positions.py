"""The contract of positions: axis order, units, anchors, and the split for interpolation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ptycho_engine import Engine, geometry
from ptycho_engine.errors import RequestError

COORDINATES = st.floats(-1e6, 1e6)
PAIRS = arrays(np.float64, st.tuples(st.integers(0, 5), st.just(2)), elements=COORDINATES)
GROUPS = arrays(
    np.float64, st.tuples(st.integers(0, 4), st.sampled_from([1, 4, 9]), st.just(2)),
    elements=COORDINATES,
)  # fmt: skip


def impulse(y, x, shape=(16, 20)):
    image = np.zeros(shape, np.float32)
    image[y, x] = 1
    return image


def brightest(patch):
    return tuple(int(i) for i in np.unravel_index(patch.argmax(), patch.shape))


# -- where things are, told by a single bright pixel -----------------------------------------


@pytest.fixture(scope="module", params=["nearest", "bilinear"])
def cut(request):
    engine = Engine("batched")
    return lambda *arguments: engine.extract(*arguments, interpolation=request.param)


@pytest.mark.parametrize("size", [1, 2, 3, 8, 9])
def test_sample_n_half_sits_at_the_position(cut, size):
    (patch,) = cut(impulse(5, 12), [[5, 12]], size)
    assert patch.sum() == 1
    assert brightest(patch) == (size // 2, size // 2)


def test_first_coordinate_is_the_row(cut):
    (patch,) = cut(impulse(5, 12), [[4, 10]], 8)
    assert brightest(patch) == (4 + 1, 4 + 2)


def test_half_way_between_pixels():
    (patch,) = Engine("batched").extract(impulse(5, 12), [[5.5, 12]], 3)
    np.testing.assert_array_equal(patch, [[0, 0.5, 0], [0, 0.5, 0], [0, 0, 0]])
    (patch,) = Engine("batched").extract(impulse(5, 12), [[5.5, 12]], 3, interpolation="nearest")
    np.testing.assert_array_equal(patch, [[0, 1, 0], [0, 0, 0], [0, 0, 0]])  # half up


def test_positions_in_xy_order(cut):
    (patch,) = cut(impulse(5, 12), geometry.from_xy([[12, 5]]), 3)
    assert brightest(patch) == (1, 1)


def test_positions_in_metres(cut):
    # Pixels of 2 nm (y) and 5 nm (x); the centre of pixel [0, 0] lies at (1, -3) um.
    metres = [[1e-6 + 5 * 2e-9, -3e-6 + 12 * 5e-9]]
    positions = geometry.from_metres(metres, (2e-9, 5e-9), (1e-6, -3e-6))
    np.testing.assert_allclose(positions, [[5, 12]], atol=1e-9)
    assert brightest(cut(impulse(5, 12), np.round(positions, 6), 3)[0]) == (1, 1)


def test_legacy_arrays_hold_xy_on_axis_2_and_members_on_axis_3(cut):
    offsets = np.zeros((1, 1, 2, 4))
    offsets[0, 0, :, 2] = 7, -1  # member 2: x + 7, y - 1
    positions = geometry.from_legacy(np.array([[[[5.0], [6.0]]]]), offsets)  # x = 5, y = 6
    assert positions.shape == (1, 4, 2)
    np.testing.assert_array_equal(positions[0, 2], [5, 12])
    assert brightest(cut(impulse(5, 12), positions[0], 3)[2]) == (1, 1)


def test_legacy_members_are_the_first_offsets_whatever_their_groups():
    offsets = np.arange(24.0).reshape(3, 1, 2, 4)
    flat = geometry.from_legacy(offsets).reshape(-1, 2)
    for members in (1, 2, np.int64(4)):
        groups = geometry.from_legacy(offsets, members=members)
        assert groups.shape == (3, members, 2)
        np.testing.assert_array_equal(groups.reshape(-1, 2), flat[: 3 * members])
    assert geometry.from_legacy(offsets[:0], members=9).shape == (0, 9, 2)


# -- round trips -----------------------------------------------------------------------------


@given(PAIRS)
def test_xy_round_trip(positions):
    np.testing.assert_array_equal(geometry.from_xy(geometry.to_xy(positions)), positions)


@given(PAIRS, st.sampled_from([1.0, 2.0**-30]), st.sampled_from([0.0, 0.25]))
def test_metres_round_trip(positions, pixel, origin):
    metres = geometry.to_metres(positions, (pixel, 4 * pixel), (origin, -origin))
    back = geometry.from_metres(metres, (pixel, 4 * pixel), (origin, -origin))
    np.testing.assert_allclose(back, positions, atol=1e-6)


def test_one_pixel_size_serves_both_axes():
    np.testing.assert_array_equal(geometry.from_metres([[2.0, 4.0]], 2.0), [[1, 2]])
    np.testing.assert_array_equal(geometry.to_metres([[1.0, 2.0]], 2.0), [[2, 4]])


@given(GROUPS)
def test_legacy_round_trip(positions):
    legacy = geometry.to_legacy(positions)
    assert legacy.shape == (len(positions), 1, 2, positions.shape[1])
    np.testing.assert_array_equal(geometry.from_legacy(legacy), positions)


def test_legacy_sum_keeps_the_dtype_of_the_arrays():
    glob, local = np.full((1, 1, 2, 1), 500, np.float32), np.full((1, 1, 2, 1), 1e-5, np.float32)
    np.testing.assert_array_equal(geometry.from_legacy(glob, local), [[[500, 500]]])
    assert (geometry.from_legacy(glob.astype(float), local.astype(float)) > 500).all()


# -- other programs' anchors -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("anchor", "size", "position", "start"),
    [
        ("half", 8, 10.25, 6.25),
        ("half", 9, 10.25, 6.25),
        ("centre", 8, 10.0, 6.5),  # pty-chi's Fourier patches: (N - 1) / 2
        ("centre", 9, 10.0, 6.0),
        ("half_float", 8, 10.0, 6.0),
        ("half_float", 9, 10.0, 5.5),  # ptychodus: the middle of pixel edges
        ("corner", 8, 10.25, 10.25),  # tike
        ("rounded", 8, 10.5, 6.0),  # half to even: 10
        ("rounded", 8, 11.5, 8.0),  # half to even: 12
        ("rounded", 9, 10.6, 7.0),
        ("rounded_ptypy", 8, 10.5, 7.0),  # ptypy's round(p + 1e-5) pushes ties up
        ("rounded_ptypy", 8, 11.5, 8.0),
        ("rounded_ptypy", 8, 10.499, 6.0),
        ("ptychodus_until_1.5", 8, 10.0, 6.0),
        ("ptychodus_until_1.5", 9, 10.0, 5.5),
        ("ptychodus_from_1.6", 8, 10.0, 6.5),
        ("ptychodus_from_1.6", 9, 10.0, 6.0),
        ("floored", 8, 10.9, 6.0),
        ("floored", 9, 10.4, 5.0),
        ("floored", 8, -0.5, -5.0),
    ],
)
def test_anchors_leave_the_window_in_place(anchor, size, position, start):
    ours = geometry.from_anchor([[position, position]], size, anchor)
    base, offsets = geometry.split(ours, size, "exact")
    np.testing.assert_allclose(base + offsets, [[start, start]], atol=1e-12)


def test_every_anchor_is_tested_above():
    (mark,) = test_anchors_leave_the_window_in_place.pytestmark
    assert {case[0] for case in mark.args[1]} == set(geometry.ANCHORS)


@pytest.mark.parametrize("size", [4, 5])
def test_corner_anchor_by_impulse(cut, size):
    positions = geometry.from_anchor([[5, 12]], size, "corner")
    assert brightest(cut(impulse(5, 12), positions, size)[0]) == (0, 0)


# -- the split -------------------------------------------------------------------------------


@given(PAIRS, st.integers(1, 12))
def test_exact_split_is_whole_and_fraction(positions, size):
    base, fraction = geometry.split(positions, size, "exact")
    np.testing.assert_array_equal(base, np.floor(base))
    assert ((fraction >= 0) & (fraction <= 1)).all()
    np.testing.assert_allclose(base + fraction + size // 2, positions, atol=1e-9)


def test_legacy_split_keeps_the_float32_position():
    base, offsets = geometry.split(np.array([[300.1, 5.9]]), 8, "legacy")
    np.testing.assert_array_equal(base, [[296, 1]])
    np.testing.assert_array_equal(offsets, np.float32([[300.1, 5.9]]))


def test_legacy_split_stays_finite():
    base, offsets = geometry.split(np.array([[1e300, -1e300]]), 8, "legacy")
    assert np.isfinite(base).all()
    assert np.isfinite(offsets).all()


# -- what is refused -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: geometry.from_xy([1.0, 2.0, 3.0]), r"xy: received shape \(3,\)"),
        (lambda: geometry.from_xy(3.0), r"xy: received shape \(\)"),
        (lambda: geometry.from_xy([["a", "b"]]), "holds no coordinates"),
        (lambda: geometry.to_xy([[1j, 2]]), "complex128 holds no coordinates"),
        (lambda: geometry.from_xy([[True, False]]), "bool holds no coordinates"),
        (lambda: geometry.from_metres([[1, 2]], 0.0), "pixel_size: received 0.0"),
        (lambda: geometry.from_metres([[1, 2]], (1.0, -1.0)), "pixel_size"),
        (lambda: geometry.from_metres([[1, 2]], np.nan), "pixel_size"),
        (lambda: geometry.to_metres([[1, 2]], 0.0), "pixel_size"),
        (lambda: geometry.from_metres([[1, 2]], (1.0, 2.0, 3.0)), "pixel_size"),
        (lambda: geometry.from_metres([[1, 2]], 1.0, (0.0,)), "origin"),
        (lambda: geometry.from_legacy(np.zeros((3, 2))), r"global_offsets: .*\(3, 2\)"),
        (lambda: geometry.from_legacy(np.zeros((3, 1, 1, 2))), "global_offsets"),
        (
            lambda: geometry.from_legacy(np.zeros((3, 1, 2, 1)), np.zeros((3, 2, 1, 1))),
            "local_offsets",
        ),
        (
            lambda: geometry.from_legacy(np.zeros((3, 1, 2, 1)), np.zeros((2, 1, 2, 4))),
            r"local_offsets: received shape \(2, 1, 2, 4\), for global_offsets",
        ),
        (lambda: geometry.from_legacy(np.zeros((3, 1, 2, 1)), members=4), "members: received 4"),
        (lambda: geometry.from_legacy(np.zeros((3, 1, 2, 1)), members=0), "members: received 0"),
        (lambda: geometry.from_legacy(np.zeros((3, 1, 2, 4)), members=4.0), "Expected an integer"),
        (lambda: geometry.to_legacy(np.zeros((3, 2))), r"positions: received shape \(3, 2\)"),
        (lambda: geometry.from_anchor([[1, 2]], 8, "center"), "Did you mean 'centre'"),
    ],
)
def test_refused(call, message):
    with pytest.raises(RequestError, match=message):
        call()


def test_legacy_positions_too_small_for_float32_are_zero():
    base, offsets = geometry.split(np.array([[-5.9e-39, 0.0], [5.9e-39, -1e-300]]), 4, "legacy")
    np.testing.assert_array_equal(base, np.full((2, 2), -2.0))
    np.testing.assert_array_equal(offsets, np.zeros((2, 2)))


@pytest.mark.filterwarnings("error")
def test_metres_of_next_to_no_pixel_are_infinite_without_a_warning():
    assert np.isinf(geometry.from_metres([[1.0, 2.0]], 1e-320)).all()
