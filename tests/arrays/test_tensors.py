"""Tensors in, tensors out: eager, in graphs of known and unknown shapes, with gradients."""

import inspect

import numpy as np
import pytest

from ptycho_engine import Capabilities, Engine, hookimpl
from ptycho_engine.errors import OutOfBoundsError, RequestError
from ptycho_engine.testing import assert_close, tolerance

tf = pytest.importorskip("tensorflow")

PLUGINS = {"chunked_xla": {"chunk_size": 4}, "batched": {"batch_size": 4}, "iterative": {}}
DTYPES = ["float32", "float64", "complex64", "complex128"]
POSITIONS = np.array(
    [[4.25, 5.5], [3.0, 6.0], [2.875, 7.125], [6.5, 2.25], [-0.5, 3.0], [8.75, 11.5], [1e6, 2.0],
     [-5.0, -40.25]]
)  # fmt: skip

pytestmark = [
    pytest.mark.filterwarnings("ignore:The plugin 'iterative':FutureWarning"),
    # The conformance suite gives them tensors, too.
    pytest.mark.slow_cases("iterative", "batched"),
    pytest.mark.drawn,
]


@pytest.fixture(params=PLUGINS)
def engine(request):
    return Engine(request.param, options=PLUGINS[request.param])


@pytest.fixture(params=["chunked_xla", "batched"])
def differentiable(request):
    return Engine(request.param, options=PLUGINS[request.param])


def noise(dtype="float32", shape=(9, 12), seed=0):
    rng = np.random.default_rng(seed)
    values = rng.standard_normal(shape) + 1j * rng.standard_normal(shape)
    return (values if np.dtype(dtype).kind == "c" else values.real).astype(dtype)


def spec(shape, dtype):
    return tf.TensorSpec(shape, dtype)


# -- the same numbers as arrays give ---------------------------------------------------------


@pytest.mark.slow_cases("legacy")
@pytest.mark.parametrize("fill", ["zeros", "edge", "reflect"])
@pytest.mark.parametrize("rounding", ["exact", "legacy"])
def test_eager(engine, fill, rounding):
    for dtype, interpolation in zip(DTYPES, ("bilinear", "nearest") * 2, strict=True):
        image = noise(dtype)
        how = {"fill": fill, "rounding": rounding, "interpolation": interpolation}
        patches = engine.extract(tf.constant(image), tf.constant(POSITIONS), 4, **how)
        assert isinstance(patches, tf.Tensor)
        assert patches.dtype.name == dtype
        assert_close(patches, engine.extract(image, POSITIONS, 4, **how), image)


@pytest.mark.slow_cases("lead1", "lead2", "grid")
@pytest.mark.parametrize("layout", ["flat", "channel", "grid"])
@pytest.mark.parametrize("lead", [(), (2,), (2, 3), (0,)])
def test_layouts_and_leading_axes(engine, layout, lead):
    image = noise("complex64", (*lead, 9, 12))
    positions = POSITIONS if layout == "flat" else POSITIONS.reshape(2, 4, 2)
    expected = engine.extract(image, positions, 4, layout=layout)
    eager = engine.extract(tf.constant(image), tf.constant(positions), 4, layout=layout)
    assert_close(eager, expected, image)

    @tf.function
    def cut(image, positions):
        patches = engine.extract(image, positions, 4, layout=layout)
        assert patches.shape == expected.shape  # known before the run
        return patches

    assert_close(cut(image, positions), expected, image)


@pytest.mark.slow_cases("edge", "batched-zeros")
@pytest.mark.parametrize("fill", ["zeros", "edge", "reflect"])
def test_graph_of_unknown_sizes(engine, fill):
    @tf.function(input_signature=[spec((None, None), tf.complex64), spec((None, 2), tf.float64)])
    def cut(image, positions):
        patches = engine.extract(image, positions, 4, fill=fill)
        assert patches.shape.as_list() == [None, 4, 4]
        return patches

    for shape, count in (((9, 12), 8), ((16, 5), 3), ((9, 12), 0), ((1, 1), 5)):
        image, positions = noise("complex64", shape), POSITIONS[:count]
        expected = engine.extract(image, positions, 4, fill=fill)
        assert_close(cut(image, positions), expected, image)


