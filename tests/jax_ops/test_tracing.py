"""Inside jit, grad and vmap: the patches of the reference, and slopes that equal differences."""

from functools import partial

import numpy as np
import pytest

jax = pytest.importorskip("jax")

import jax.numpy as jnp

from ptycho_engine import Engine
from ptycho_engine.arrays.adapter import adapter_of
from ptycho_engine.errors import CapabilityError, RequestError
from ptycho_engine.testing import assert_close, reference_patches, reference_placement

KERNELS = ("nearest", "bilinear", "bicubic", "fourier")
POSITIONS = np.array([[4.25, 5.5], [3.0, 6.0], [-0.5, 3.125], [8.75, 11.5], [1e6, 2], [-5, -40.25]])
NEAR = POSITIONS[:4] + 0.1875
ENGINE = Engine("jax")


@pytest.fixture(scope="module")
def image():
    rng = np.random.default_rng(0)
    return (rng.normal(size=(10, 13)) + 1j * rng.normal(size=(10, 13))).astype(np.complex64)


@pytest.mark.slow_cases("nearest", "bicubic")
@pytest.mark.parametrize("interpolation", KERNELS)
def test_traced_patches_and_objects_equal_the_reference(image, interpolation):
    how = {"interpolation": interpolation, "fill": "reflect"}
    expected = reference_patches(image, POSITIONS, 4, **how)
    cut = jax.jit(partial(ENGINE.extract, patch_size=4, **how))
    patches = cut(image, jnp.float32(POSITIONS))  # exact in float32
    assert patches.dtype == image.dtype
    assert_close(patches, expected, image)
    place = jax.jit(partial(ENGINE.place, shape=image.shape, **how))
    placed = place(patches, jnp.float32(POSITIONS))
    assert_close(placed, reference_placement(patches, POSITIONS, image.shape, **how), 50 * image)


def test_known_arrays_of_many_slices_and_layouts(image):
    images = jnp.stack([image, 1j * image])
    grouped = POSITIONS.reshape(3, 2, 2)
    patches = ENGINE.extract(images, grouped, 4, layout="channel")
    expected = np.moveaxis(reference_patches(images, POSITIONS, 4).reshape(2, 3, 2, 4, 4), 2, -1)
    assert isinstance(patches, jax.Array)
    assert patches.devices() == images.devices()
    assert_close(patches, expected, image)


def test_batched_by_vmap(image):
    cut = partial(ENGINE.extract, patch_size=4)
    groups = jnp.float32(POSITIONS).reshape(3, 2, 2)
    expected = reference_patches(image, POSITIONS, 4).reshape(3, 2, 4, 4)
    assert_close(jax.vmap(partial(cut, image))(groups), expected, image)
    images = jnp.stack([image, 2 * image])
    one = jax.vmap(lambda image: cut(image, POSITIONS))(images)
    assert_close(one[1], 2 * expected.reshape(6, 4, 4), 2 * image)


@pytest.mark.slow
@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic", "fourier"])
def test_slopes_along_positions_equal_differences_in_double_precision(interpolation):
    """Off the whole positions, where bilinear patches have a kink."""
    rng = np.random.default_rng(1)
    image = rng.normal(size=(10, 13)) + 1j * rng.normal(size=(10, 13))
    positions, how = NEAR, {"interpolation": interpolation, "fill": "reflect"}
    upstream = ENGINE.extract(rng.normal(size=(20, 20)) * (1 + 2j), positions, 4)

    def loss(where):
        patches = ENGINE.extract(image, where, 4, **how)
        return float(np.vdot(upstream, patches).real)

    step, expected = 1e-6, np.empty_like(positions)
    for index in np.ndindex(positions.shape):
        moved = np.zeros_like(positions)
        moved[index] = step
        expected[index] = (loss(positions + moved) - loss(positions - moved)) / (2 * step)
    with jax.enable_x64(True):
        cut = partial(ENGINE.extract, image, patch_size=4, **how)
        traced = jax.grad(lambda where: jnp.vdot(upstream, cut(where)).real)(positions)
    assert traced.dtype == np.float64
    bound = 1e-6 * np.abs(expected).max()
    np.testing.assert_allclose(traced, expected, rtol=0, atol=bound)
    request = _request(image, positions, how)
    slopes = ENGINE._service.position_gradient(request, upstream)
    np.testing.assert_allclose(slopes, traced, rtol=0, atol=1e-3 * bound)


def _request(image, positions, how):
    from requests_built import build_request

    return build_request(image, positions, 4, **how)


