"""Layers in models: built for any batch, saved, loaded, trained."""

import copy
import json
import subprocess
import sys

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow")
keras = pytest.importorskip("keras")

from layer_cases import (
    ELEMENTWISE,
    EXTRACTIONS,
    LOSSES,
    OPTICS,
    PLACEMENTS,
    SHIFTS,
    TRANSLATIONS,
    as_single,
    cast,
    leaves,
    noise,
    rebuild,
)

from ptycho_engine import layers
from ptycho_engine.compilations import compilation_counts
from ptycho_engine.errors import ConfigurationError, RequestError

CASES = [*ELEMENTWISE, *OPTICS, *TRANSLATIONS[-3:], *EXTRACTIONS, *PLACEMENTS]


def named(cases):
    return pytest.mark.parametrize("case", cases, ids=lambda case: case.name)


def weights_of(layer):
    return getattr(layer, "weights", [])  # a loss has none


@pytest.mark.slow_cases("-7", "False")
@named([*CASES, *LOSSES])
def test_configuration_is_complete(case):
    kind = getattr(layers, case.layer)
    layer = kind(**case.arguments, name="mine", dtype="float64")
    config = json.loads(json.dumps(layer.get_config()))
    again = kind.from_config(config)
    assert again.get_config() == layer.get_config()
    assert again.name == "mine"
    for weight, other in zip(weights_of(layer), weights_of(again), strict=True):
        np.testing.assert_array_equal(weight.numpy(), other.numpy())


@pytest.mark.slow_cases("-7", "False", "move-c-3", "place-", "reassemble-")
@named(CASES)
def test_shapes_for_any_batch(case):
    """Symbolic inputs of unknown batch size give the shape and dtype that arrays give."""
    arrays = cast(case, "single")
    layer = getattr(layers, case.layer)(**case.arguments)
    found = layer(arrays)
    inputs = [keras.Input(a.shape[1:], dtype=a.dtype.name) for a in leaves(arrays)]
    output = layer(rebuild(arrays, iter(inputs)))
    assert output.shape == (None, *found.shape[1:])
    assert output.dtype == found.dtype.name
    shapes = [(None, *a.shape[1:]) for a in leaves(arrays)]
    nested = rebuild(arrays, iter(shapes))
    assert layer.compute_output_shape(nested) == output.shape


def test_extraction_of_any_object_and_any_number_of_positions():
    objects = keras.Input((None, None), dtype="complex64")
    positions = keras.Input((None, 2), dtype="float64")
    patches = layers.ExtractPatches(5)([objects, positions])
    assert patches.shape == (None, 5, 5, None)
    model = keras.Model([objects, positions], patches)
    for case in EXTRACTIONS[:1]:
        arrays, where = as_single(case.inputs[0]), case.inputs[1]
        for members in (1, 2):
            found = model([arrays, where[:, :members]])
            np.testing.assert_array_equal(
                found, layers.ExtractPatches(5)([arrays, where[:, :members]])
            )


def test_batches_of_nothing_give_nothing():
    nowhere = np.zeros((0, 2, 2))
    patches = np.zeros((0, 5, 5, 2), np.complex64)
    for found, shape in (
        (layers.ExtractPatches(5)([patches[..., 0], nowhere]), (0, 5, 5, 2)),
        (layers.PlacePatches((9, 8))([patches, nowhere]), (0, 9, 8)),
        (layers.ReassemblePatches((9, 8), "bicubic")([patches, nowhere]), (0, 9, 8)),
    ):
        assert found.shape == shape
        assert found.dtype == "complex64"


HALF = [
    ("ScaledTanh", {}, [noise(1, 4, 4, 1, kind="f")], "float32"),
    ("CombineComplex", {}, [noise(1, 4, 4, 1, kind="f")] * 2, "complex64"),
    ("ProbeIllumination", {"probe": noise(4, 4)}, [noise(1, 4, 4, 1, kind="f")], "complex64"),
    ("IntensityScale", {"initial": 1e9}, [np.ones((1, 4))], "float32"),
    ("CentreMask", {"size": 2}, [noise(1, 4, 4, 1, kind="f")], "float32"),
    ("FarFieldDiffraction", {}, [noise(1, 4, 4, 1, kind="f")], "float32"),
    ("Translation", {}, [noise(3, 4, 4, 1, kind="f"), SHIFTS], "float32"),
    ("ExtractPatches", {"patch_size": 5}, [noise(1, 9, 9, kind="f"), SHIFTS[None]], "float32"),
]


