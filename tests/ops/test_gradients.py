"""Gradients of extraction against finite differences of the reference, in double precision."""

import itertools
from functools import partial

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow")

from ptycho_engine import Engine
from ptycho_engine.testing import reference_patches

KERNELS = ("bilinear", "bicubic", "fourier")
#: How the caller computes: at once, in a graph, or compiled by XLA as a whole, also for sizes that
#: the graph does not know.
MODES = ("eager", "graph", "outer_jit", "unknown_sizes")
DTYPES = ("float64", "complex128")
#: A few that stand for all where time is short; the others are slow.
QUICK = {
    ("chunked_xla", "bilinear", "eager", "complex128"),
    ("chunked_xla", "bilinear", "outer_jit", "float64"),
    ("batched", "bilinear", "graph", "complex128"),
}
MATRIX = [
    pytest.param(*case, marks=() if case in QUICK else pytest.mark.slow)
    for case in itertools.product(("chunked_xla", "batched"), KERNELS, MODES, DTYPES)
]
#: Inside, across each border, and outside; none within 4 * STEP of a whole pixel, where bilinear
#: patches have two slopes.
POSITIONS = np.array([[4.25, 5.5], [3.4, 6.1], [-1.75, 7.3], [8.4, 11.2], [40.3, 3.6]])
N, SHAPE, STEP = 5, (2, 9, 12), 1e-3


def noise(shape, dtype, seed):
    rng = np.random.default_rng(seed)
    values = rng.standard_normal(shape) + 1j * rng.standard_normal(shape)
    return (values if dtype.startswith("complex") else values.real).astype(dtype)


def slope(loss):
    """The derivative at 0, from four values; its error is of the order of ``STEP**4``."""
    near, far = (loss(step) - loss(-step) for step in (STEP, 2 * STEP))
    return (8 * near - far) / (12 * STEP)


def in_mode(function, mode, dtype):
    """The same function of an object and positions, run as the mode says."""
    if mode == "eager":
        return function
    sizes = (None, None, None) if mode == "unknown_sizes" else SHAPE
    count = None if mode == "unknown_sizes" else len(POSITIONS)
    signature = [tf.TensorSpec(sizes, dtype), tf.TensorSpec((count, 2), tf.float64)]
    return tf.function(
        function, input_signature=signature, autograph=False, jit_compile=mode != "graph"
    )


@pytest.mark.parametrize(("plugin", "kernel", "mode", "dtype"), MATRIX)
def test_gradients_equal_finite_differences(plugin, kernel, mode, dtype):
    how = {"interpolation": kernel, "fill": ("zeros", "edge", "reflect")[MODES.index(mode) % 3]}
    if mode == "unknown_sizes" and plugin == "chunked_xla":
        how["fill"] = "reflect"
    cut = partial(Engine(plugin, options={}).extract, patch_size=N, **how)
    image, factors = noise(SHAPE, dtype, 0), noise((2, len(POSITIONS), N, N), dtype, 1)

    def gradients(image, positions):
        with tf.GradientTape() as tape:
            tape.watch([image, positions])
            patches = cut(image, positions)
            terms = tf.abs(patches) ** 2 + tf.math.real(tf.math.conj(factors) * patches)
            loss = tf.reduce_sum(terms)
        return tape.gradient(loss, [image, positions])

    of_image, of_positions = in_mode(gradients, mode, dtype)(
        tf.constant(image), tf.constant(POSITIONS)
    )

    def loss(image, positions):
        patches = reference_patches(image, positions, N, **how)
        return (np.abs(patches) ** 2 + (factors.conj() * patches).real).sum()

    along = noise(SHAPE, dtype, 2)
    expected = slope(lambda step: loss(image + step * along, POSITIONS))
    bound = 1e-6 * np.linalg.norm(of_image) * np.linalg.norm(along)
    assert abs(np.vdot(of_image, along).real - expected) <= bound
    expected = np.zeros((len(POSITIONS), 2))
    for index in np.ndindex(expected.shape):
        moved = np.zeros((len(POSITIONS), 2))
        moved[index] = 1
        expected[index] = slope(lambda step, moved=moved: loss(image, POSITIONS + step * moved))
    scale = np.abs(expected).max()
    np.testing.assert_allclose(of_positions, expected, rtol=0, atol=1e-6 * scale)
    assert scale > 1


@pytest.mark.parametrize(
    ("mode", "checked"),
    [
        ("eager", False),
        ("graph", True),
        pytest.param("outer_jit", False, marks=pytest.mark.slow),
    ],
)
def test_nearest_has_no_gradient_for_positions(mode, checked):
    """None, which optimisers refuse, rather than a zero that would pass for a slope."""

    def gradients(image, positions):
        with tf.GradientTape() as tape:
            tape.watch([image, positions])
            patches = Engine("chunked_xla").extract(image, positions, N, interpolation="nearest")
            loss = tf.reduce_sum(patches**2)
        of_image, of_positions = tape.gradient(loss, [image, positions])
        assert of_positions is None
        return of_image

    image = tf.constant(noise(SHAPE, "float64", 0))
    if checked:
        tf.debugging.enable_check_numerics()
    try:
        of_image = in_mode(gradients, mode, "float64")(image, tf.constant(POSITIONS))
    finally:
        if checked:
            tf.debugging.disable_check_numerics()
    assert np.abs(of_image).max() > 0