@pytest.mark.slow
def test_differentiates_twice_and_forwards(image):
    """The energy of bilinear patches is a polynomial of second order along each axis."""

    def energy(where):
        return (jnp.abs(ENGINE.extract(image, where[None], 4)) ** 2).sum()

    here, step = jnp.float32([4.25, 5.5]), 2.0**-3
    found = np.asarray(jax.hessian(energy)(here))
    for axis in (0, 1):
        along = step * np.eye(2, dtype=np.float32)[axis]
        second = (energy(here + along) - 2 * energy(here) + energy(here - along)) / step**2
        assert found[axis, axis] == pytest.approx(float(second), rel=1e-3)
    forwards = jax.jvp(energy, (here,), (jnp.float32([1, 0]),))[1]
    assert float(forwards) == pytest.approx(float(jax.grad(energy)(here)[0]), rel=1e-5)


@pytest.mark.slow
def test_placement_differentiates(image):
    patches = ENGINE.extract(jnp.asarray(image), POSITIONS, 4)
    weights = jnp.asarray(image.real)

    def loss(patches, positions):
        placed = ENGINE.place(patches, positions, image.shape)
        return (weights * placed.real).sum()

    of_patches, of_positions = jax.grad(loss, (0, 1))(patches, jnp.float32(POSITIONS))
    expected = reference_patches(image.real, POSITIONS, 4)
    np.testing.assert_allclose(np.asarray(of_patches).real, expected, atol=1e-5)
    step = np.array([2.0**-5, 0], np.float32)
    steps = (loss(patches, jnp.float32(POSITIONS + np.eye(6)[p][:, None] * step)) for p in (0, 2))
    slopes = [(float(moved) - float(loss(patches, POSITIONS))) / step[0] for moved in steps]
    np.testing.assert_allclose(np.asarray(of_positions)[[0, 2], 0], slopes, rtol=1e-2)


def test_known_arrays_inside_a_trace_are_cut_at_once(image):
    """Nothing that is kept belongs to the trace."""
    prepared = ENGINE.prepare(jnp.asarray(image))
    expected = reference_patches(image, POSITIONS, 4)

    @jax.jit
    def traced(factor):
        return factor * ENGINE.extract(prepared, POSITIONS, 4), ENGINE.extract(image, POSITIONS, 4)

    first, second = traced(1.0)
    assert_close(first, expected, image)
    assert_close(second, expected, image)
    assert_close(ENGINE.extract(prepared, POSITIONS, 4), expected, image)


def test_positions_that_are_refused_are_nan(image):
    positions = jnp.float32(POSITIONS).at[1, 0].set(jnp.inf)
    patches = jax.jit(partial(ENGINE.extract, patch_size=4))(image, positions)
    assert np.isnan(patches[1]).all()
    assert np.isfinite(np.delete(patches, 1, axis=0)).all()
    inside = jax.jit(partial(ENGINE.extract, patch_size=4, fill="error"))(image, positions)
    assert np.isnan(inside).all(axis=(1, 2)).tolist() == [False, True, True, True, True, True]
    placed = jax.jit(partial(ENGINE.place, shape=image.shape))(patches, positions)
    assert np.isnan(placed).all()


def test_no_nan_is_made_where_nothing_is_refused(image):
    """What `jax.debug_nans` would be an error for."""

    def loss(image, positions):
        patches = ENGINE.extract(image, positions, 4)
        placed = ENGINE.place(patches, positions, image.shape)
        return (jnp.abs(placed) ** 2).sum()

    with jax.debug_nans(True):
        gradients = jax.grad(loss, (0, 1))(jnp.asarray(image), jnp.float32(POSITIONS))
    assert all(np.isfinite(gradient).all() for gradient in gradients)


def test_double_precision_is_refused_where_jax_would_drop_it(image):
    cut = jax.jit(lambda positions: ENGINE.extract(image.astype(complex), positions, 4))
    with pytest.raises(CapabilityError, match="jax_enable_x64"):
        cut(jnp.float32(POSITIONS))
    with jax.enable_x64(True):
        assert cut(jnp.float64(POSITIONS)).dtype == np.complex128


def test_jax_positions_that_are_known_are_split_in_double_precision(image):
    arrays = adapter_of(jnp.zeros(1))
    pairs, numbers = arrays.real_pairs(jnp.float32(POSITIONS))
    assert pairs is numbers
    assert pairs.dtype == np.float64
    whole, _ = arrays.real_pairs(jnp.array([[1, 2]]))
    assert whole.dtype == np.float64


def test_what_numpy_has_no_dtype_for_is_refused(image):
    keys = jax.random.split(jax.random.key(0), 2)
    with pytest.raises(RequestError, match=r"positions: received dtype key.* Expected reals"):
        ENGINE.extract(image, keys, 3)
    with pytest.raises(RequestError, match=r"image: received dtype key.* float32"):
        ENGINE.extract(keys.reshape(1, 2), [[0, 0]], 1)