@pytest.mark.parametrize("half", ["float16", "bfloat16"])
@pytest.mark.parametrize(("name", "arguments", "inputs", "dtype"), HALF, ids=[h[0] for h in HALF])
def test_half_precision_is_computed_in_single(name, arguments, inputs, dtype, half):
    """As the single inputs of the same numbers are; weights are kept as the policy says."""
    layer = getattr(layers, name)(dtype=f"mixed_{half}", **arguments)
    halves = [tf.cast(array, half) for array in inputs]
    singles = [tf.cast(array, "float32") for array in halves]
    found, expected = (layer(x if len(x) > 1 else x[0]) for x in (halves, singles))
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, expected)
    assert all(weight.dtype == "float32" for weight in layer.weights)


def test_jitter_moves_in_training_alone_and_by_its_seed():
    images, shifts = np.zeros((500, 9, 9, 1)), np.zeros((1, 2))
    images[:, 4, 4] = 1
    layer = layers.Translation(jitter=0.1, seed=np.int64(3))
    json.dumps(layer.get_config())
    np.testing.assert_array_equal(layer([images, shifts]), images)
    first, second = (layer([images, shifts], training=True).numpy() for _ in range(2))
    again = layers.Translation.from_config(layer.get_config())
    np.testing.assert_array_equal(again([images, shifts], training=True), first)
    assert (first != second).any()
    # How far the centre of mass of each moved: every image, along both axes, as often either way.
    along = np.arange(9) - 4
    by = np.stack([np.einsum(f"byxc,{axis}->b", first, along) for axis in "yx"], axis=1)  # (500, 2)
    assert (by != 0).all()
    np.testing.assert_allclose(by.std(axis=0), 0.1, rtol=0.15)  # five of its standard errors
    assert (abs(by.mean(axis=0)) < 0.025).all()
    assert abs(np.corrcoef(by.T)[0, 1]) < 0.25


def test_patches_of_a_constant_give_it_back():
    """Wherever they lie: nothing is added to the coverage."""
    rng = np.random.default_rng(2)
    where = rng.uniform(-3, 15, (3, 2, 2))
    for dtype in (np.float32, np.complex64):
        patches = np.full((3, 5, 5, 2), 7, dtype)
        found = layers.ReassemblePatches((12, 14))([patches, where]).numpy()
        covered = layers.PlacePatches((12, 14))([patches, where]).numpy() != 0
        assert 20 < covered.sum() < covered.size
        np.testing.assert_allclose(found[covered], 7, rtol=1e-6)
        assert (found[~covered] == 0).all()


def test_probe_of_more_than_double_precision_or_of_any_byte_order():
    for dtype in (np.clongdouble, ">c16"):
        probe = noise(4, 4).astype(dtype)
        layer = layers.ProbeIllumination.from_config(layers.ProbeIllumination(probe).get_config())
        np.testing.assert_array_equal(layer.probe, probe.astype(np.complex64))


def test_a_probe_of_another_size_is_found_out_where_shapes_are_unknown():
    layer = layers.ProbeIllumination(noise(4, 4))
    illuminate = tf.function(layer, [tf.TensorSpec((None,) * 4)])
    with pytest.raises(tf.errors.InvalidArgumentError, match="not compatible"):
        illuminate(np.ones((1, 1, 1, 1), np.float32))


def test_probe_is_what_was_trained():
    probe = noise(4, 4)
    layer = layers.ProbeIllumination(probe, trainable=True)
    assert layer.trainable_weights
    assert not layers.ProbeIllumination(probe).trainable_weights
    np.testing.assert_array_equal(layer.probe, probe.astype(np.complex64))
    layer.parts.assign(2 * layer.parts)
    np.testing.assert_array_equal(layer.probe, 2 * probe.astype(np.complex64))