@pytest.mark.slow_cases("grid", "batched-flat")
@pytest.mark.parametrize("layout", ["flat", "channel", "grid"])
def test_graph_of_unknown_batch(engine, layout):
    grouped = (None, 2) if layout == "flat" else (None, 4, 2)
    signature = [spec((None, 9, None), tf.float32), spec(grouped, tf.float64)]

    @tf.function(input_signature=signature)
    def cut(image, positions):
        return engine.extract(image, positions, 4, layout=layout)

    positions = POSITIONS if layout == "flat" else POSITIONS.reshape(2, 4, 2)
    for lead in (3, 1):
        image = noise("float32", (lead, 9, 12))
        expected = engine.extract(image, positions, 4, layout=layout)
        assert_close(cut(image, positions), expected, image)


@pytest.mark.slow_cases("batched")
def test_inside_a_function_compiled_by_xla(engine):
    image = noise("complex64")
    for fill in ("zeros", "reflect"):

        @tf.function(jit_compile=True)
        def cut(image, positions, fill=fill):
            return 2 * engine.extract(image, positions, 4, fill=fill)

        expected = 2 * engine.extract(image, POSITIONS, 4, fill=fill)
        assert_close(cut(tf.constant(image), tf.constant(POSITIONS)), expected, 2 * image)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "int64"])
def test_dtypes_of_positions(engine, dtype):
    positions = np.array([[2, 3], [5, 6]]).astype(dtype)
    expected = engine.extract(noise(), positions, 4)
    np.testing.assert_array_equal(engine.extract(noise(), tf.constant(positions), 4), expected)


@pytest.mark.slow
def test_tensors_mixed_with_arrays(engine):
    image, expected = noise(), engine.extract(noise(), POSITIONS, 4)
    for one, other in ((image, tf.constant(POSITIONS)), (tf.constant(image), POSITIONS),
                       (tf.constant(image), POSITIONS.tolist()), (tf.Variable(image), POSITIONS),
                       (image, tf.Variable(POSITIONS))):  # fmt: skip
        patches = engine.extract(one, other, 4)
        assert isinstance(patches, tf.Tensor)
        assert_close(patches, expected, image)
    cut = tf.function(lambda positions: engine.extract(image, positions, 4))
    assert_close(cut(tf.constant(POSITIONS)), expected, image)
    variable = tf.Variable(image)
    cut = tf.function(lambda positions: engine.extract(variable, positions, 4))
    assert_close(cut(tf.constant(POSITIONS)), expected, image)
    variable.assign(2 * image)
    assert_close(cut(tf.constant(POSITIONS)), 2 * expected, 2 * image)


def test_arrays_inside_a_function_are_cut_while_it_is_traced(engine):
    image, expected = noise(), engine.extract(noise(), POSITIONS, 4)
    cut = tf.function(lambda factor: factor * engine.extract(image, POSITIONS, 4))
    assert_close(cut(tf.constant(2.0)), 2 * expected, 2 * image)


def test_functions_run_eagerly_give_the_same(differentiable):
    cut = tf.function(lambda i, p: differentiable.extract(i, p, 4))
    expected = cut(noise(), POSITIONS)
    tf.config.run_functions_eagerly(True)
    try:
        assert_close(cut(tf.constant(noise()), tf.constant(POSITIONS)), expected, noise())
    finally:
        tf.config.run_functions_eagerly(False)


