"""Placement through TensorFlow: the adjoint of extraction, dot product by dot product."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

tf = pytest.importorskip("tensorflow")

from requests_built import build_request

from ptycho_engine import Engine
from ptycho_engine.arrays.tensorflow_arrays import nan_where
from ptycho_engine.geometry.layouts import flat_to_channel
from ptycho_engine.ops import gather, placed_arrays, shapes, spreading
from ptycho_engine.testing import reference_patches
from ptycho_engine.testing.reference import reference_placement
from ptycho_engine.testing.strategies import positions as drawn_positions

PLUGINS = ("chunked_xla", "batched")
KERNELS = ("nearest", "bilinear", "bicubic", "fourier")
FILLS = ("zeros", "edge", "reflect")
#: How patches are handed over, and how the caller computes with them.
MODES = ("arrays", "eager", "graph", "outer_jit", "unknown_sizes")
#: Relative to the product of norms.
BOUNDS = {"float32": 1e-5, "complex64": 1e-5, "float64": 1e-12, "complex128": 1e-12}
CHUNK = 4
SHAPE = (9, 12)


def engine_of(plugin):
    option = "chunk_size" if plugin == "chunked_xla" else "batch_size"
    return Engine(plugin, options={option: CHUNK})


def noise(rng, shape, dtype):
    values = rng.standard_normal(shape) + 1j * rng.standard_normal(shape)
    return (values if np.dtype(dtype).kind == "c" else values.real).astype(dtype)


def assert_adjoint(image, patches, placed, positions, **how):
    """``<A x, y> = <x, A* y>``, the complex product for complex numbers; A is the reference."""
    cut = reference_patches(image, positions, patches.shape[-1], **how)
    bound = BOUNDS[patches.dtype.name] * np.linalg.norm(cut) * np.linalg.norm(patches)
    assert placed.dtype == patches.dtype
    assert abs(np.vdot(cut, patches) - np.vdot(image, placed)) <= bound


def place(engine, mode, patches, positions, shape, **how):
    """Place in one of `MODES`; NumPy comes back."""
    if mode == "arrays":
        return engine.place(patches, positions, shape, **how)
    if mode == "eager":
        return engine.place(tf.constant(patches), tf.constant(positions), shape, **how).numpy()
    n, unknown = patches.shape[-1], mode == "unknown_sizes"
    like = (*((None,) * (patches.ndim - 2)), n, n) if unknown else patches.shape
    where = (None, 2) if unknown else positions.shape
    compiled = tf.function(
        lambda y, p: engine.place(y, p, shape, **how),
        input_signature=[tf.TensorSpec(like, patches.dtype), tf.TensorSpec(where, tf.float64)],
        autograph=False,
        jit_compile=mode == "outer_jit" or (unknown and engine.plugin == "chunked_xla"),
    )
    return compiled(patches, positions).numpy()


@st.composite
def placements(draw, sizes=(4, 7), kernels=KERNELS, dtypes=tuple(BOUNDS)):
    """Object, patches, positions inside, across the border and outside, and how to cut there."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n, count = draw(st.sampled_from(sizes)), draw(st.sampled_from([0, 1, CHUNK, 9]))
    shape = draw(st.sampled_from([SHAPE, (16, 7), (1, 5)]))
    lead = draw(st.sampled_from([(), (2,)]))
    dtype = draw(st.sampled_from(dtypes))
    how = {
        "interpolation": draw(st.sampled_from(kernels)),
        "fill": draw(st.sampled_from(FILLS)),
    }
    where = draw(drawn_positions(shape, n, st.just(count)))
    return noise(rng, (*lead, *shape), dtype), noise(rng, (*lead, count, n, n), dtype), where, how


@pytest.mark.parametrize("plugin", PLUGINS)
@settings(max_examples=8)
@given(case=placements((4,), ("bilinear",), ("complex64", "float64")))  # compiled twice
def test_arrays_meet_the_dot_product(plugin, case):
    image, patches, positions, how = case
    placed = engine_of(plugin).place(patches, positions, image.shape[-2:], **how)
    assert_adjoint(image, patches, placed, positions, **how)