def test_the_inverse_shares_the_weight():
    scale = layers.IntensityScale(3.0)
    inverse = scale.inverse()
    values = tf.constant([[1.0, 7.0]])
    scale.log_scale.assign(1.5)
    np.testing.assert_allclose(inverse(scale(values)), values, rtol=1e-6)
    np.testing.assert_allclose(inverse(values), values * np.exp(-1.5), rtol=1e-6)
    assert inverse.trainable_weights[0] is scale.log_scale


@pytest.mark.parametrize("inverse_first", [True, False])
def test_a_saved_model_keeps_that_the_weight_is_shared(inverse_first, tmp_path):
    scale = layers.IntensityScale(3.0)
    pair = scale.inverse(), scale
    inputs = keras.Input((3,))
    first, second = pair if inverse_first else pair[::-1]
    model = keras.Model(inputs, second(keras.layers.Dense(2)(first(inputs))))
    scale.log_scale.assign(0.7)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert len(loaded.weights) == len(copy.deepcopy(model).weights) == 3
    values = np.ones((2, 3), np.float32)
    np.testing.assert_array_equal(loaded(values), model(values))
    for again in (
        keras.models.clone_model,
        lambda model: keras.models.model_from_json(model.to_json()),
        lambda model: keras.Model.from_config(model.get_config()),
    ):
        with pytest.warns(UserWarning, match=f"'{pair[0].name}'.*its weight is its own") as said:
            assert len(again(model).weights) == 4
        assert ["\n" in str(each.message) for each in said] == [False]


def test_an_inverse_alone_is_loaded_without_a_word(tmp_path):
    inputs = keras.Input((3,))
    keras.Model(inputs, layers.IntensityScale(3.0).inverse()(inputs)).save(tmp_path / "m.keras")
    assert len(keras.models.load_model(tmp_path / "m.keras").weights) == 1