def test_autograph_leaves_the_engine_alone():
    converted = set()

    class Spy:
        @hookimpl
        def plugin_capabilities(self):
            return Capabilities(arrays=frozenset({"numpy", "tensorflow"}))

        @hookimpl
        def extract_patches(self, request):
            for frame in inspect.stack():
                if "autograph_generated" in frame.filename and "tf__" in frame.function:
                    converted.add(frame.function)
            return tf.zeros((8, 4, 4))

    engine = Engine(Spy())

    @tf.function
    def cut(image, positions):
        return engine.extract(image, positions, 4)

    cut(noise(), POSITIONS)
    # The function above is converted, except where AutoGraph does not know the Python version.
    assert not {"tf__extract", "tf__build_request", "tf___extract_native"} & converted


# -- what is refused -------------------------------------------------------------------------


def test_nan_positions_raise(engine):
    bad = POSITIONS.copy()
    bad[5, 1] = np.nan
    with pytest.raises(RequestError, match="index 5"):
        engine.extract(tf.constant(noise()), tf.constant(bad), 4)
    cut = tf.function(lambda image, positions: engine.extract(image, positions, 4))
    for value in (np.nan, np.inf):
        bad[5, 1] = value
        with pytest.raises(tf.errors.InvalidArgumentError, match="positions: NaN or infinite"):
            cut(noise(), bad)


def test_fill_error(engine):
    inside, outside = np.array([[4.0, 5.5], [2.0, 9.5]]), np.array([[4.0, 5.5], [2.0, 10.5]])
    image = tf.constant(noise())
    expected = engine.extract(noise(), inside, 4)
    assert_close(engine.extract(image, tf.constant(inside), 4, fill="error"), expected, noise())
    with pytest.raises(OutOfBoundsError, match="index 1"):
        engine.extract(image, tf.constant(outside), 4, fill="error")
    cut = tf.function(
        lambda i, p: engine.extract(i, p, 4, fill="error"),
        input_signature=[spec((None, None), tf.float32), spec((None, 2), tf.float64)],
    )
    assert_close(cut(image, inside), expected, noise())
    with pytest.raises(tf.errors.InvalidArgumentError, match="out of bounds"):
        cut(image, outside)


@pytest.mark.parametrize("rounding", ["exact", "legacy"])
def test_fill_error_judges_the_position_used(differentiable, rounding):
    # Beyond the last pixel by less than float32 can tell.
    position = np.array([[4.0, 10.0 + 1e-9]])  # the last sample of the patch is at 11 + 1e-9
    how = {"fill": "error", "rounding": rounding}
    cut = tf.function(lambda p: differentiable.extract(noise(), p, 4, **how), autograph=False)
    for call in (lambda: cut(position), lambda: cut.python_function(position)):
        if rounding == "legacy":
            assert call().shape == (1, 4, 4)
        else:
            with pytest.raises((tf.errors.InvalidArgumentError, OutOfBoundsError)):
                call()


@pytest.mark.parametrize(
    ("image", "positions", "message"),
    [
        (tf.zeros((9, 12), tf.int32), POSITIONS, "image: received dtype int32"),
        (tf.zeros((9, 12), tf.float16), POSITIONS, "image: received dtype float16"),
        (tf.zeros((9,)), POSITIONS, r"image: received shape \(9,\)"),
        (tf.zeros((9, 12)), tf.zeros((3,)), r"positions: received shape \(3,\)"),
        (tf.zeros((9, 12)), tf.zeros((2, 4, 2)), "layout"),
        (tf.zeros((9, 12)), tf.zeros((2, 2), tf.complex64), "positions: received dtype complex64"),
        (tf.zeros((9, 12)), tf.zeros((2, 2), tf.bool), "positions: received dtype bool"),
    ],
)
def test_refused_tensors(engine, image, positions, message):
    with pytest.raises(RequestError, match=message):
        engine.extract(image, positions, 4)


