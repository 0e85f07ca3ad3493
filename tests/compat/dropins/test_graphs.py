"""The drop-ins inside ``tf.function`` and in models, where shapes are unknown until they run."""

import numpy as np
import pytest

from ptycho_engine import compat
from ptycho_engine.errors import CompatError

tf = pytest.importorskip("tensorflow")

pytestmark = pytest.mark.filterwarnings("ignore::ptycho_engine.RemovedIn2Warning")

RNG = np.random.default_rng(0)
N, SIDE, GROUPS, CANVAS = 6, 2, 3, 12


def normal(*shape):
    return (RNG.normal(size=shape) + 1j * RNG.normal(size=shape)).astype(np.complex64)


CANVASES = normal(GROUPS, CANVAS, CANVAS, 1)
OFFSETS = RNG.uniform(-2, 2, (GROUPS, 1, 2, SIDE**2)).astype(np.float32)
PATCHES = normal(GROUPS, N, N, SIDE**2)
FLAT = normal(GROUPS * SIDE**2, N, N, 1)
GRID = normal(GROUPS, SIDE, SIDE, N, N, 1)
MOVES = RNG.uniform(-2, 2, (GROUPS, 2)).astype(np.float32)
POSITIONS = RNG.uniform(-3, 3, (GROUPS * SIDE**2, 1, 2, 1))
MATRICES = (np.eye(3) + 0.01).astype(np.float32)[None].repeat(GROUPS, 0)

CALLS = {
    "_channel_to_flat": (lambda x: compat._channel_to_flat(x), [PATCHES]),
    "_flat_to_channel": (lambda x: compat._flat_to_channel(x, N, SIDE), [FLAT]),
    "_togrid": (lambda x: compat._togrid(x, SIDE, N), [FLAT]),
    "_fromgrid": (lambda x: compat._fromgrid(x, N), [GRID]),
    "_grid_to_channel": (lambda x: compat._grid_to_channel(x, SIDE), [GRID]),
    "_channel_to_patches": (lambda x: compat._channel_to_patches(x, N, SIDE), [PATCHES]),
    "flatten_offsets": (lambda x: compat.flatten_offsets(x), [OFFSETS]),
    "translate": (lambda x, t: compat.translate(x, t), [CANVASES, MOVES]),
    "translate_core": (lambda x, t: compat.translate_core(x, t), [CANVASES, MOVES]),
    "translate_xla": (lambda x, t: compat.translate_xla(x, t), [CANVASES, MOVES]),
    "Translation": (lambda x, t: compat.Translation()([x, t]), [CANVASES, MOVES]),
    "extract_patches_position": (
        lambda x, o: compat.extract_patches_position(x, o, 0.0, N, SIDE),
        [CANVASES, OFFSETS],
    ),
    "projective_warp_xla": (
        lambda x, m: compat.projective_warp_xla(x, m, fill_mode="zeros"),
        [CANVASES.real, MATRICES],
    ),
    "projective_warp_xla_jit": (
        lambda x, m: compat.projective_warp_xla_jit(x, m),
        [CANVASES.real, MATRICES],
    ),
    "tfa_params_to_3x3": (
        lambda p: compat.tfa_params_to_3x3(p),
        [MATRICES.reshape(GROUPS, 9)[:, :8]],
    ),
    "shift_and_sum": (lambda x, o: compat.shift_and_sum(x, o, 4, 5, N), [FLAT, POSITIONS]),
    "reassemble_position": (
        lambda x, o: compat.reassemble_position(x, o, 4, 5, N),
        [FLAT, POSITIONS],
    ),
}
KNOWLEDGE = {
    "shapes": lambda x: x.shape,
    "all but the batch": lambda x: (None, *x.shape[1:]),
    "the rank alone": lambda x: (None,) * x.ndim,
    "nothing": lambda x: None,
}


CASES = [(name, known) for name in CALLS for known in KNOWLEDGE]
CASES.remove(("Translation", "nothing"))  # Keras itself wants the rank


@pytest.mark.slow_cases(
    "all but the batch", "the rank alone", "translate-shapes", "shift_and_sum-shapes",
    "extract_patches_position-shapes", "projective_warp_xla_jit-shapes", "shift_and_sum-nothing",
    "reassemble_position-shapes",
)  # fmt: skip
@pytest.mark.parametrize(("name", "known"), CASES)
def test_inside_a_function_the_numbers_are_those_outside(name, known):
    call, given = CALLS[name]
    signature = [tf.TensorSpec(KNOWLEDGE[known](x), x.dtype) for x in given]
    inside = tf.function(call, input_signature=signature)(*map(tf.constant, given))
    np.testing.assert_allclose(inside, call(*given), rtol=0, atol=1e-5)


@pytest.mark.parametrize("unknown", [0, 1])
def test_extraction_with_the_batch_of_one_input_unknown(unknown):
    call, given = CALLS["extract_patches_position"]
    shapes = [(None, *x.shape[1:]) if i == unknown else x.shape for i, x in enumerate(given)]
    signature = [tf.TensorSpec(s, x.dtype) for s, x in zip(shapes, given, strict=True)]
    inside = tf.function(call, input_signature=signature)(*map(tf.constant, given))
    np.testing.assert_allclose(inside, call(*given), rtol=0, atol=1e-5)


def test_members_that_cannot_fit_are_refused_when_the_function_is_traced():
    call, (canvases, offsets) = CALLS["extract_patches_position"]
    signature = tf.TensorSpec((None, *canvases.shape[1:]), canvases.dtype)
    with pytest.raises(CompatError, match="offsets for each of"):
        tf.function(
            lambda x: call(x, offsets[..., :1]), input_signature=[signature], autograph=False
        )(canvases)


@pytest.mark.slow
@pytest.mark.parametrize("jit", [False, True])
def test_a_model_that_extracts_by_position_is_fitted_and_predicts(jit):
    import keras

    class Extracting(keras.layers.Layer):
        def call(self, inputs):
            return tf.abs(compat.extract_patches_position(*inputs, 0.0, N, SIDE))

        def compute_output_shape(self, shapes):
            return (None, N, N, 1)

    class Scaling(keras.layers.Layer):
        def build(self, shape):
            self.scale = self.add_weight(shape=(), initializer="ones")

        def call(self, inputs):
            return inputs * self.scale

    images, offsets = keras.Input((CANVAS, CANVAS, 1)), keras.Input((1, 2, SIDE**2))
    model = keras.Model([images, offsets], Extracting()([Scaling()(images), offsets]))
    given = [CANVASES.real, OFFSETS]
    expected = np.abs(compat.extract_patches_position(*given, 0.0, N, SIDE))
    np.testing.assert_allclose(model.predict(given, verbose=0), expected, atol=1e-5)
    model.compile(optimizer="sgd", loss=lambda y, p: tf.reduce_sum(p) + 0 * tf.reduce_sum(y),
                  jit_compile=jit)  # fmt: skip
    history = model.fit(given, CANVASES.real, batch_size=2, epochs=2, verbose=0)
    first, second = history.history["loss"]
    assert second < first
