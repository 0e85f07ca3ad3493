"""Layers equal their references, in both precisions, and so do their gradients."""

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow")

from hypothesis import given, settings
from hypothesis import strategies as st
from layer_cases import (
    ALL_EXTRACTIONS,
    ALL_PLACEMENTS,
    ELEMENTWISE,
    EXTRACTIONS,
    LOSSES,
    OPTICS,
    PLACEMENTS,
    TRANSLATIONS,
    Case,
    cast,
    check,
    check_slopes,
    cut,
    leaves,
    noise,
    poisson,
    rebuild,
    some_like,
)

from ptycho_engine import layers

CASES = [*ELEMENTWISE, *OPTICS, *LOSSES, *TRANSLATIONS, *EXTRACTIONS, *PLACEMENTS]


def run(case, inputs):
    precision = "float64" if leaves(inputs)[0].dtype in ("float64", "complex128") else "float32"
    layer = getattr(layers, case.layer)(dtype=precision, **case.arguments)
    return layer(*inputs) if case.layer == "PoissonNLL" else layer(inputs)


def named(cases):
    return pytest.mark.parametrize("case", cases, ids=lambda case: case.name)


@pytest.mark.parametrize("precision", ["single", "double"])
@named(CASES)
def test_outputs(case, precision):
    check(run(case, cast(case, precision)), case, precision)


@pytest.mark.slow_cases("-7", "False", "edge", "pair", "reassemble-")
@named([case for case in CASES if case.smooth])
def test_gradients(case):
    gradients_of(case)


@named([EXTRACTIONS[0], PLACEMENTS[0]])
def test_gradients_where_functions_run_eagerly(case):
    tf.config.run_functions_eagerly(True)
    try:
        gradients_of(case)
    finally:
        tf.config.run_functions_eagerly(False)


@named([EXTRACTIONS[0], PLACEMENTS[0]])
def test_gradients_in_a_graph_whose_numerics_are_checked(case):
    def gradients(*tensors):
        with tf.GradientTape() as tape:
            tape.watch(tensors)
            output = run(case, rebuild(case.inputs, iter(tensors)))
            loss = tf.reduce_sum(tf.abs(output) ** 2)
        return tape.gradient(loss, tensors)

    tensors = [tf.constant(array) for array in leaves(case.inputs)]
    expected = gradients(*tensors)
    tf.debugging.enable_check_numerics()
    try:
        found = tf.function(gradients, autograph=False)(*tensors)
    finally:
        tf.debugging.disable_check_numerics()
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-10, atol=1e-10)


def gradients_of(case):
    tensors = [tf.constant(array) for array in leaves(case.inputs)]
    with tf.GradientTape() as tape:
        tape.watch(tensors)
        output = run(case, rebuild(case.inputs, iter(tensors)))
        cotangent = some_like(np.asarray(output), 9)
        loss = tf.math.real(tf.reduce_sum(tf.math.conj(cotangent) * output))
    gradients = tape.gradient(loss, tensors)
    if case.layer == "PoissonNLL":
        assert gradients[0] is None  # counts are data
    else:
        assert all(gradient is not None for gradient in gradients)
    check_slopes(gradients, case, cotangent)


@pytest.mark.slow
@pytest.mark.drawn
@named([*ALL_EXTRACTIONS, *ALL_PLACEMENTS])
def test_every_way_to_cut_and_to_place(case):
    check(run(case, cast(case, "single")), case, "single")
    check(run(case, cast(case, "double")), case, "double")
    if case.smooth:
        gradients_of(case)


coordinates = st.floats(-30, 60) | st.sampled_from([1e9, -1e9, 0.0, 5.0, 5.5, -4.0])


@settings(max_examples=20)
@given(where=st.lists(coordinates, min_size=12, max_size=12), constant=st.booleans())
def test_no_object_shows_in_patches_of_another(where, constant):
    """Objects that differ in size by orders of magnitude: what leaks would be seen."""
    objects = np.ones((3, 6, 7)) if constant else noise(3, 6, 7, kind="f")
    objects = objects * np.array([1e-8, 1.0, 1e8])[:, None, None]
    positions = np.reshape(where, (3, 2, 2))
    found = layers.ExtractPatches(4)([objects, positions]).numpy()
    expected = cut([objects, positions], patch_size=4)
    for one, other, size in zip(found, expected, (1e-8, 1.0, 1e8), strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-12 * 5 * size)