def test_refused_signatures(engine):
    def trace(function, shape):  # AutoGraph would raise its own class, with the same message
        signature = [spec(shape, tf.float32)]
        tf.function(function, input_signature=signature, autograph=False).get_concrete_function()

    with pytest.raises(RequestError, match="unknown rank"):
        trace(lambda image: engine.extract(image, POSITIONS, 4), None)
    with pytest.raises(RequestError, match="positions: received shape None"):
        trace(lambda positions: engine.extract(noise(), positions, 4), None)
    with pytest.raises(RequestError, match="known before the run"):
        trace(lambda p: engine.extract(noise(), p, 4, layout="channel"), (None, None, 2))
    with pytest.raises(Exception, match="patch_size: received 0"):
        tf.function(lambda image: engine.extract(image, POSITIONS, 0))(noise())


def test_out_and_stream_take_arrays_only(engine):
    with pytest.raises(RequestError, match="out: cannot receive tensors"):
        engine.extract(tf.constant(noise()), POSITIONS, 4, out=np.empty((8, 4, 4), np.float32))
    with pytest.raises(RequestError, match="stream: takes NumPy arrays"):
        engine.stream(tf.constant(noise()), POSITIONS, 4)


# -- gradients -------------------------------------------------------------------------------


@pytest.mark.parametrize("fill", ["zeros", "edge", "reflect"])
@pytest.mark.parametrize("interpolation", ["bilinear", "nearest"])
def test_gradient_of_image_is_the_adjoint(differentiable, fill, interpolation):
    how = {"fill": fill, "interpolation": interpolation}
    for dtype in ("float64", "complex128") if interpolation == "bilinear" else ("complex128",):
        image = tf.constant(noise(dtype))
        upstream = noise(dtype, (8, 4, 4), seed=1)
        with tf.GradientTape() as tape:
            tape.watch(image)
            patches = differentiable.extract(image, POSITIONS, 4, **how)
            loss = tf.math.real(tf.reduce_sum(np.conj(upstream) * patches))
        adjoint = tape.gradient(loss, image).numpy()
        forward = np.vdot(upstream, patches).real
        assert np.vdot(adjoint, image).real == pytest.approx(forward, abs=1e-10)


@pytest.mark.slow_cases("legacy", "reflect-graph", "chunked_xla-edge")
@pytest.mark.parametrize("rounding", ["exact", "legacy"])
@pytest.mark.parametrize(
    ("fill", "wrap"),
    [
        ("zeros", lambda f: f),
        ("edge", lambda f: f),
        ("reflect", lambda f: f),
        ("reflect", tf.function),
    ],
    ids=["zeros", "edge", "reflect", "reflect-graph"],
)
def test_gradient_of_positions_is_the_slope(differentiable, fill, rounding, wrap):
    image = noise("float64")
    weights = noise("float64", (4, 4), seed=2)
    positions = np.array([[4.25, 5.5], [3.375, 6.125], [-0.75, 2.125], [9.5, 12.5], [40.5, 3.5]])

    def total(positions):
        patches = differentiable.extract(image, positions, 4, fill=fill, rounding=rounding)
        return tf.reduce_sum(weights * patches, (1, 2))

    def slopes(positions):
        with tf.GradientTape() as tape:
            tape.watch(positions)
            loss = total(positions)
        return tape.gradient(loss, positions)

    gradient = wrap(slopes)(tf.constant(positions))
    step = 2.0**-7  # a float32 number: legacy positions are rounded to float32
    bound = 1e-9 if rounding == "exact" else 1e-5  # their gradient passes through float32
    for axis in (0, 1):
        shift = step * np.eye(2)[axis]
        expected = (total(positions + shift) - total(positions - shift)) / (2 * step)
        np.testing.assert_allclose(gradient[:, axis], expected, atol=bound)


def test_gradient_at_whole_positions_is_the_slope_ahead(differentiable):
    image = noise("float64")
    position = tf.constant([[4.0, 6.0]])
    with tf.GradientTape() as tape:
        tape.watch(position)
        sample = differentiable.extract(tf.constant(image), position, 1)
    slope = [[image[5, 6] - image[4, 6], image[4, 7] - image[4, 6]]]
    np.testing.assert_allclose(tape.gradient(sample, position), slope, rtol=1e-6)


