"""Fill rules: every window lies inside the padded object and shows what the rule says."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from requests_built import build_request

from ptycho_engine.geometry.kernels import KERNELS
from ptycho_engine.request import windows
from ptycho_engine.testing import reference_patches
from ptycho_engine.testing.strategies import cases, shapes

FREE = cases(shape=shapes(12), patch_sizes=st.integers(1, 12))


def find(case):
    request = build_request(case.image, case.positions, case.patch_size, **case.how)
    return request, windows.find_windows(request)


@given(FREE)
def test_every_window_lies_inside_the_padded_object(case):
    request, found = find(case)
    taps = KERNELS[request.interpolation].taps
    padded = np.array(found.padding.padded_shape(request.image.shape[-2:]))
    assert found.starts.dtype == np.int32
    assert (found.starts >= 0).all()
    assert (found.starts + request.patch_size + taps - 1 <= padded).all()
    assert np.isfinite(found.offsets).all()
    assert found.offsets.dtype == request.offset_dtype


@given(FREE)
def test_windows_and_offsets_tell_everything(case):
    """A kernel of a few lines on top of `find_windows` and `pad` gives the patches."""
    request, found = find(case)
    padded = windows.pad(request.image, found.padding, request.fill)
    assert padded.flags.c_contiguous
    n, index = request.patch_size, np.arange(request.patch_size)
    for p, ((y, x), offsets) in enumerate(zip(found.starts, found.offsets, strict=True)):
        weights = []
        for offset in offsets:
            t = np.full(n, offset)
            if request.rounding == "legacy":
                real = request.offset_dtype.type
                t = (index.astype(real) + offset) - (index.astype(real) + np.floor(offset))
            if request.interpolation == "nearest":
                t = (t >= 0.5).astype(float)
            weights.append((1.0 - t, t))
        patch = sum(
            weights[0][a][:, None]
            * weights[1][b]
            * padded[..., y + a : y + a + n, x + b : x + b + n]
            for a in (0, 1)
            for b in (0, 1)
        )
        expected = reference_patches(
            case.image, case.positions[p : p + 1], case.patch_size, **case.how
        )
        wide = case.image.astype(expected.dtype)
        error = np.abs(patch - expected[..., 0, :, :]).max(initial=0)
        assert error <= 1e-6 * max(np.abs(wide).max(), 1e-30)


@settings(max_examples=500)
@given(shapes(8), st.integers(0, 30), st.tuples(st.integers(0, 30), st.integers(0, 30)),
       st.sampled_from(["zeros", "edge", "reflect"]))  # fmt: skip
def test_pad_is_that_of_numpy(shape, before, after, fill):
    # NumPy 1 reflects wrongly where the padding is wider than the image.
    assume(fill != "reflect" or np.__version__[0] != "1" or max(before, *after) < min(shape))
    image = np.arange(2 * np.prod(shape)).reshape(2, *shape)
    mode = "constant" if fill == "zeros" else fill
    expected = np.pad(image, [(0, 0), (before, after[0]), (before, after[1])], mode=mode)
    found = windows.pad(image, windows.Padding(before, after), fill)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("fill", ["zeros", "edge", "reflect"])
def test_windows_far_outside_do_not_pad_further(fill):
    image = np.ones((9, 12), np.float32)
    near = windows.find_windows(build_request(image, [[30.0, -30.0]], 4, fill=fill))
    far = windows.find_windows(build_request(image, [[3e9, -1e300]], 4, fill=fill))
    assert far.padding == near.padding


def test_reflect_pads_a_period_only_when_windows_are_far():
    image = np.ones((90, 120), np.float32)
    near = build_request(image, [[45.0, -1.0]], 4, fill="reflect")
    padding = windows.find_windows(near).padding
    assert padding.padded_shape((90, 120)) == (90 + 10, 120 + 10)
    assert windows.padded_bytes(near) == 4 * (90 + 10) * (120 + 10)


def test_windows_that_float32_moves_beyond_the_border_count_as_far():
    width = 2**26 + 1  # there float32 knows every eighth pixel
    image = np.broadcast_to(np.float32(1), (3, width))  # takes no memory
    how = {"fill": "reflect", "rounding": "legacy"}
    for beyond in range(-8, 17):
        request = build_request(image, [[1.0, width + beyond]], 4, **how)
        found = windows.find_windows(request)
        padded = found.padding.padded_shape(image.shape)
        assert (found.starts >= 0).all()
        assert (found.starts + request.cut.span <= padded).all()


@given(FREE)
def test_padded_bytes_is_an_upper_bound(case):
    request, found = find(case)
    rows, columns = found.padding.padded_shape(request.image.shape[-2:])
    assert windows.padded_bytes(request) >= rows * columns * request.dtype.itemsize


def test_nearest_rounds_the_float64_fraction():
    # In float32 all three fractions are 0.5.
    positions = [[0.0, 4.5 - 1e-9], [0.0, 4.5], [0.0, 4.5 + 1e-9]]
    image = np.arange(9, dtype=np.float32)[None]
    request = build_request(image, positions, 1, interpolation="nearest")
    np.testing.assert_array_equal(windows.find_windows(request).offsets[:, 1], [0, 1, 1])


def test_exact_reflect_keeps_fractions_at_any_distance():
    image = np.arange(5, dtype=np.float64)[None]
    request = build_request(image, [[0.0, 8e9 + 1.25]], 1, fill="reflect")
    found = windows.find_windows(request)
    assert found.offsets[0, 1] == 0.25
    assert found.starts[0, 1] - found.padding.before == 1


def test_a_kernel_declares_its_taps():
    separable = [kernel for kernel in KERNELS.values() if kernel.weights is not None]
    assert len(separable) == 3
    for kernel in separable:
        assert len(kernel.weights(0.25)) == kernel.taps
        assert sum(kernel.weights(0.25)) == 1


def test_groups_go_down_the_object():
    starts = np.array([[9, 0], [1, 5], [0, 0], [8, 2], [9, 1], [3, 3]], np.int32)
    found = windows.Windows(starts, np.zeros((6, 2)), windows.Padding(0, (0, 0)))
    assert found.down_the_object(1).tolist() == [2, 1, 5, 3, 0, 4]
    assert found.down_the_object(2).tolist() == [1, 0, 2]  # by the rows 9, 0, 9 of the first


def test_groups_of_a_very_high_object_are_each_named_once():
    starts = np.stack([np.arange(0, 300_000, 7), np.zeros(42_858)], 1).astype(np.int32)
    found = windows.Windows(starts, starts, windows.Padding(0, (0, 0)))
    assert sorted(found.down_the_object(1)) == list(range(42_858))


@pytest.mark.parametrize("fill", ["zeros", "edge", "reflect"])
@pytest.mark.parametrize("position", [(-5000.0, 5000.0), (500.0, -5000.0), (5000.0, 500.0)])
def test_padding_takes_little_more_than_the_padded_copy(fill, position):
    image = np.zeros((1000, 1100), np.float32)
    request = build_request(image, [position], 64, fill=fill)
    padding, planned = windows.padding_of(request), windows.padded_bytes(request)
    tracemalloc.start()
    windows.pad(image, padding, fill)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert planned <= peak < 1.1 * planned
