"""Gradients of both operators against finite differences of the reference, in double precision."""

import itertools
from functools import partial

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow")

from ptycho_engine import Engine
from ptycho_engine.testing import reference_patches
from ptycho_engine.testing.reference import reference_placement

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
#: XLA compiles placement as a whole for the gradient of extraction, too.
PLACED = {case for case in QUICK if "outer_jit" not in case}


def matrix(quick=QUICK):
    """Every case, of which all but the quick are slow."""
    return [
        pytest.param(*case, marks=() if case in quick else pytest.mark.slow)
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


def in_mode(function, mode, values):
    """The same function of values (an object, or patches) and positions, run as the mode says."""
    if mode == "eager":
        return function
    sizes, count = values.shape, len(POSITIONS)
    if mode == "unknown_sizes":  # but for the size of patches, which their kernel is made for
        sizes, count = (None,) * 3 if values.ndim == 3 else (None, None, N, N), None
    signature = [tf.TensorSpec(sizes, values.dtype), tf.TensorSpec((count, 2), tf.float64)]
    return tf.function(
        function, input_signature=signature, autograph=False, jit_compile=mode != "graph"
    )


def assert_gradients(operator, reference, values, mode, factors):
    """Those of a loss, that is not linear, for values and positions, within 1e-6."""

    def gradients(values, positions):
        with tf.GradientTape() as tape:
            tape.watch([values, positions])
            result = operator(values, positions)
            terms = tf.abs(result) ** 2 + tf.math.real(tf.math.conj(factors) * result)
            loss = tf.reduce_sum(terms)
        return tape.gradient(loss, [values, positions])

    def loss(values, positions):
        result = reference(values, positions)
        return (np.abs(result) ** 2 + (factors.conj() * result).real).sum()

    differentiate = in_mode(gradients, mode, values)
    of_values, of_positions = differentiate(tf.constant(values), tf.constant(POSITIONS))
    along = noise(values.shape, values.dtype.name, 2)
    expected = slope(lambda step: loss(values + step * along, POSITIONS))
    bound = 1e-6 * np.linalg.norm(of_values) * np.linalg.norm(along)
    assert abs(np.vdot(of_values, along).real - expected) <= bound
    expected = np.zeros(POSITIONS.shape)
    for index in np.ndindex(expected.shape):
        moved = np.zeros(POSITIONS.shape)
        moved[index] = 1
        expected[index] = slope(lambda step, moved=moved: loss(values, POSITIONS + step * moved))
    scale = np.abs(expected).max()
    np.testing.assert_allclose(of_positions, expected, rtol=0, atol=1e-6 * scale)
    assert scale > 1


def engine_for(plugin, mode):
    """Chunks that are full of these few positions, or not: those of 8 MiB hold gigabytes in all."""
    option = {"chunked_xla": "chunk_size", "batched": "batch_size"}[plugin]
    return Engine(plugin, options={option: (3, 8, 8, 3)[MODES.index(mode)]})


def fill_for(mode):
    return ("zeros", "edge", "reflect", "reflect")[MODES.index(mode)]


@pytest.mark.drawn
@pytest.mark.slow_cases("outer_jit", "eager-complex128")
@pytest.mark.parametrize(("plugin", "kernel", "mode", "dtype"), matrix())
def test_gradients_of_extraction(plugin, kernel, mode, dtype):
    how = {"patch_size": N, "interpolation": kernel, "fill": fill_for(mode)}
    image, factors = noise(SHAPE, dtype, 0), noise((2, len(POSITIONS), N, N), dtype, 1)
    operators = (
        partial(cut, **how) for cut in (engine_for(plugin, mode).extract, reference_patches)
    )
    assert_gradients(*operators, image, mode, factors)


@pytest.mark.drawn
@pytest.mark.parametrize(("plugin", "kernel", "mode", "dtype"), matrix(PLACED))
def test_gradients_of_placement(plugin, kernel, mode, dtype):
    how = {"shape": SHAPE[-2:], "interpolation": kernel, "fill": fill_for(mode)}
    patches, factors = noise((2, len(POSITIONS), N, N), dtype, 0), noise(SHAPE, dtype, 1)
    operators = (
        partial(put, **how) for put in (engine_for(plugin, mode).place, reference_placement)
    )
    assert_gradients(*operators, patches, mode, factors)


@pytest.mark.slow_cases("graph")
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
    engine = Engine("chunked_xla")

    def gradients(image, positions):
        with tf.GradientTape() as tape:
            tape.watch([image, positions])
            patches = engine.extract(image, positions, N, interpolation="nearest")
            placed = engine.place(patches, positions, SHAPE[-2:], interpolation="nearest")
            loss = tf.reduce_sum(patches**2) + tf.reduce_sum(placed**2)
        of_image, of_positions = tape.gradient(loss, [image, positions])
        assert of_positions is None
        return of_image

    image = noise(SHAPE, "float64", 0)
    if checked:
        tf.debugging.enable_check_numerics()
    try:
        of_image = in_mode(gradients, mode, image)(tf.constant(image), tf.constant(POSITIONS))
    finally:
        if checked:
            tf.debugging.disable_check_numerics()
    assert np.abs(of_image).max() > 0