@pytest.mark.slow
@pytest.mark.drawn
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("plugin", PLUGINS)
def test_every_mode_meets_the_dot_product(plugin, mode, scaled):
    engine = engine_of(plugin)

    @settings(max_examples=scaled(60))
    @given(case=placements())
    def meets(case):
        image, patches, positions, how = case
        placed = place(engine, mode, patches, positions, image.shape[-2:], **how)
        assert_adjoint(image, patches, placed, positions, **how)

    meets()


@pytest.mark.slow_cases("batched-fourier", "bicubic", "chunked_xla-fourier")
@pytest.mark.parametrize(("plugin", "kernel"), list(itertools.product(PLUGINS, KERNELS)))
def test_channels_and_accumulation(plugin, kernel):
    """Groups of four, in one array whose patches stand in no order of memory."""
    rng = np.random.default_rng(1)
    positions = rng.uniform(-6, 14, (3, 4, 2))
    flat = noise(rng, (12, 5, 5), "complex128")
    patches = flat_to_channel(flat, 4)[::-1]
    before = noise(rng, SHAPE, "complex128")
    out = before.copy()
    how = {"interpolation": kernel, "fill": "reflect"}
    got = engine_of(plugin).place(patches, positions[::-1], SHAPE, layout="channel", out=out, **how)
    assert got is out
    expected = before + reference_placement(flat, positions.reshape(-1, 2), SHAPE, **how)
    np.testing.assert_allclose(out, expected, rtol=0, atol=1e-12 * np.abs(expected).max())


@pytest.fixture
def small_tiles(monkeypatch):
    monkeypatch.setattr(shapes, "TILED_BYTES", 0)
    monkeypatch.setattr(shapes, "TILE_SIDE", 40)


@pytest.mark.usefixtures("small_tiles")
@pytest.mark.parametrize("plugin", PLUGINS)
def test_large_objects_go_by_tiles(plugin):
    rng = np.random.default_rng(2)
    shape, n = (130, 170), 6
    positions = rng.uniform(-9, 175, (40, 2))
    patches = noise(rng, (40, n, n), "float64")
    assert len(list(placed_arrays._parts(build_request(np.zeros(shape), positions, n)))) > 3
    for fill in FILLS:
        placed = engine_of(plugin).place(patches, positions, shape, fill=fill)
        expected = reference_placement(patches, positions, shape, fill=fill)
        np.testing.assert_allclose(placed, expected, rtol=0, atol=1e-12 * np.abs(expected).max())


@pytest.mark.parametrize("plugin", PLUGINS)
def test_the_same_bits_in_every_run(plugin):
    """Many overlapping patches in many chunks; order is what their sums depend on."""
    rng = np.random.default_rng(3)
    patches = noise(rng, (300, 16, 16), "complex64")
    positions = rng.uniform(0, 50, (300, 2))
    engine = engine_of(plugin)
    first = engine.place(patches, positions, (50, 50))
    for _ in range(3):
        np.testing.assert_array_equal(engine.place(patches, positions, (50, 50)), first)
    assert np.abs(first - engine.place(patches[::-1], positions[::-1], (50, 50))).max() > 0


def test_patches_without_weight_add_nothing():
    """NaN stays where it has a weight: at a whole position, in its own samples."""
    patches = np.full((1, 2, 2), np.nan)
    for plugin in PLUGINS:
        placed = engine_of(plugin).place(patches, [[3.0, 4.0]], SHAPE)
        assert np.isnan(placed).sum() == 4
        assert np.isnan(placed[2:4, 3:5]).all()


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", "complex128"])
def test_nan_is_no_number_of_any_kind(dtype):
    marked = nan_where(tf.constant([True, False]), tf.ones(2, dtype)).numpy()
    assert np.isnan(marked.real).tolist() == [True, False]
    assert np.isnan(marked.imag).tolist() == [marked.dtype.kind == "c", False]


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float32", "complex64"])
def test_refused_inside_compiled_function(dtype):
    """XLA cannot raise: with a position that is NaN, the image is NaN in every sample."""
    placed = tf.function(
        lambda y, p: engine_of("chunked_xla").place(y, p, SHAPE), jit_compile=True, autograph=False
    )
    patches = tf.ones((2, 3, 3), dtype)
    positions = np.array([[2.0, 3.5], [np.nan, 1.0]])
    assert np.isnan(placed(patches, tf.constant(positions))).all()
    assert np.isfinite(placed(patches, tf.constant(positions[::-1] * 0 + 1))).sum() == 0
    assert np.isfinite(placed(patches, tf.ones((2, 2), tf.float64))).all()