@pytest.mark.parametrize(
    ("make", "error", "said"),
    [
        (lambda: layers.ScaledTanh(scale=np.nan), ConfigurationError, "scale is nan"),
        (lambda: layers.IntensityScale(0), ConfigurationError, "above zero"),
        (lambda: layers.PoissonNLL(floor=0), ConfigurationError, "above zero"),
        (lambda: layers.PoissonNLL(dtype="float16"), ConfigurationError, "holds no counts"),
        (lambda: layers.FarFieldDiffraction("phase"), ConfigurationError, "amplitude, intensity"),
        (lambda: layers.ProbeIllumination(np.ones((3, 4))), ConfigurationError, r"\(N, N\)"),
        (lambda: layers.ProbeIllumination([[np.inf]]), ConfigurationError, "finite"),
        (lambda: layers.ProbeIllumination("probe"), ConfigurationError, "numbers"),
        (lambda: layers.CentreMask(0), RequestError, "patch_size"),
        (lambda: layers.ExtractPatches(4, fill="error"), RequestError, "reflect"),
        (lambda: layers.ExtractPatches(4, "cubic"), RequestError, "bicubic"),
        (lambda: layers.ExtractPatches(4, layout="flat"), RequestError, "channel"),
        (lambda: layers.CentreMask(5)(noise(1, 4, 4, 1)), RequestError, "at least the size, 5"),
        (lambda: layers.CentreMask(5)(noise(4, 4)), RequestError, r"\(B, N, N, ...\)"),
        (lambda: layers.ProbeIllumination(noise(4, 4))(noise(1, 5, 5, 1)), RequestError, "B, 4, 4"),
        (lambda: layers.FarFieldDiffraction()(noise(5, 5)), RequestError, "4 or 5 axes"),
        (lambda: layers.CombineComplex()(noise(2, 2)), RequestError, "amplitude, phase"),
        (lambda: layers.CombineComplex()([noise(2, 2)] * 2), RequestError, "real tensor"),
        (lambda: layers.ExtractPatches(4)([noise(2, 5, 5), np.zeros((3, 1, 2))]), RequestError,
         "3 sets of positions for a batch of 2"),
        (lambda: layers.ExtractPatches(4)([noise(2, 5, 5), np.zeros((2, 2))]), RequestError,
         r"\(B, C, 2\)"),
        (lambda: layers.ExtractPatches(4)(noise(2, 5, 5)), RequestError, "objects, positions"),
        (lambda: layers.ExtractPatches(4)([[noise(2, 5, 5, kind="f")] * 3, np.zeros((2, 1, 2))]),
         RequestError, "real, imag"),
        (lambda: layers.PlacePatches((4, 0)), RequestError, r"\(H, W\)"),
        (lambda: layers.PlacePatches(4), RequestError, r"\(H, W\)"),
        (lambda: layers.PlacePatches((4, 4), "cubic"), RequestError, "bicubic"),
        (lambda: layers.PlacePatches((4, 4))([noise(2, 5, 5, 3), np.zeros((2, 2, 2))]),
         RequestError, "2 positions for 3 patches"),
        (lambda: layers.PlacePatches((4, 4))([noise(2, 5, 4, 3), np.zeros((2, 3, 2))]),
         RequestError, r"\(B, N, N, C\)"),
        (lambda: layers.ReassemblePatches((4, 4), weights=-np.ones((3, 3))), ConfigurationError,
         "at least 0"),
        (lambda: layers.ReassemblePatches((4, 4), weights=np.ones(3)), ConfigurationError,
         r"\(N, N\)"),
        (lambda: layers.ReassemblePatches((4, 4), weights=np.ones((3, 3)))(
            [noise(2, 5, 5, 1), np.zeros((2, 1, 2))]), RequestError, "Expected one size"),
        (lambda: layers.Translation("fourier"), RequestError, "bicubic, bilinear, nearest"),
        (lambda: layers.Translation(fill="reflect"), RequestError, "edge, zeros"),
        (lambda: layers.Translation(jitter=-1), ConfigurationError, "at least 0"),
        (lambda: layers.Translation()([noise(2, 5, 5, 1), np.zeros(2)]), RequestError, r"\(B, 2\)"),
        (lambda: layers.Translation()([noise(2, 5, 5, 1), np.zeros((3, 2))]), RequestError,
         "3 for 2 images"),
        (lambda: layers.PoissonNLL()(np.ones((2, 3)), np.ones((2, 1))), RequestError, "one shape"),
        (lambda: layers.CentreMask(2)([np.ones((1, 4, 4, 1)), np.ones((1, 4, 4, 2))]), RequestError,
         "Expected one shape"),
        (lambda: layers.CentreMask(2)(None), RequestError, "received NoneType"),
        (lambda: layers.ScaledTanh()(np.array(["a"])), RequestError, "real tensor"),
        (lambda: layers.CombineComplex()([np.ones((2, 3)), np.ones((2, 4))]), RequestError,
         "shapes that broadcast"),
        (lambda: layers.CombineComplex()({"amplitude": np.ones(2)}), RequestError, "received dict"),
        (lambda: layers.ProbeIllumination([[1, 2], [3]]), ConfigurationError, "one length"),
        (lambda: layers.InverseIntensityScale(layers.ScaledTanh()), ConfigurationError,
         "Expected an IntensityScale"),
        (lambda: layers.Translation(seed=1.5), ConfigurationError, "whole number"),
        (lambda: layers.Translation(seed=2**65), ConfigurationError, "whole number"),
        (lambda: layers.PoissonNLL(floor=1e-44), ConfigurationError, "1e-12"),
        (lambda: layers.PoissonNLL()(np.ones(2), noise(2)), RequestError, "real tensor"),
        (lambda: layers.PoissonNLL()(np.ones((2, 3)), np.ones((2, 3)), np.ones(3)), RequestError,
         "first axes"),
        (lambda: layers.PoissonNLL()(np.ones(2), np.ones(2), np.ones((2, 1))), RequestError,
         "first axes"),
        (lambda: layers.ExtractPatches(4)([noise(1, 5, 5), np.full((1, 1, 2), np.nan)]),
         tf.errors.InvalidArgumentError, "not finite"),
    ],
)  # fmt: skip
def test_refusals(make, error, said):
    with pytest.raises(error, match=said):
        make()


