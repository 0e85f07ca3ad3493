"""Gradients of eager tensors by way of the numba kernel: those of the graph, to any order."""

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow")

from ptycho_engine import Engine
from ptycho_engine.errors import CapabilityError
from ptycho_engine.native import placing
from ptycho_engine.ops import eager_path

SHAPE, N = (9, 12), 4
POSITIONS = np.array([[4.25, 5.5], [3.0, 6.0], [-1.75, 7.3], [8.4, 11.2]])


@pytest.fixture
def image():
    rng = np.random.default_rng(0)
    return tf.constant(rng.normal(size=(2, *SHAPE)) + 1j * rng.normal(size=(2, *SHAPE)))


@pytest.fixture
def kernel_calls(monkeypatch):
    """What the kernel is called for, which also goes on to work."""
    calls = []

    def counted(request, out, threads):
        calls.append(request)
        return placing.add_patches(request, out, threads)

    monkeypatch.setattr(eager_path, "_add_patches", lambda: counted)
    return calls


def without_kernel(monkeypatch):
    monkeypatch.setattr(eager_path, "_add_patches", lambda: None)


def loss_of(engine, image, positions, **how):
    """A loss of both operators, of the fourth order in the object."""
    patches = engine.extract(image, positions, N, fill="reflect", **how)
    placed = engine.place(patches * patches, positions, SHAPE, fill="edge", **how)
    return tf.reduce_sum(tf.abs(placed) ** 2)


def gradients(engine, image, positions, order=1, **how):
    """Gradients for both; of order 2, of the sum of their squares."""
    with tf.GradientTape(persistent=True) as outer:
        outer.watch([image, positions])
        with tf.GradientTape() as tape:
            tape.watch([image, positions])
            loss = loss_of(engine, image, positions, **how)
        first = tape.gradient(loss, [image, positions])
        squares = [tf.reduce_sum(tf.abs(each) ** 2) for each in first]
    if order == 1:
        return first
    return [outer.gradient(square, x) for square in squares for x in (image, positions)]


@pytest.mark.slow
@pytest.mark.drawn
@pytest.mark.parametrize(
    ("plugin", "kernel", "order"),
    [
        ("batched", "bilinear", 1),
        ("batched", "bilinear", 2),
        ("chunked_xla", "bilinear", 2),
        ("batched", "bicubic", 2),
    ],
)
def test_gradients_are_those_of_tensorflow(plugin, kernel, order, image, kernel_calls, monkeypatch):
    where, how = tf.constant(POSITIONS), {"order": order, "interpolation": kernel}
    found = gradients(Engine(plugin), image, where, **how)
    assert len(kernel_calls) >= 2  # for the forward placement, and the gradient of extraction
    without_kernel(monkeypatch)
    calls = len(kernel_calls)
    expected = gradients(Engine(plugin), image, where, **how)
    assert len(kernel_calls) == calls
    for ours, theirs in zip(found, expected, strict=True):
        scale = np.abs(theirs).max()
        assert scale > 0
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-12 * scale)


@pytest.mark.slow
def test_only_what_is_asked_for_is_computed(image, kernel_calls, monkeypatch):
    engine, where, slopes = Engine("batched"), tf.constant(POSITIONS), []
    kept = eager_path._slopes
    monkeypatch.setattr(eager_path, "_slopes", lambda *all: slopes.append(all) or kept(*all))
    for watched, placements, differentiated in ((image, 1, 0), (where, 0, 1), ([], 0, 0)):
        kernel_calls.clear()
        slopes.clear()
        with tf.GradientTape() as tape:
            tape.watch(watched)
            loss = tf.reduce_sum(tf.abs(engine.extract(image, where, N)) ** 2)
        tape.gradient(loss, watched)
        assert (len(kernel_calls), len(slopes)) == (placements, differentiated)


def test_memory_of_tensors_is_not_copied_for_the_kernel(kernel_calls):
    patches = tf.random.stateless_normal((len(POSITIONS), N, N), [0, 1])
    Engine("batched").place(patches, POSITIONS, SHAPE)
    (request,) = kernel_calls
    assert request.patches.ctypes.data == np.asarray(memoryview(patches)).ctypes.data


@pytest.mark.slow
def test_what_the_kernel_does_not_serve_stays_with_tensorflow(image, kernel_calls):
    engine, where = Engine("batched"), tf.constant(POSITIONS)
    patches = tf.ones((len(POSITIONS), N, N))
    engine.place(patches, where, SHAPE, interpolation="fourier")
    tf.function(lambda y: engine.place(y, where, SHAPE), autograph=False)(patches)
    with tf.GradientTape() as tape:
        tape.watch(image)
        cut = engine.extract(image, where, N, rounding="legacy")
    assert np.abs(tape.gradient(cut, image)).max() > 0
    with tf.autodiff.ForwardAccumulator(where, tf.ones_like(where)) as pushed:
        cut = engine.extract(image, where, N)
    assert np.abs(pushed.jvp(cut)).max() > 0
    assert kernel_calls == []


@pytest.mark.slow
def test_gradients_are_followed_forward():
    """The loss is quadratic in the patches: its gradient changes as itself along them."""
    engine = Engine("chunked_xla")
    patches = tf.random.stateless_normal((len(POSITIONS), N, N), [0, 1])
    with tf.autodiff.ForwardAccumulator(patches, patches) as pushed:
        with tf.GradientTape() as tape:
            tape.watch(patches)
            loss = tf.reduce_sum(engine.place(patches, POSITIONS, SHAPE) ** 2)
        gradient = tape.gradient(loss, patches)
    np.testing.assert_allclose(pushed.jvp(gradient), gradient, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("which", [0, 1])
def test_what_computes_in_numpy_refuses_to_be_followed_forward(image, which):
    engine, given = Engine("numba"), (image, tf.constant(POSITIONS))
    patches = engine.extract(*given, N)
    for call, followed in (
        (lambda: engine.extract(*given, N), given[which]),
        (lambda: engine.place(patches, given[1], SHAPE), (patches, given[1])[which]),
    ):
        accumulator = tf.autodiff.ForwardAccumulator(followed, tf.ones_like(followed))
        with accumulator, pytest.raises(CapabilityError, match=r"ForwardAccumulator.*chunked_xla"):
            call()


@pytest.mark.slow
@pytest.mark.parametrize("layout", ["flat", "channel", "grid"])
def test_arrays_may_stand_beside_tensors(layout):
    flat = np.random.default_rng(0).standard_normal((len(POSITIONS), N, N))
    grouped = {"channel": np.moveaxis(flat, 0, -1)[None], "grid": flat.reshape(1, 2, 2, N, N, 1)}
    patches = grouped.get(layout, flat)
    places = POSITIONS if layout == "flat" else POSITIONS[None]
    for engine in (Engine("batched"), Engine("numba")):
        expected = engine.place(patches, places, SHAPE, layout=layout)
        with tf.GradientTape() as tape:
            where = tf.Variable(places)
            placed = engine.place(patches, where, SHAPE, layout=layout)
            loss = tf.reduce_sum(placed**2)
        np.testing.assert_allclose(placed, expected, rtol=1e-12)
        assert np.abs(tape.gradient(loss, where)).max() > 0
        placed = engine.place(tf.constant(patches), places, SHAPE, layout=layout)
        np.testing.assert_allclose(placed, expected, rtol=1e-12)
