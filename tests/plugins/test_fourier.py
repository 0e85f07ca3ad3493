"""Fourier patches: windows with a margin, tapered, and shifted as band-limited images."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ptycho_engine import Engine
from ptycho_engine.errors import OutOfBoundsError
from ptycho_engine.geometry.cut import Cut
from ptycho_engine.geometry.kernels import KERNELS, taper_weights
from ptycho_engine.testing import assert_close, reference_patches, tolerance

PLUGINS = ["chunked_xla", "batched"]


def periodic(period, highest, shape, dtype, seed):
    """An object of waves up to `highest` in a period, and a function that samples it anywhere."""
    rng = np.random.default_rng(seed)
    waves = np.arange(-highest, highest + 1)
    amplitudes = rng.standard_normal((len(waves), len(waves), 2)) @ [1, 1j] / len(waves)

    def sample(y, x):
        rows, columns = (np.exp(2j * np.pi / period * np.outer(along, waves)) for along in (y, x))
        values = rows @ amplitudes @ columns.T
        return values if np.dtype(dtype).kind == "c" else values.real

    return sample(*map(np.arange, shape)).astype(dtype), sample


# The higher the frequency, the less of a wave's tapered spectrum lies below 1/2.
@pytest.mark.drawn
@pytest.mark.slow_cases("float", "complex64", "4-0.0003", "5-0.003")
@pytest.mark.parametrize("plugin", PLUGINS)
@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", "complex128"])
@pytest.mark.parametrize(("highest", "error"), [(2, 1e-4), (4, 3e-4), (5, 3e-3)])
def test_band_limited_objects_are_shifted(plugin, dtype, highest, error):
    engine, n = Engine(plugin), 32

    @settings(max_examples=10)
    @given(y=st.floats(0, 16), x=st.floats(0, 16), seed=st.integers(0, 100))
    def check(y, x, seed):
        image, sample = periodic(16, highest, (96, 96), dtype, seed)
        position = np.array([y, x]) + 40
        (patch,) = engine.extract(image, [position], n, interpolation="fourier", fill="error")
        expected = sample(*(start - n // 2 + np.arange(n) for start in position))
        np.testing.assert_allclose(patch, expected, rtol=0, atol=error * np.abs(image).max())

    check()


@pytest.mark.slow_cases("7-", "6-chunked_xla")
@pytest.mark.parametrize("plugin", PLUGINS)
@pytest.mark.parametrize("n", [1, 6, 7])
def test_a_tapered_window_is_rolled(plugin, n):
    half = (KERNELS["fourier"].reach(n)[0]) + n // 2
    k = np.arange(-half, half + 1)
    image = np.random.default_rng(0).standard_normal((k.size, k.size))
    t, u = 0.25, 0.5
    tapers = [taper_weights(np.abs(k - along), n, np) for along in (t, u)]
    waves = np.fft.fftfreq(k.size)
    phases = np.exp(2j * np.pi * (t * waves[:, None] + u * waves))
    rolled = np.fft.ifft2(np.fft.fft2(np.outer(*tapers) * image) * phases).real
    inner = slice(half - n // 2, half - n // 2 + n)
    (patch,) = Engine(plugin).extract(image, [[half + t, half + u]], n, interpolation="fourier")
    assert_close(patch, rolled[inner, inner], image)


@pytest.mark.parametrize("plugin", PLUGINS)
def test_real_objects_stay_real(plugin):
    image = np.random.default_rng(1).standard_normal((40, 40)).astype(np.complex128)
    image[::2, ::2] += 5  # the highest frequency too
    patches = Engine(plugin).extract(image, [[20.3, 18.75], [2, 2.25]], 8, interpolation="fourier")
    assert np.abs(patches.imag).max() <= tolerance(image)


@pytest.mark.parametrize("plugin", PLUGINS)
def test_one_ulp_beside_a_whole_pixel_nothing_moves(plugin):
    image = np.random.default_rng(2).standard_normal((64, 64))
    positions = [[30.0, 30.0], [3e-7 / 1e-8, 30.0], [np.nextafter(30, 31), np.nextafter(30, 0)]]
    patches = Engine(plugin).extract(image, positions, 16, interpolation="fourier")
    np.testing.assert_array_equal(patches[0], image[22:38, 22:38])
    for patch in patches[1:]:
        assert_close(patch, patches[0], image)


@pytest.mark.parametrize("fill", ["zeros", "edge", "reflect"])
def test_windows_beside_the_object_are_continued_by_the_fill(fill):
    image = np.random.default_rng(3).standard_normal((20, 25))
    positions = np.random.default_rng(4).uniform(-70, 90, (60, 2))
    positions[:4] = [[1e6 + 0.25, 3.5], [3.25, -3e9 - 0.5], [-50.5, 60.5], [1e300, 1.5]]
    patches = Engine("batched").extract(image, positions, 5, interpolation="fourier", fill=fill)
    assert_close(patches, reference_patches(image, positions, 5, "fourier", fill), image)


@pytest.mark.slow
@pytest.mark.parametrize("plugin", PLUGINS)
def test_slopes_at_whole_pixels(plugin):
    tf = pytest.importorskip("tensorflow")
    image, n = np.random.default_rng(5).standard_normal((40, 40)), 4
    positions = np.array([[20.0, 18.0], [20.0, 18.5], [19.25, 18.0]])
    engine = Engine(plugin)
    with tf.GradientTape() as tape:
        where = tf.Variable(positions)
        total = tf.reduce_sum(
            engine.extract(tf.constant(image), where, n, interpolation="fourier"), (1, 2)
        )
    slopes = tf.convert_to_tensor(tape.gradient(total, where)).numpy()
    step = 1e-6
    for axis in (0, 1):
        after, before = (
            engine.extract(image, positions + s * np.eye(2)[axis], n, interpolation="fourier")
            for s in (step, -step)
        )
        expected = (after - before).sum((1, 2)) / (2 * step)
        np.testing.assert_allclose(slopes[:, axis], expected, rtol=0, atol=1e-6)


def test_the_margin_must_lie_inside_where_it_counts():
    image, engine = np.ones((60, 60)), Engine("batched")
    how = {"interpolation": "fourier", "fill": "error"}
    cut = Cut(6, "fourier")
    first, last = cut.before + 3, 59 - cut.after - 2
    whole = [[3.0, 3.0], [57.0, 57.0], [3.0, first + 0.5]]  # along an axis of whole pixels
    shifted = [[first + 0.5, last + 0.5], [first, last + 1]]
    assert np.isfinite(engine.extract(image, whole + shifted, 6, **how)).all()
    for outside in ([first - 0.5, 30.0], [30.0, last + 1.5]):
        with pytest.raises(OutOfBoundsError):
            engine.extract(image, [outside], 6, **how)


@pytest.mark.parametrize("n", [1, 2, 7, 16, 63, 64, 128, 333])
def test_windows_have_an_odd_length_that_is_transformed_fast(n):
    before, after = KERNELS["fourier"].reach(n)
    length = before + n + after
    assert length % 2 == 1
    assert before + n // 2 == length // 2
    assert (3 * 5 * 7) ** 20 % length == 0
    assert n // 8 + 12 <= before < n // 8 + 12 + max(12, n // 3)


@given(st.integers(1, 200), st.floats(0, 400))
def test_tapers_are_flat_over_the_patch_and_nothing_at_the_end(n, distance):
    half = n // 2 + KERNELS["fourier"].reach(n)[0]
    weight = taper_weights(np.float64(distance), n, np)
    if distance <= n / 2:
        assert weight == 1
    elif distance >= half:
        assert weight == 0
    else:
        assert 0 <= weight <= 1
        assert weight >= taper_weights(np.float64(distance + 1e-3), n, np) - 1e-15