@pytest.mark.slow
def test_a_position_that_is_not_finite_gives_nan_where_nothing_can_be_raised():
    cut = tf.function(lambda *x: layers.ExtractPatches(4)(list(x)), jit_compile=True)
    where = np.array([[[2.0, 2.5], [np.inf, 2.0]]])
    patches = cut(tf.constant(np.ones((1, 9, 9), np.float32)), tf.constant(where)).numpy()
    assert np.isnan(patches[..., 1]).all()
    assert np.isfinite(patches[..., 0]).all()


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [np.float32, np.complex64])
@pytest.mark.parametrize("name", ["PlacePatches", "ReassemblePatches"])
def test_so_does_it_where_patches_are_placed_for_its_own_object_alone(name, dtype):
    layer = getattr(layers, name)((9, 9))
    place = tf.function(lambda *x: layer(list(x)), jit_compile=True)
    where = np.array([[[2.0, 2.5], [np.nan, 2.0]], [[2.0, 2.5], [3.0, 2.0]]])
    objects = place(tf.constant(np.ones((2, 4, 4, 2), dtype)), tf.constant(where)).numpy()
    assert np.isnan(objects[0]).all()
    assert np.isfinite(objects[1]).all()


# -- whole models ------------------------------------------------------------------------------


SIZE, SIDE = 8, 20


def autoencoder(jitter=0.05):
    """From patterns to an object, and back to expected patterns: every layer, and convolutions."""
    patterns = keras.Input((SIZE, SIZE, 2))
    positions = keras.Input((2, 2), dtype="float64")
    shifts = keras.Input((2,), dtype="float64")
    scale = layers.IntensityScale(30.0)
    scaled = scale.inverse()(patterns)
    features = keras.layers.Conv2D(4, 3, padding="same", activation="relu")(scaled)
    amplitude = keras.layers.Conv2D(2, 3, padding="same", activation=layers.ScaledTanh(0.5, 0.5))
    phase = layers.ScaledTanh(np.pi)(keras.layers.Conv2D(2, 3, padding="same")(features))
    patches = layers.CombineComplex()([amplitude(features), phase])
    patches = layers.Translation(jitter=jitter, seed=1)([layers.CentreMask(6)(patches), shifts])
    objects = layers.ReassemblePatches((SIDE, SIDE))([patches, positions])
    objects = keras.layers.Add()([objects, layers.PlacePatches((SIDE, SIDE))([patches, positions])])
    again = layers.ExtractPatches(SIZE)([objects, positions])
    waves = layers.ProbeIllumination(noise(2, SIZE, SIZE), trainable=True)(again)
    expected = scale(layers.FarFieldDiffraction("intensity")(waves))
    return keras.Model([patterns, positions, shifts], expected)


def data(count):
    rng = np.random.default_rng(3)
    positions = rng.uniform(-2, SIDE + 2, (count, 2, 2))
    counts = rng.poisson(20, (count, SIZE, SIZE, 2)).astype(np.float32)
    return [counts, positions, rng.uniform(-1, 1, (count, 2))], counts


def trained(inputs, counts, compiled, epochs, jitter=0.05):
    """A model from one seed, and its losses."""
    keras.utils.set_random_seed(0)
    model = autoencoder(jitter)
    model.compile(keras.optimizers.Adam(0.01), layers.PoissonNLL(), jit_compile=compiled)
    history = model.fit(inputs, counts, epochs=epochs, batch_size=4, verbose=0, shuffle=False)
    return model, history.history["loss"]


LOAD = """
import sys
import numpy as np
from ptycho_engine import layers
layers.register()
import keras
model = keras.models.load_model(sys.argv[1])
with np.load(sys.argv[2]) as saved:
    inputs = [saved[name] for name in ("counts", "positions", "shifts")]
    found = model.predict(inputs, verbose=0)
    np.testing.assert_array_equal(found, saved["found"])
    scales = [w for w in model.weights if w.name == "log_scale"]
    assert len(scales) == 1, scales  # of the layer and its inverse
    model.compile(jit_compile=False)
    close = {"rtol": 0, "atol": 1e-5 * abs(found).max()}
    np.testing.assert_allclose(model.predict(inputs, verbose=0), found, **close)
"""


@pytest.mark.slow
def test_a_saved_model_predicts_the_same_bits_in_another_process(tmp_path):
    """And without XLA, if it was saved with it, what differs by rounding alone."""
    inputs, counts = data(8)
    model, _ = trained(inputs, counts, True, epochs=2)
    model.save(tmp_path / "model.keras")
    named = dict(zip(("counts", "positions", "shifts"), inputs, strict=True))
    np.savez(tmp_path / "data.npz", found=model.predict(inputs, verbose=0), **named)
    paths = [str(tmp_path / name) for name in ("model.keras", "data.npz")]
    done = subprocess.run(
        [sys.executable, "-c", LOAD, *paths], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]


