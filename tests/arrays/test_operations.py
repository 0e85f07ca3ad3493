"""Eager tensors through a plugin of NumPy arrays: gradients, and what is not copied."""

import numpy as np
import pytest

from ptycho_engine import Engine, Host, hookimpl
from ptycho_engine.arrays.adapter import adapter_of
from ptycho_engine.errors import CapabilityError, RequestError

tf = pytest.importorskip("tensorflow")

POSITIONS = np.array([[4.25, 5.5], [3.1, 6.2], [8.75, 11.5], [-0.5, 30.3]])
STEP = 1e-6


@pytest.fixture(scope="module")
def engine():
    return Engine("numba")


def noise(*shape, seed=0):
    rng = np.random.default_rng(seed)
    return rng.standard_normal(shape) + 1j * rng.standard_normal(shape)


def difference(loss, array, direction):
    return (loss(array + STEP * direction) - loss(array - STEP * direction)) / (2 * STEP)


@pytest.mark.parametrize("layout", ["flat", "channel", "grid"])
def test_gradients_are_those_of_finite_differences(engine, layout):
    where = POSITIONS if layout == "flat" else POSITIONS[None]
    patches = engine.extract(noise(2, 9, 12), where, 3, layout=layout)

    def cut(image, where):
        return engine.extract(image, where, 3, layout=layout)

    def place(patches, where):
        return engine.place(patches, where, (9, 12), layout=layout)

    for function, values in ((cut, noise(2, 9, 12)), (place, noise(*patches.shape, seed=1))):
        upstream = noise(*function(values, where).shape, seed=2)

        def loss(values, where, function=function, upstream=upstream):
            return np.vdot(upstream, function(values, where)).real

        variables = tf.Variable(values), tf.Variable(where)
        with tf.GradientTape() as tape:
            result = function(*variables)
            total = tf.math.real(tf.reduce_sum(np.conj(upstream) * result))
        of_values, of_positions = tape.gradient(total, variables)
        assert isinstance(result, tf.Tensor)
        direction, shift = noise(*values.shape, seed=3), noise(*where.shape, seed=4).real
        expected = difference(lambda v: loss(v, where), values, direction)
        found = np.vdot(of_values.numpy(), direction).real
        assert found == pytest.approx(expected, rel=1e-6)
        expected = difference(lambda w, loss=loss, values=values: loss(values, w), where, shift)
        found = np.vdot(tf.convert_to_tensor(of_positions).numpy(), shift)
        assert found == pytest.approx(expected, rel=1e-6)


def test_only_what_is_watched_is_computed(engine):
    """Nearest patches have a gradient of the image, and none of the positions."""
    image, where = tf.Variable(noise(9, 12)), tf.Variable(POSITIONS)
    for places in (POSITIONS, tf.constant(POSITIONS)):
        with tf.GradientTape() as tape:
            patches = engine.extract(image, places, 3, interpolation="nearest")
        assert np.abs(tape.gradient(patches, image)).sum() > 0
    with tf.GradientTape() as tape:
        patches = engine.extract(image, where, 3, interpolation="nearest")
    with pytest.raises(CapabilityError, match='no gradient with interpolation="nearest"'):
        tape.gradient(patches, image)
    with tf.GradientTape() as tape:
        patches = engine.extract(image, POSITIONS, 3, rounding="legacy")
    with pytest.raises(RequestError, match="has no adjoint"):
        tape.gradient(patches, image)


def test_a_gradient_of_a_gradient_is_refused(engine):
    image = tf.Variable(noise(9, 12).real)
    with tf.GradientTape() as outer:
        with tf.GradientTape() as tape:
            total = tf.reduce_sum(engine.extract(image, POSITIONS, 3) ** 2)
        gradient = tape.gradient(total, image)
    with pytest.raises(CapabilityError, match="gradient of a gradient"):
        outer.gradient(gradient, image)


@pytest.mark.slow
def test_a_jacobian_that_is_vectorised_is_refused(engine):
    """TensorFlow wraps the refusal in an error of its own, beside which it stands."""
    image = tf.constant(noise(9, 12).real)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(image)
        patches = engine.extract(image, POSITIONS[:1], 2)
    with pytest.raises(ValueError, match="experimental_use_pfor") as refused:
        tape.jacobian(patches, image)
    assert isinstance(refused.value.__cause__, CapabilityError)
    assert "chunked_xla" in str(refused.value.__cause__)
    advised = Engine("chunked_xla")  # in any dtypes, which a loop of TensorFlow does not take
    image, where = tf.Variable(noise(9, 12).real.astype("float32")), tf.Variable(POSITIONS[:1])
    with tf.GradientTape(persistent=True) as tape:
        patches = advised.extract(image, where, 2)
    slopes, moved = tape.jacobian(patches, [image, where])
    np.testing.assert_allclose(tf.einsum("pijhw,hw->pij", slopes, image), patches, atol=1e-5)
    assert moved.shape == (1, 2, 2, 1, 2)


class Passing:
    """A wrapper that looks on."""

    @hookimpl(wrapper=True)
    def extract_patches(self):
        return (yield)


class Doubling:
    """A wrapper that changes what is cut."""

    @hookimpl(wrapper=True)
    def extract_patches(self):
        return 2 * (yield)


class AllDoubling(Doubling):
    """One that changes the gradients alike."""

    place_patches = Doubling.extract_patches
    position_gradient = Doubling.extract_patches


@pytest.mark.parametrize(("wrapper", "factor"), [(Passing, 1), (AllDoubling, 2), (Doubling, None)])
def test_gradients_follow_wrappers_or_are_refused(engine, wrapper, factor):
    host = Host()
    host.register(wrapper())
    wrapped = Engine("numba", host=host)
    variables = tf.Variable(noise(9, 12)), tf.Variable(POSITIONS)
    with tf.GradientTape(persistent=True) as tape:
        result, plain = (each.extract(*variables, 3) for each in (wrapped, engine))
    for variable in variables:
        if factor is None:
            with pytest.raises(CapabilityError, match=r"wrapper .Doubling. around .*'numba'"):
                tape.gradient(result, variable)
        else:
            found, alone = (
                tf.convert_to_tensor(tape.gradient(patches, variable)).numpy()
                for patches in (result, plain)
            )
            np.testing.assert_allclose(found, factor * alone, rtol=1e-12)


def test_nothing_is_copied_on_the_way():
    tensor = tf.constant(noise(9, 12))
    arrays = adapter_of(tensor)
    assert np.shares_memory(arrays.to_numpy(tensor), arrays.to_numpy(tensor))
    array = arrays.empty((3, 5), np.dtype("complex64"))
    array[...] = 1
    assert np.shares_memory(arrays.to_numpy(arrays.from_numpy(array)), array)
    beside = np.ones(17)[1:]
    assert not np.shares_memory(arrays.to_numpy(arrays.from_numpy(beside)), beside)