rates = st.floats(0, 1e10) | st.floats(-10, 10) | st.sampled_from([0.0, 1e-3, 1e9])
counts = (
    st.integers(0, 10**10) | st.floats(0, 1e3) | st.sampled_from([0, 1, 10**9, 1e-39, 1e-37, 1e-25])
)


#: Errors of the loss and of its gradient, relative to what they are.
SHARES = {"float64": (1e-13, 1e-14), "float32": (1e-5, 1e-6)}


@settings(max_examples=25)
@given(pixels=st.lists(st.tuples(counts, rates, st.booleans()), max_size=20))
@pytest.mark.parametrize("dtype", SHARES)
def test_loss_of_any_counts_at_any_rate(pixels, dtype):
    values = [(k, k * (1 + r * 1e-11) if near and k else r) for k, r, near in pixels]
    k, r = np.array(values, dtype).reshape(-1, 2).T
    with tf.GradientTape() as tape:
        rates = tf.constant(r)
        tape.watch(rates)
        loss = layers.PoissonNLL(reduction=None, dtype=dtype)(k, rates)
    share, slope_share = SHARES[dtype]
    expected = poisson(k, r)
    # Continued as a line, it is a difference of what Poisson's loss is at the floor.
    more = np.where(r < 1e-3, np.finfo(dtype).eps * np.maximum(k, 1e-3), 0)
    assert (abs(loss.numpy() - expected) <= share * abs(expected) + more).all()
    held = np.maximum(r.astype(float), 1e-3)
    slope = (held - k) / held
    assert (abs(tape.gradient(loss, rates).numpy() - slope) <= slope_share * abs(slope)).all()


# -- where formulas have no number -------------------------------------------------------------


def test_dark_pixels_leave_gradients_finite():
    waves = tf.Variable(np.zeros((1, 4, 4, 1), np.complex64))
    with tf.GradientTape() as tape:
        amplitude = layers.FarFieldDiffraction()(waves)
        loss = tf.reduce_sum((amplitude - 3.0) ** 2)
    assert (tape.gradient(loss, waves).numpy() == 0).all()
    waves.assign(np.full((1, 4, 4, 1), 1e-25))  # intensities below the least number
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(layers.FarFieldDiffraction()(waves))
    assert np.isfinite(tape.gradient(loss, waves).numpy()).all()


@pytest.mark.parametrize("output", ["amplitude", "intensity"])
def test_bright_patterns_leave_gradients_finite(output):
    """1e9 photons, all of them in one pixel, and none in the others."""
    waves = tf.Variable(np.full((1, 8, 8, 1), np.sqrt(1e9 / 64), np.complex64))
    with tf.GradientTape() as tape:
        pattern = layers.FarFieldDiffraction(output)(waves)
        intensity = pattern if output == "intensity" else pattern**2
        counts = np.zeros((1, 8, 8, 1), np.float32)
        counts[0, 4, 4, 0], counts[0, 0, 0, 0] = 1e9, 2
        loss = layers.PoissonNLL()(counts, intensity)
    assert np.isfinite(loss.numpy())
    assert np.isfinite(tape.gradient(loss, waves).numpy()).all()
    np.testing.assert_allclose(pattern.numpy().max(), 1e9 if output == "intensity" else 1e9**0.5,
                               rtol=1e-6)  # fmt: skip


def test_what_is_masked_may_be_nan():
    patches = tf.Variable(np.full((1, 4, 4, 1), np.nan))
    patches[0, 1:3, 1:3, 0].assign(np.ones((2, 2)))
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(layers.CentreMask(2)(patches) ** 2)
    assert total.numpy() == 4
    assert np.isfinite(tape.gradient(total, patches).numpy()).all()