def test_nan_beside_a_whole_position_stays_out_of_the_image_gradient(differentiable):
    image = noise("float64")
    image[4, 7] = np.nan
    source = tf.constant(image)
    with tf.GradientTape() as tape:
        tape.watch(source)
        loss = tf.reduce_sum(differentiable.extract(source, [[4.0, 5.0]], 3))
    expected = np.zeros((9, 12))
    expected[3:6, 4:7] = 1
    np.testing.assert_array_equal(tape.gradient(loss, source), expected)


@pytest.mark.slow
def test_gradients_in_graphs_of_unknown_sizes(differentiable):
    @tf.function(input_signature=[spec((None, None), tf.complex128), spec((None, 2), tf.float64)])
    def gradients(image, positions):
        with tf.GradientTape() as tape:
            tape.watch([image, positions])
            loss = tf.reduce_sum(tf.abs(differentiable.extract(image, positions, 4)) ** 2)
        return tape.gradient(loss, [image, positions])

    image, positions = tf.constant(noise("complex128")), tf.constant(POSITIONS)
    with tf.GradientTape() as tape:
        tape.watch([image, positions])
        loss = tf.reduce_sum(tf.abs(differentiable.extract(image, positions, 4)) ** 2)
    eager = tape.gradient(loss, [image, positions])
    for one, other in zip(gradients(image, positions), eager, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-9)


@pytest.mark.slow
def test_gradient_inside_a_function_compiled_by_xla(differentiable):
    image = noise("float64")

    @tf.function(jit_compile=True)
    def gradient(image, positions):
        with tf.GradientTape() as tape:
            tape.watch(image)
            loss = tf.reduce_sum(differentiable.extract(image, positions, 4) ** 2)
        return tape.gradient(loss, image)

    source = tf.constant(image)
    with tf.GradientTape() as tape:
        tape.watch(source)
        loss = tf.reduce_sum(differentiable.extract(source, POSITIONS, 4) ** 2)
    found = gradient(source, tf.constant(POSITIONS))
    np.testing.assert_allclose(found, tape.gradient(loss, source), atol=1e-12)


@pytest.mark.slow
def test_in_a_keras_layer(differentiable):
    class Cut(tf.keras.layers.Layer):
        def build(self, _):
            start = tf.keras.initializers.Constant(noise())
            self.object = self.add_weight(shape=(9, 12), initializer=start, name="object")

        def call(self, positions):
            image = tf.convert_to_tensor(self.object)
            return differentiable.extract(image, positions, 4, layout="channel")

    inputs = tf.keras.Input((4, 2), dtype="float64")
    layer = Cut(dtype="float64")
    model = tf.keras.Model(inputs, layer(inputs))
    positions = POSITIONS.reshape(2, 4, 2)
    expected = differentiable.extract(noise(), positions, 4, layout="channel")
    assert_close(model(positions), expected.astype(np.float64), noise().astype(np.float32))
    model.compile(optimizer=tf.keras.optimizers.SGD(0.1), loss="mse")
    before = layer.object.numpy().copy()
    history = model.fit(positions, np.zeros_like(expected), epochs=3, verbose=0, batch_size=2)
    assert history.history["loss"][-1] < history.history["loss"][0]
    assert not np.array_equal(layer.object.numpy(), before)


def test_float32_patches_from_tensors_are_exact_too(engine):
    # Fractions are taken in float64, before anything is rounded to float32.
    image = noise("float32", (1, 4000))
    position = np.array([[0.0, 3000.1]])
    truth = 0.9 * image[0, 3000].astype(float) + 0.1 * image[0, 3001]
    patch = engine.extract(tf.constant(image), tf.constant(position), 1)
    assert abs(float(patch[0, 0, 0]) - truth) < tolerance(image)
