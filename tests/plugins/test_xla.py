"""XLA discipline: one trace for each shape, and the two gathers are one operation."""

import sys
from inspect import unwrap

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow")

from requests_built import build_request

from ptycho_engine import Engine
from ptycho_engine.geometry.layouts import flat_to_channel
from ptycho_engine.ops import chunks, gather
from ptycho_engine.ops.aligned import ALIGNMENT, as_tensor
from ptycho_engine.ops.chunks import ChunkKind, chunk_function, kind_of
from ptycho_engine.testing import assert_close, reference_patches

STARTS = np.array([[0, 0], [3, 5], [5, 7], [3, 5]], np.int32)


@pytest.fixture
def image():
    return np.random.default_rng(0).normal(size=(9, 12)).astype(np.float32)


def traced_function(n, chunk_size):
    """The ``tf.function`` that cuts chunks of flat float32 patches of size n."""
    function = chunk_function(ChunkKind(n, "bilinear", "exact", interleave=1, compiled=True))
    if chunk_size * n * n * 4 > chunks.SERIAL_BYTES:
        return function
    return chunks.serial_function(
        unwrap(function.python_function), chunks.PIECE_BYTES // (n * n * 4)
    )


@pytest.mark.parametrize(
    ("chunk_size", "counts"), [(4, (1, 3, 4, 5, 11, 40)), (6000, (1, 5999, 6001))]
)
def test_one_trace_for_every_number_of_positions(image, chunk_size, counts):
    # A patch size that no other test uses, so that the count starts at zero.
    function = traced_function(5, chunk_size)
    engine = Engine("chunked_xla", options={"chunk_size": chunk_size})
    before = function.experimental_get_tracing_count()
    rng = np.random.default_rng(1)
    for count in counts:
        engine.extract(image, rng.uniform(0, 9, (count, 2)), 5)
        for _ in engine.stream(
            image, rng.uniform(0, 9, (count, 2)), 5, block_size=chunk_size // 2 + 1
        ):
            pass
    assert function.experimental_get_tracing_count() - before == 1
    engine.extract(image[:, :11], [[1.0, 2.0]], 5)  # has room in the same shape
    assert function.experimental_get_tracing_count() - before == 1
    engine.extract(np.ones((9, 300), np.float32), [[1.0, 2.0]], 5)
    assert function.experimental_get_tracing_count() - before == 2


def test_default_chunk_size_does_not_depend_on_the_number_of_positions(image):
    engine = Engine("chunked_xla", memory_budget="1GiB")
    sizes = {engine.plan(image, np.zeros((n, 2)), 8).chunk_size for n in (1, 10, 100_000)}
    assert len(sizes) == 1


@pytest.mark.skipif(gather.xla_gather() is None, reason="this TensorFlow lacks the window gather")
def test_window_gather_equals_elements(image):
    def windows(image):
        return gather.gather_windows(image, tf.constant(STARTS), 4, 5, [(0, 0)])[0]

    def elements(image):
        return gather.gather_elements(image, tf.constant(STARTS), 4, 5, [(0, 0)])[0]

    expected = np.stack([image[y : y + 4, x : x + 5] for y, x in STARTS])
    upstream = np.random.default_rng(2).normal(size=expected.shape).astype(np.float32)
    adjoint = np.zeros_like(image)
    for (y, x), values in zip(STARTS, upstream, strict=True):
        adjoint[y : y + 4, x : x + 5] += values
    for cut in (windows, elements):
        source, compiled = tf.constant(image), tf.function(cut, jit_compile=True)
        with tf.GradientTape() as tape:
            tape.watch(source)
            found = compiled(source)
            loss = tf.reduce_sum(found * upstream)
        np.testing.assert_array_equal(found, expected)
        assert_close(tape.gradient(loss, source), adjoint, 3 * adjoint)


@pytest.mark.slow
@pytest.mark.parametrize("outer_jit", [False, True])
def test_gradients_of_gradients_equal_those_of_public_operations(image, outer_jit):
    positions = tf.constant(np.random.default_rng(3).uniform(2, 6, (5, 2)))
    source = tf.constant(image, tf.float64)

    def second(plugin):
        def of(x):
            with tf.GradientTape() as outer:
                outer.watch(x)
                with tf.GradientTape() as inner:
                    inner.watch(x)
                    loss = tf.reduce_sum(Engine(plugin).extract(x, positions, 4) ** 3)
                slope = tf.reduce_sum(inner.gradient(loss, x) ** 2)
            return outer.gradient(slope, x)

        return tf.function(of, jit_compile=outer_jit, autograph=False)(source)

    expected = second("batched").numpy()
    assert np.abs(expected).max() > 0
    np.testing.assert_allclose(second("chunked_xla"), expected, rtol=1e-12)


# 46,400 rows and columns of float32, which take no memory here, are more than 2**31 numbers.
@pytest.mark.parametrize(
    ("shape", "wide"), [((46_400, 46_400), True), ((46_200, 46_200), False), ((9, 9), False)]
)
def test_objects_beyond_32_bits_are_counted_in_64(shape, wide):
    image = np.broadcast_to(np.float32(0), shape)
    how = {"interpolation": "bilinear", "fill": "zeros", "rounding": "exact", "layout": "flat"}
    request = build_request(image, [[4.0, 4.0]], 8, **how)
    assert kind_of(request, compiled=False).wide is wide