def gradient_of(function, values):
    with tf.GradientTape() as tape:
        tape.watch(values)
        output = function(values)
    return tape.gradient(output, values)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["ExtractPatches", "ReassemblePatches"])
def test_an_exported_model_predicts_the_same_and_refuses_gradients(name, tmp_path):
    case = {"ExtractPatches": EXTRACTIONS[0], "ReassemblePatches": PLACEMENTS[2]}[name]
    arrays = cast(case, "single")
    inputs = [keras.Input(a.shape[1:], dtype=a.dtype.name) for a in arrays]
    model = keras.Model(inputs, getattr(layers, name)(**case.arguments)(inputs))
    model.export(tmp_path / "exported", verbose=False)
    serve = tf.saved_model.load(tmp_path / "exported").serve
    values = [tf.constant(array) for array in arrays]
    np.testing.assert_allclose(serve(values), model(values), rtol=0, atol=1e-5)
    with pytest.raises((LookupError, tf.errors.InvalidArgumentError), match=r"(?i)no gradient"):
        gradient_of(serve, values)


@pytest.mark.slow
@pytest.mark.parametrize("policy", ["float32", "mixed_float16"])
def test_training_is_the_same_with_and_without_xla(policy):
    inputs, counts = data(10)
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        # Without jitter: XLA draws other numbers from the same seed.
        losses = [
            trained(inputs, counts, compiled, epochs=5, jitter=0)[1] for compiled in (True, False)
        ]
    finally:
        keras.config.set_dtype_policy(before)
    assert losses[0][-1] < 0.9 * losses[0][0]
    # Half precision has three digits, and another order of sums.
    close = 1e-3 if policy == "float32" else 3e-2
    np.testing.assert_allclose(losses[0], losses[1], rtol=close)


@pytest.mark.slow
@pytest.mark.parametrize("compiled", [True, False])
def test_further_epochs_compile_nothing_anew(compiled):
    inputs, counts = data(8)
    model, _ = trained(inputs, counts, compiled, epochs=1)
    before = compilation_counts()["xla"]
    model.fit(inputs, counts, epochs=3, batch_size=4, verbose=0)
    assert compilation_counts()["xla"] == before > 0


UNKNOWN = {
    "ExtractPatches": (tf.TensorSpec((None, 5, 6)), tf.TensorSpec((None, 2, 2))),
    "PlacePatches": (tf.TensorSpec((None, 3, 3, None)), tf.TensorSpec((None, None, 2))),
    "ReassemblePatches": (tf.TensorSpec((None, 3, 3, None)), tf.TensorSpec((None, None, 2))),
}


def in_a_graph(name, **how):
    """A layer in a function that knows neither the batch nor the members."""
    first = 3 if name == "ExtractPatches" else (5, 6)
    layer = getattr(layers, name)(first, **how)
    return tf.function(lambda a, b: layer([a, b]), input_signature=UNKNOWN[name], autograph=False)


@pytest.mark.parametrize("fill", ["zeros", "reflect"])
@pytest.mark.parametrize("name", UNKNOWN)
def test_batches_of_nothing_give_nothing_in_graphs(name, fill):
    function = in_a_graph(name, fill=fill)
    shape = (5, 6) if name == "ExtractPatches" else (3, 3, 2)
    found = function(tf.zeros((0, *shape)), tf.zeros((0, 2, 2)))
    assert found.shape == (0, *((3, 3, 2) if name == "ExtractPatches" else (5, 6)))
    assert function(tf.ones((2, *shape)), tf.ones((2, 2, 2))).shape[0] == 2


@pytest.mark.parametrize("name", UNKNOWN)
def test_patches_of_another_number_than_positions_are_refused_in_graphs(name):
    function = in_a_graph(name)
    batch = tf.ones((2, 5, 6)) if name == "ExtractPatches" else tf.ones((1, 3, 3, 1))
    with pytest.raises(
        tf.errors.InvalidArgumentError, match=r"Expected one for each (row of )?position"
    ):
        function(batch, tf.ones((1, 2, 2)))