@pytest.mark.slow
def test_fallback_without_the_private_operation(monkeypatch):
    gather.xla_gather.cache_clear()
    monkeypatch.setitem(__import__("sys").modules, "tensorflow.compiler.tf2xla.python", None)
    spreading.spread_function.cache_clear()
    try:
        assert gather.xla_gather() is None
        rng = np.random.default_rng(4)
        positions, patches = rng.uniform(-3, 12, (7, 2)), noise(rng, (7, 4, 4), "complex128")
        placed = engine_of("chunked_xla").place(patches, positions, SHAPE)
        expected = reference_placement(patches, positions, SHAPE)
        np.testing.assert_allclose(placed, expected, rtol=0, atol=1e-12)
    finally:
        gather.xla_gather.cache_clear()
        spreading.spread_function.cache_clear()


@pytest.mark.slow
@pytest.mark.parametrize("kernel", ["bilinear", "bicubic", "fourier"])
@pytest.mark.parametrize("plugin", PLUGINS)
def test_position_gradient_of_arrays_is_that_of_tensors(plugin, kernel):
    """The sum over leading axes, of arrays, of tensors, and by finite differences."""
    rng = np.random.default_rng(5)
    positions = np.array([[4.25, 5.5], [3.4, 6.1], [-1.75, 7.3], [8.4, 11.2], [40.3, 3.6]])
    image = noise(rng, (2, *SHAPE), "complex128")
    cotangent = noise(rng, (2, 5, 4, 4), "complex128")
    how = {"interpolation": kernel, "fill": "edge"}
    service = engine_of(plugin)._service
    found = service.position_gradient(build_request(image, positions, 4, **how), cotangent)
    tensors = build_request(tf.constant(image), tf.constant(positions), 4, **how)
    of_tensors = service.position_gradient(tensors, tf.constant(cotangent)).numpy()
    np.testing.assert_allclose(of_tensors, found, rtol=1e-12, atol=1e-12)
    step = 1e-4
    for axis in (0, 1):
        after, before = (
            reference_patches(image, positions + sign * step * np.eye(2)[axis], 4, **how)
            for sign in (1, -1)
        )
        slopes = (cotangent.conj() * (after - before)).real.sum(axis=(0, 2, 3)) / (2 * step)
        np.testing.assert_allclose(found[:, axis], slopes, rtol=0, atol=1e-6)


def test_as_many_patches_as_positions_are_asked_for_as_a_graph_runs():
    unknown = [tf.TensorSpec((None, 3, 3), tf.float32), tf.TensorSpec((None, 2), tf.float64)]
    place_all = tf.function(
        lambda y, p: engine_of("batched").place(y, p, SHAPE), unknown, autograph=False
    )
    with pytest.raises(tf.errors.InvalidArgumentError, match="Expected one for each position"):
        place_all(tf.ones((2 + CHUNK, 3, 3)), tf.ones((2, 2), tf.float64))


@pytest.mark.slow
def test_no_positions_of_unknown_number_are_placed_under_an_outer_jit():
    unknown = [tf.TensorSpec((None, 3, 3), tf.float32), tf.TensorSpec((None, 2), tf.float64)]
    engine = engine_of("chunked_xla")
    compiled = tf.function(
        lambda y, p: engine.place(y, p, SHAPE), unknown, jit_compile=True, autograph=False
    )
    placed = compiled(tf.zeros((0, 3, 3)), tf.zeros((0, 2), tf.float64))
    np.testing.assert_array_equal(placed, np.zeros(SHAPE))
    placed = compiled(tf.ones((1, 3, 3)), tf.constant([[4.0, 5.0]], tf.float64))
    assert np.sum(placed) == 9
