"""The smoother kernels: exact where theory says so, and never moving a patch."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ptycho_engine import Engine
from ptycho_engine.errors import CapabilityError, OutOfBoundsError
from ptycho_engine.geometry.kernels import KERNELS
from ptycho_engine.testing import assert_close, tolerance

SERVED = [
    (plugin, interpolation)
    for plugin in ("chunked_xla", "batched", "numba")
    for interpolation in KERNELS
    if (plugin, interpolation) != ("numba", "fourier")
]
FOURIER = ["chunked_xla", "batched"]
fractions = st.floats(0, 1, exclude_max=True)


@pytest.mark.slow_cases("batched", "chunked_xla")
@pytest.mark.parametrize("plugin", ["chunked_xla", "batched", "numba"])
@given(polynomial=st.lists(st.floats(-1, 1), min_size=6, max_size=6), y=fractions, x=fractions)
@settings(max_examples=25)
def test_bicubic_reproduces_second_order(plugin, polynomial, y, x):
    def surface(rows, columns):
        a, b, c, d, e, f = polynomial
        return a + b * rows + c * columns + d * rows**2 + e * rows * columns + f * columns**2

    image = surface(*np.mgrid[0:12, 0:12].astype(float))
    (patch,) = Engine(plugin).extract(
        image, [[5 + y, 6 + x]], 4, interpolation="bicubic", fill="error"
    )
    rows, columns = np.mgrid[0:4, 0:4]
    expected = surface(rows + 3 + y, columns + 4 + x)
    np.testing.assert_allclose(patch, expected, rtol=0, atol=1e-12 * (1 + np.abs(image).max()))


@pytest.mark.slow_cases("chunked_xla-fourier", "chunked_xla-bicubic")
@pytest.mark.parametrize(("plugin", "interpolation"), SERVED)
def test_whole_steps_move_the_window_and_nothing_else(plugin, interpolation):
    image = np.random.default_rng(1).standard_normal((60, 60)).astype(np.complex64)
    how = {"interpolation": interpolation, "fill": "reflect"}
    here = Engine(plugin).extract(image[:-2, 3:], [[30.3, 27.75]], 6, **how)
    there = Engine(plugin).extract(image, [[30.3, 30.75]], 6, **how)
    np.testing.assert_allclose(here, there, rtol=0, atol=tolerance(image))


@pytest.mark.slow_cases("chunked_xla-fourier", "chunked_xla-bicubic")
@pytest.mark.parametrize(("plugin", "interpolation"), SERVED)
def test_no_kernel_moves_the_centroid(plugin, interpolation):
    if interpolation == "nearest":
        pytest.skip("rounds the position, by up to half a pixel")
    n, where = 32, np.arange(32)
    blob = np.exp(-((np.arange(64) - 32.0) ** 2) / 18)
    image = np.outer(blob, blob)
    positions = np.random.default_rng(2).uniform(31, 33, (40, 2))
    patches = Engine(plugin).extract(image, positions, n, interpolation=interpolation)
    mass = patches.sum(axis=(1, 2))
    centroids = np.stack(
        [patches.sum(axis=2) @ where / mass, patches.sum(axis=1) @ where / mass], axis=1
    )
    # A blob at 32 seen from p: at N // 2 + 32 - p. Bilinear keeps first moments exactly.
    np.testing.assert_allclose(centroids, n // 2 + 32 - positions, rtol=0, atol=1e-5)


@pytest.mark.slow
@pytest.mark.drawn
@pytest.mark.parametrize("plugin", FOURIER)
@pytest.mark.parametrize("interpolation", ["bicubic", "fourier"])
@pytest.mark.parametrize("dtype", ["float64", "complex128"])
def test_gradients(plugin, interpolation, dtype):
    rng = np.random.default_rng(3)
    noise = rng.standard_normal((2, 12, 12)) @ np.eye(12)
    image = (noise[0] + 1j * noise[1] if dtype == "complex128" else noise[0]).astype(dtype)
    positions = np.array([[5.25, 6.5], [4.7, 5.1]])
    engine, how = Engine(plugin), {"interpolation": interpolation, "fill": "edge"}
    patches = engine.extract(image, positions, 4, **how)
    upstream = rng.standard_normal(patches.shape).astype(dtype)
    tf = pytest.importorskip("tensorflow")
    with tf.GradientTape() as tape:
        source, where = tf.constant(image), tf.constant(positions)
        tape.watch([source, where])
        found = engine.extract(source, where, 4, **how)
        loss = tf.math.real(tf.reduce_sum(tf.math.conj(upstream) * found))
    to_image, to_positions = (g.numpy() for g in tape.gradient(loss, [source, where]))
    left, right = np.vdot(upstream, patches).real, np.vdot(to_image, image).real
    assert left == pytest.approx(right, abs=1e-10)
    step = 1e-6
    for axis in (0, 1):
        moved = [
            engine.extract(image, positions + sign * step * np.eye(2)[axis], 4, **how)
            for sign in (1, -1)
        ]
        slopes = ((moved[0] - moved[1]) / (2 * step) * upstream.conj()).real.sum(axis=(1, 2))
        np.testing.assert_allclose(to_positions[:, axis], slopes, rtol=0, atol=1e-6)


def test_bicubic_needs_a_neighbour_on_either_side():
    image, how = np.ones((10, 10)), {"interpolation": "bicubic", "fill": "error"}
    engine = Engine("batched")
    inside = [[3.0, 3.0], [3.5, 4.25], [6.0, 7.0]]  # whole positions need no neighbour
    assert_close(engine.extract(image, inside, 5, **how), np.ones((3, 5, 5)), image)
    for outside in ([1.5, 5.0], [5.0, 6.5], [2.5, 2.5]):
        with pytest.raises(OutOfBoundsError):
            engine.extract(image, [outside], 5, **how)
    for where in ([2.5, 4.0], [7.0, 6.5]):  # enough for two taps
        patches = engine.extract(image, [where], 5, interpolation="bilinear", fill="error")
        assert patches.shape == (1, 5, 5)


def test_nan_spreads_as_documented():
    image = np.ones((12, 12))
    image[6, 6] = np.nan
    near = [[6.0, 6.0], [4.5, 6.0], [3.5, 6.0]]
    engine = Engine("chunked_xla")
    cubic = engine.extract(image, near, 1, interpolation="bicubic")[:, 0, 0]
    np.testing.assert_array_equal(np.isnan(cubic), [True, True, False])
    image = np.ones((60, 60))
    image[30, 30] = np.nan
    # Of 35 samples along each axis, those at a distance of 17 or more have no weight.
    where = [[30.0, 30.0], [30.5, 30.0], [46.5, 30.0], [47.5, 30.0], [13.5, 30.0], [13.5, 47.0]]
    fourier = engine.extract(image, where, 4, interpolation="fourier")
    np.testing.assert_array_equal(np.isnan(fourier).sum(axis=(1, 2)), [1, 16, 16, 0, 16, 0])


@pytest.mark.parametrize(("plugin", "interpolation"), [("numba", "fourier")])
def test_what_is_not_served_is_refused(plugin, interpolation):
    with pytest.raises(CapabilityError, match=interpolation):
        Engine(plugin).extract(np.ones((5, 5)), [[2, 2]], 3, interpolation=interpolation)