@pytest.mark.slow_cases("True", "bicubic", "fourier")
@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic", "fourier"])
@pytest.mark.parametrize("compiled", [True, False])
def test_patches_counted_in_64_bits_are_the_same(interpolation, compiled):
    rng = np.random.default_rng(4)
    source = tf.constant(rng.normal(size=(60, 2 * 62)).astype(np.float32))  # holds every margin
    starts, offsets = tf.constant(STARTS), tf.constant(rng.random((len(STARTS), 2)), tf.float32)
    found = []
    for wide in (False, True):
        kind = ChunkKind(6, interpolation, "exact", interleave=2, compiled=compiled, wide=wide)
        with tf.GradientTape() as tape:
            tape.watch(source)
            # Made anew: one that has met other shapes is traced for any, and then TensorFlow may
            # sum the same terms in another order.
            patches = chunk_function.__wrapped__(kind)(source, starts, offsets)
        found.append((patches, tape.gradient(patches, source)))
    for narrow, wide in zip(*found, strict=True):
        assert np.abs(narrow).max() > 0
        np.testing.assert_array_equal(narrow, wide)


# What is small enough for one thread comes in pieces: of whole groups, and of one patch if large.
@pytest.mark.slow_cases("nearest", "channel", "128", "7-")
@pytest.mark.parametrize(
    ("n", "dtype", "layout", "shape"),
    [
        (64, "complex64", "flat", (16, 2)),
        (64, "complex64", "flat", (13, 2)),
        (64, "complex64", "channel", (3, 4, 2)),
        (64, "complex64", "channel", (1, 9, 2)),
        (128, "complex128", "flat", (2, 2)),
        (7, "float32", "flat", (2, 2)),
        (7, "float64", "channel", (100, 4, 2)),
    ],
)
@pytest.mark.parametrize("interpolation", ["bilinear", "nearest"])
def test_small_chunks_come_in_pieces(n, dtype, layout, shape, interpolation):
    rng = np.random.default_rng(3)
    image = rng.normal(size=(150, 170)) + 1j * rng.normal(size=(150, 170))
    image = (image if "complex" in dtype else image.real).astype(dtype)
    engine, how = Engine("chunked_xla"), {"layout": layout, "interpolation": interpolation}
    prepared, positions = engine.prepare(image), rng.uniform(-40, 200, shape)
    patches = engine.extract(prepared, positions, n, **how)
    flat = reference_patches(image, positions.reshape(-1, 2), n, interpolation).astype(dtype)
    expected = flat if layout == "flat" else flat_to_channel(flat, shape[1])
    assert_close(patches, expected, image)


def test_small_chunks_are_computed_on_one_thread():
    function = chunk_function(ChunkKind(64, "bilinear", "exact", interleave=2, compiled=True))
    arguments = tf.zeros((1154, 2308)), tf.zeros((16, 2), tf.int32), tf.zeros((16, 2))

    def shared_out(function):
        hlo = function.experimental_get_compiler_ir(*arguments)(stage="optimized_hlo")
        return "outer_dimension_partitions" in hlo

    if not shared_out(function):
        pytest.skip("XLA has one thread here, or shares nothing out")
    assert not shared_out(chunks.serial_function(function.python_function, 8))


def test_prepared_objects_of_one_shape_share_compiled_code(image):
    function, engine = traced_function(3, 8), Engine("chunked_xla")
    before = function.experimental_get_tracing_count()
    positions = np.random.default_rng(4).uniform(0, 9, (7, 2))
    for scale in (1, 2):
        prepared = engine.prepare(scale * image)
        expected = scale * reference_patches(image, positions, 3)
        assert_close(engine.extract(prepared, positions, 3), expected, scale * image)
    assert function.experimental_get_tracing_count() - before == 1


@pytest.fixture
def no_window_gather(monkeypatch):
    """A TensorFlow without the private operation; chunk functions are built anew on both sides."""
    gather.xla_gather.cache_clear()
    monkeypatch.setitem(sys.modules, "tensorflow.compiler.tf2xla.python", None)
    chunks.chunk_function.cache_clear()
    yield
    gather.xla_gather.cache_clear()
    chunks.chunk_function.cache_clear()


@pytest.mark.usefixtures("no_window_gather")
def test_fallback_without_the_private_operation(image):
    assert gather.xla_gather() is None
    positions = np.array([[2.25, 3.5], [-1.0, 11.75], [1e6, 0]])
    patches = Engine("chunked_xla", options={"chunk_size": 2}).extract(image, positions, 4)
    assert_close(patches, reference_patches(image, positions, 4).astype(np.float32), image)
    source = tf.constant(image)
    with tf.GradientTape() as tape:
        tape.watch(source)
        loss = tf.reduce_sum(Engine("chunked_xla").extract(source, positions, 4))
    assert tape.gradient(loss, source) is not None


@pytest.mark.parametrize("shape", [(3, 2), (0, 2), (1,), (200, 301)])
@pytest.mark.parametrize("dtype", ["int32", "float32", "float64", "complex64", "complex128"])
def test_tensors_are_aligned_copies(shape, dtype):
    array = np.arange(np.prod(shape)).reshape(shape).astype(dtype)
    tensor, before = as_tensor(array), array.copy()
    array += 1
    np.testing.assert_array_equal(tensor, before)
    assert tensor.dtype.name == dtype
    assert not array.size or np.asarray(memoryview(tensor)).ctypes.data % ALIGNMENT == 0