def test_weights_of_items_and_of_pixels():
    case = Case("", "", {}, [np.arange(12.0).reshape(3, 2, 2, 1), np.full((3, 2, 2, 1), 5.0)], None)
    counts, rates = case.inputs
    each = poisson(counts, rates)
    loss = layers.PoissonNLL(dtype="float64")
    items = np.array([1.0, 0.0, 2.0])
    pixels = (counts > 3).astype(float)
    for weight, expected in (
        (items, (each * items[:, None, None, None]).mean()),
        (pixels, (each * pixels).mean()),
        (pixels[..., 0], (each * pixels).mean()),
    ):
        np.testing.assert_allclose(loss(counts, rates, weight), expected, rtol=1e-12)
    mean = layers.PoissonNLL(reduction="mean_with_sample_weight", dtype="float64")
    expected = (each * pixels).sum() / pixels.sum()
    np.testing.assert_allclose(mean(counts, rates, pixels), expected, rtol=1e-12)


def test_what_is_not_counted_may_be_nan():
    """A dead pixel: left out by its weight, and else not taken for a dark one."""
    counts, rates = np.array([2.0, np.nan]), tf.constant([3.0, np.nan])
    with tf.GradientTape() as tape:
        tape.watch(rates)
        found = layers.PoissonNLL()(counts, rates, np.array([1.0, 0.0]))
    np.testing.assert_allclose(found, poisson(counts[:1], np.array([3.0]))[0] / 2, rtol=1e-6)
    np.testing.assert_allclose(tape.gradient(found, rates), [1 / 6, 0], rtol=1e-6)
    assert np.isnan(layers.PoissonNLL(reduction=None)(counts, np.array([3.0, 3.0]))[1])


def test_infinite_rates_have_an_infinite_loss():
    rates = tf.constant([np.inf, np.inf, np.inf])
    with tf.GradientTape() as tape:
        tape.watch(rates)
        found = layers.PoissonNLL(reduction=None)(np.array([0.0, 5.0, np.nan]), rates)
    np.testing.assert_array_equal(found, [np.inf, np.inf, np.nan])
    np.testing.assert_array_equal(tape.gradient(found, rates), [1, 1, np.nan])


def test_parts_of_what_is_not_finite_are_weighed_apart():
    """As NumPy does with an array of parts: a complex product would make NaN of both."""
    patches = np.ones((1, 8, 8, 1), np.complex64)
    patches[0, 3, 3], patches[0, 4, 5] = complex(np.inf, 1), complex(1, np.nan)
    weights = np.full((8, 8), 0.5)
    weights[0, 0] = 1
    placed = layers.ReassemblePatches((8, 8), weights=weights)([patches, np.full((1, 1, 2), 4.0)])
    np.testing.assert_array_equal(placed, patches[..., 0])
    scale = layers.IntensityScale(2.0)
    for found, factor in ((scale(patches), 2), (scale.inverse()(patches), 0.5)):
        for part in (np.real, np.imag):
            np.testing.assert_allclose(part(found), factor * part(patches), rtol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("members", [1, 9, 10])
def test_groups_of_any_size(members):
    rng = np.random.default_rng(members)
    inputs = [noise(2, 9, 11), rng.uniform(-3, 14, (2, members, 2))]
    found = layers.ExtractPatches(4)(inputs).numpy()
    np.testing.assert_allclose(found, cut(inputs, patch_size=4), rtol=0, atol=1e-11)


@pytest.mark.slow
def test_far_fields_are_those_of_a_simulated_scan():
    """In every pixel, for one probe and for modes, of odd and even size."""
    from ptycho_engine import Exposure, Simulation

    rng = np.random.default_rng(4)
    image = np.exp(0.3j * rng.standard_normal((40, 44)))
    where = rng.uniform(12, 28, (3, 2))
    for size in (12, 13):
        for probe in (noise(size, size), noise(3, size, size)):
            for quantity in ("amplitude", "intensity"):
                exposure = Exposure(photons=None, noise=False, quantity=quantity)
                expected = Simulation(image, where, probe, exposure).patterns()  # (3, N, N)
                patches = layers.ExtractPatches(size)([image[None], where[None]])
                waves = layers.ProbeIllumination(probe, dtype="float64")(patches)
                found = layers.FarFieldDiffraction(quantity)(waves)[0].numpy()  # (N, N, 3)
                bound = 1e-12 * expected.max()
                np.testing.assert_allclose(np.moveaxis(found, -1, 0), expected, atol=bound, rtol=0)
