"""What the drop-ins keep of legacy behaviour, and what they refuse."""

import inspect
import sys
import zipfile
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from ptycho_engine import compat
from ptycho_engine.compat.params import ambient
from ptycho_engine.errors import CompatError

tf = pytest.importorskip("tensorflow")

pytestmark = pytest.mark.filterwarnings("ignore::ptycho_engine.RemovedIn2Warning")

RNG = np.random.default_rng(0)
IMAGE = (RNG.normal(size=(20, 24)) + 1j * RNG.normal(size=(20, 24))).astype(np.complex64)
CENTRES = np.array([[10.25, 8.5], [3.0, 15.75]]).reshape(2, 1, 2, 1)
NONE = np.zeros((2, 1, 2, 1))


def cut(image=IMAGE, centres=CENTRES, local=NONE, n=4, gridsize=1, **more):
    return compat.get_image_patches(image, centres, local, n, gridsize, **more).numpy()


@pytest.fixture
def installed(monkeypatch):
    """A PtychoPINN that the program has imported."""
    module = ModuleType("ptycho.params")
    module.cfg = {"N": 4, "gridsize": 1, "unheard_of": 1}
    monkeypatch.setitem(sys.modules, "ptycho.params", module)
    return module.cfg


def test_sizes_come_from_the_argument_then_config_then_the_imported_parameters(installed):
    installed["N"] = 6
    dataclass = SimpleNamespace(model=SimpleNamespace(N=8, gridsize=1))
    sizes = {
        tuple(cut(n=5, gridsize=None, config=dataclass).shape): 5,
        tuple(cut(n=None, gridsize=None, config=dataclass).shape): 8,
        tuple(cut(n=None, gridsize=None, config={"N": "7"}).shape): 7,
        tuple(cut(n=None, gridsize=None).shape): 6,
    }
    assert sizes == {(2, n, n, 1): n for n in (5, 8, 7, 6)}


def test_without_any_source_the_error_says_where_to_put_the_size(monkeypatch):
    monkeypatch.delitem(sys.modules, "ptycho.params", raising=False)
    with pytest.raises(CompatError, match=r"N: not given.*ptycho\.params is not imported.*N="):
        cut(n=None)
    with pytest.raises(CompatError, match="gridsize: not given"):
        compat._togrid(np.zeros((4, 2, 2, 1)), N=2)
    assert "ptycho" not in sys.modules


@pytest.mark.parametrize("bad", [0, -1, 2.5, "many", True + 0.5])
def test_wrong_sizes_are_refused(bad):
    with pytest.raises(CompatError, match="N: received"):
        cut(n=bad)


def test_members_are_mirrored_about_their_mean():
    ramp = np.broadcast_to(np.arange(40, dtype=np.float32), (40, 40))
    coords = np.array([[10.0, 14.0, 18.0, 26.0], [20.0] * 4]).reshape(1, 1, 2, 4)
    means, relative = compat.get_relative_coords(coords)
    patches = cut(ramp, means, relative, n=4, gridsize=2)
    np.testing.assert_allclose(patches[0, 2, 2].real, 2 * 17 - coords[0, 0, 0], atol=1e-5)


def test_dtypes_follow_legacy_rules():
    assert compat.get_relative_coords(np.ones((1, 1, 2, 4), np.float32))[1].dtype == np.float32
    assert compat.get_relative_coords(np.ones((1, 1, 2, 4), int))[1].dtype == np.float64
    for dtype in (np.float16, np.float32, np.float64):
        patches = cut(IMAGE.real.astype(dtype))
        assert patches.dtype == np.complex64
        assert not patches.imag.any()
    for dtype in (int, bool):
        with pytest.raises(CompatError, match="gt_image: received dtype"):
            cut(IMAGE.real.astype(dtype))
    images, moves = IMAGE[None, :, :, None], np.ones((1, 2))
    wide = images.astype(np.complex128)
    assert compat.translate(wide, moves).dtype == tf.complex64
    assert compat.translate_core(wide, moves).dtype == tf.complex128
    with pytest.raises(CompatError, match="int64"):
        compat.translate_xla(images.real.astype(int), moves)


def test_offsets_that_are_no_numbers_give_patches_of_nan():
    centres = CENTRES.copy()
    centres[1, 0, 0, 0] = np.nan
    patches = cut(centres=centres)
    assert np.isnan(patches[1].real).all()
    assert np.isnan(patches[1].imag).all()
    np.testing.assert_array_equal(patches[0], cut()[0])
    assert not cut(IMAGE.real, centres=centres)[1].imag.any()
    centres[1, 0, 0, 0] = 1e300  # infinite in float32
    assert np.isnan(cut(centres=centres)[1]).all()


def test_far_offsets_give_zeros():
    assert not cut(centres=np.full((2, 1, 2, 1), 3e9)).any()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"image": IMAGE[..., None]}, "gt_image: received shape"),
        ({"centres": CENTRES.reshape(2, 2)}, "global_offsets: received shape"),
        ({"local": NONE.reshape(2, 1, 1, 2)}, "local_offsets: received shape"),
        ({"local": np.zeros((3, 1, 2, 1))}, "local_offsets: received shape"),
        ({"gridsize": 2}, "2 for 2 groups of gridsize"),
    ],
)
def test_other_shapes_are_refused(arguments, words):
    with pytest.raises(CompatError, match=words):
        cut(**arguments)


def test_masked_values_are_refused_since_the_mask_would_be_lost():
    image, centres = (np.ma.masked_array(a, mask=False) for a in (IMAGE, CENTRES))
    np.testing.assert_array_equal(cut(image, centres), cut())
    flat = np.ma.masked_array(np.ones((2, 8, 8, 1), np.complex64), mask=False)
    image[3, 4], centres[0, 0, 0, 0], flat[0, 1, 1, 0] = [np.ma.masked] * 3
    scan = SimpleNamespace(xcoords=centres[:, 0, 0, 0], ycoords=CENTRES[:, 0, 1, 0], diff3d=flat)
    for call, name in (
        (lambda: cut(image), "gt_image"),
        (lambda: cut(centres=centres), "global_offsets"),
        (lambda: compat.get_relative_coords(centres), "coords_nn"),
        (lambda: compat.generate_grouped_data(scan, 8, gridsize=1), "xcoords"),
        (lambda: compat.shift_and_sum(flat, NONE, 4), "obj_tensor"),
        (lambda: compat.shift_and_sum(flat.filled(1), centres, 4), "global_offsets"),
        (lambda: compat._fromgrid(flat, 8), "img"),
        (lambda: compat.translate(flat, np.zeros((2, 2))), "images"),
        (lambda: compat.Translation()([flat, np.zeros((2, 2))]), "inputs"),
    ):
        with pytest.raises(CompatError, match=f"{name}: 1 values are masked"):
            call()


def test_doubtful_offsets_are_told_as_their_caller_knows_them(caplog):
    """Exchanged: legacy offsets are [x, y], and its object is called gt_image."""
    wide = np.ones((20, 200), np.complex64)
    cut(wide, np.array([[10.0, 150.0], [8.0, 100.0]]).reshape(2, 1, 2, 1))
    (line,) = [text for text in caplog.messages if "warning" in text]
    assert "2 of the patches leave the object, 200 wide and 20 high" in line
    assert "with x and y exchanged, none would. Expected [x, y]" in line
    assert "(y, x)" not in line
    assert "geometry." not in line


def test_too_many_members_warn_and_use_the_first_as_legacy_code_does():
    local = RNG.normal(size=(2, 1, 2, 4))
    with pytest.warns(compat.CompatWarning, match="check gridsize"):
        patches = cut(local=local)
    flat = np.moveaxis((CENTRES + local)[:, 0], 2, 1).reshape(-1, 2)[:2]
    np.testing.assert_array_equal(patches, cut(centres=flat.reshape(2, 1, 2, 1)))


def test_inside_a_function_the_legacy_call_is_refused():
    with pytest.raises(CompatError, match=r"Engine\.extract there"):
        tf.function(lambda image: cut(image), autograph=False)(IMAGE)
    with pytest.raises(CompatError, match="coords_nn: a tensor inside"):
        tf.function(compat.get_relative_coords, autograph=False)(tf.zeros((1, 1, 2, 4)))


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("flatten_offsets", "channels"),
        ("_channel_to_flat", "img"),
        ("_flat_to_channel", "img, N, gridsize"),
        ("_togrid", "img, gridsize, N"),
        ("_fromgrid", "img"),
        ("_grid_to_channel", "grid"),
        ("_channel_to_patches", "channel"),
        ("translate", "imgs, offsets, interpolation, use_xla_workaround"),
        ("translate_core", "images, translations, interpolation, use_xla_workaround"),
        ("translate_xla", "images, translations, interpolation, use_jit"),
        ("projective_warp_xla", "images, transforms, interpolation, fill_mode"),
        ("projective_warp_xla_jit", "images, transforms, interpolation, fill_mode"),
        ("tfa_params_to_3x3", "params"),
        ("extract_patches_position", "imgs, offsets_xy, jitter, N, gridsize"),
        ("reassemble_position", "obj_tensor, global_offsets, M, chunk_size"),
        ("shift_and_sum", "obj_tensor, global_offsets, M, chunk_size"),
        ("get_relative_coords", "coords_nn"),
        ("get_image_patches", "gt_image, global_offsets, local_offsets, N, gridsize"),
        ("Translation", "jitter_stddev, use_xla"),
    ],
)
def test_arguments_have_the_names_of_legacy_code(name, parameters):
    found = [*inspect.signature(getattr(compat, name)).parameters]
    assert ", ".join(found).startswith(parameters)


def test_translation_works_inside_a_function():
    images, moves = tf.constant(IMAGE[None, :, :, None]), tf.constant([[1.25, -0.5]])
    inside = tf.function(lambda *both: compat.translate(*both))(images, moves)
    np.testing.assert_array_equal(inside, compat.translate(images, moves))


def test_content_moves_by_plus_the_offset_and_translations_repeat_in_turn():
    images = np.zeros((4, 5, 5, 1), np.float32)
    images[:, 2, 2] = 1
    moved = compat.translate(images, np.array([[1.0, 0.0], [0.0, -1.0]])).numpy()[..., 0]
    assert [tuple(np.argwhere(image)[0]) for image in moved] == [(2, 3), (1, 2)] * 2
    with pytest.raises(CompatError, match="none for 4 images"):
        compat.translate(images, np.zeros((0, 2)))
    with pytest.raises(CompatError, match="Did you mean 'nearest'"):
        compat.translate(images, np.zeros((1, 2)), "nearrest")


@pytest.mark.slow
def test_translation_has_gradients_for_both_inputs():
    images, moves = tf.constant(IMAGE.real[None, :, :, None]), tf.constant([[0.25, 0.5]])
    for jit in (True, False):
        with tf.GradientTape() as tape:
            tape.watch([images, moves])
            total = tf.reduce_sum(compat.translate_xla(images, moves, use_jit=jit) ** 2)
        for gradient in tape.gradient(total, [images, moves]):
            assert np.abs(gradient.numpy()).max() > 0


@pytest.mark.parametrize("move", [np.nan, np.inf, 1e30])
def test_translations_beyond_reason_neither_crash_nor_show_clamped_pixels(move):
    images = np.ones((1, 4, 4, 1), np.float32)
    for jit in (True, False):
        moved = compat.translate_xla(images, np.array([[move, 0.0]]), use_jit=jit).numpy()
        assert not np.any(moved == 1)


def test_xla_switched_off_warns_and_keeps_the_numbers(monkeypatch):
    images, moves = IMAGE[None, :, :, None], np.array([[1.25, -0.5]])
    expected, patches = compat.translate(images, moves).numpy(), cut()
    monkeypatch.setenv("USE_XLA_TRANSLATE", "0")
    with pytest.warns(compat.CompatWarning, match="the other way") as caught:
        np.testing.assert_allclose(compat.translate(images, moves), expected, atol=1e-6)
    assert caught[0].filename == __file__
    with pytest.warns(compat.CompatWarning, match="'batched'"):
        np.testing.assert_allclose(cut(), patches, atol=1e-5)


@pytest.mark.parametrize(
    ("variables", "params", "compiled"),
    [
        ({}, {}, True),
        ({"USE_XLA_TRANSLATE": "0"}, {}, False),
        ({"TF_DISABLE_XLA_TRANSLATE": "1"}, {}, False),
        ({"USE_XLA_COMPILE": "1"}, {}, True),
        ({}, {"use_xla_translate": False}, False),
        ({}, {"use_xla_compile": False}, False),
        ({"USE_XLA_COMPILE": "1"}, {"use_xla_translate": False}, False),
        # True is what PtychoPINN has there unasked: nobody's choice
        ({"USE_XLA_TRANSLATE": "0"}, {"use_xla_translate": True}, False),
        ({"TF_DISABLE_XLA_TRANSLATE": "1"}, {"use_xla_translate": True}, False),
        ({}, {"use_xla_compile": False, "use_xla_translate": True}, False),
        ({}, {"use_xla_translate": True}, True),
    ],
)
@pytest.mark.filterwarnings("ignore:XLA translation:ptycho_engine.compat.CompatWarning")
def test_legacy_switches_choose_how_the_one_operator_runs(
    variables, params, compiled, monkeypatch, installed
):
    from ptycho_engine.ops import motions

    installed.update(params)
    for name, text in variables.items():
        monkeypatch.setenv(name, text)
    runs = []

    def run(function, images, parameters, jit, **how):
        runs.append((function, jit))
        return function(images, parameters, **how)

    monkeypatch.setattr(motions, "run", run)
    compat.translate(IMAGE[None, :, :, None], np.zeros((1, 2)))
    assert runs == [(motions.moved, compiled)]


@pytest.mark.parametrize(
    ("config", "variable", "words"),
    [
        ({"use_xla_translate": True}, "USE_XLA_TRANSLATE=0", r"use_xla_translate: True \(dictio"),
        ({"use_xla_compile": False}, "USE_XLA_COMPILE=1", r"use_xla_compile: False \(dictionary"),
    ],
)
def test_a_choice_that_overrides_a_variable_says_so(config, variable, words, monkeypatch):
    monkeypatch.setenv(*variable.split("="))
    with pytest.warns(compat.CompatWarning, match=f"{words}.* overrides .*{variable}") as caught:
        assert ambient.use_xla(config) is (config != {"use_xla_compile": False})
    assert len(caught) == 1


def test_the_unasked_default_leaves_the_variable_its_warning(monkeypatch, installed):
    installed["use_xla_translate"] = True
    monkeypatch.setenv("USE_XLA_TRANSLATE", "0")
    with pytest.warns(compat.CompatWarning, match="the other way"):
        compat.translate(IMAGE[None, :, :, None], np.zeros((1, 2)))
    with pytest.warns(compat.CompatWarning, match="'batched'"):
        assert ambient.plugin() == "batched"


def test_sizes_of_extraction_by_position_keep_their_quirks():
    offsets = np.zeros((1, 1, 2, 1), np.float32)
    for size, expected in ((8, 4), (9, 5), (5, 0), (4, 0)):
        canvas = np.ones((1, size, size, 1), np.float32)
        cut_out = compat.extract_patches_position(canvas, offsets, N=4, gridsize=1)
        assert cut_out.shape == (1, expected, expected, 1)
    with pytest.raises(CompatError, match=r"Expected \(B, M, M, 1\)"):
        compat.extract_patches_position(np.ones((1, 8, 9, 1)), offsets, N=4, gridsize=1)
    with pytest.raises(CompatError, match="offsets for"):
        compat.extract_patches_position(np.ones((2, 8, 8, 1)), offsets, N=4, gridsize=1)


def test_reassembly_of_nothing_and_of_what_does_not_fit():
    nothing = np.zeros((0, 8, 8, 1), np.complex64), np.zeros((0, 1, 2, 1))
    assert compat.reassemble_position(*nothing, M=6).shape == (6, 6, 1)
    patches, offsets = np.ones((2, 8, 8, 1), np.complex64), np.zeros((2, 1, 2, 1))
    for m in (3, 10, -2, None, "4"):
        with pytest.raises(CompatError, match="M: received"):
            compat.reassemble_position(patches, offsets, M=m)
    with pytest.raises(CompatError, match="chunk_size: received None"):
        compat.reassemble_position(patches, offsets, M=4, chunk_size=None)
    for n, m in ((12, 8), (20, 4)):
        with pytest.raises(CompatError, match=f"N: received {n}, for patches of 8 x 8"):
            compat.reassemble_position(patches, offsets, M=m, N=n)
    with pytest.raises(CompatError, match="obj_tensor"):
        compat.shift_and_sum(patches.astype(np.complex128), offsets)
    with pytest.raises(CompatError, match="global_offsets"):
        compat.shift_and_sum(patches, np.zeros((2, 1, 1, 1)))
    with pytest.raises(CompatError, match="global_offsets: received dtype float32"):
        compat.shift_and_sum(patches, offsets.astype(np.float32))
    with pytest.raises(CompatError, match="global_offsets: received shape"):
        compat.shift_and_sum(patches, offsets[:1])


def test_another_size_than_that_of_the_patches_warns_and_takes_its_middle_as_legacy_code_does():
    patches = (RNG.normal(size=(2, 8, 8, 1)) + 0j).astype(np.complex64)
    with pytest.warns(compat.CompatWarning, match="N: received 6, for patches of 8 x 8"):
        found = compat.shift_and_sum(patches, NONE, M=4, N=6)
    np.testing.assert_allclose(found, patches[:, 1:5, 1:5].sum(axis=0), atol=1e-6)


@pytest.mark.parametrize("chunk_size", [1, 2, 32])
def test_offsets_of_groups_are_taken_in_pairs_by_reassembly_as_in_legacy_code(chunk_size):
    """Offsets (n, 1, 2, 4): patch i of a chunk takes the i-th pair of the chunk's numbers."""
    patches = (RNG.normal(size=(5, 8, 8, 1)) + 1j).astype(np.complex64)
    offsets = RNG.uniform(-3, 3, (5, 1, 2, 4))
    with pytest.warns(compat.CompatWarning, match="in pairs as they lie"):
        found = compat.shift_and_sum(patches, offsets, 6, chunk_size, 8).numpy()
    centred = (offsets - offsets.mean(axis=0)).astype(np.float32)
    pad = 4 if np.abs(centred).max() <= 4 else 6
    wide = np.pad(patches[:, 1:7, 1:7], ((0, 0), (pad, pad), (pad, pad), (0, 0)))
    expected = 0
    for start in range(0, 5, chunk_size):
        chunk = slice(start, start + chunk_size)
        pairs = centred[chunk].reshape(-1, 2)[: len(wide[chunk])]
        expected += compat.translate(wide[chunk], pairs).numpy().sum(axis=0)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_reassembly_never_keeps_a_stale_size(installed):
    offsets = RNG.uniform(-3, 3, (3, 1, 2, 1))
    for n in (12, 8):
        installed["N"] = n
        patches = (RNG.normal(size=(3, n, n, 1)) + 0j).astype(np.complex64)
        named = compat.reassemble_position(patches, offsets, M=6, N=n)
        np.testing.assert_array_equal(compat.reassemble_position(patches, offsets, M=6), named)


def test_a_model_with_the_layer_can_be_saved_and_loaded(tmp_path):
    import keras

    inputs = [keras.Input((20, 24, 1), dtype="complex64"), keras.Input((2,))]
    layer = compat.Translation(jitter_stddev=-1.0)
    assert layer.get_config()["use_xla"] is True
    assert keras.saving.get_registered_name(type(layer)) == "ptycho>Translation"
    model = keras.Model(inputs, layer(inputs))
    path = tmp_path / "model.keras"
    model.save(path)
    again = keras.models.load_model(path)
    given = [tf.constant(IMAGE[None, :, :, None]), tf.constant([[1.0, 0.5]])]
    moved = compat.translate(*given).numpy()
    for one in (model, again):
        np.testing.assert_allclose(one(given).numpy(), moved, atol=1e-6)


@pytest.mark.parametrize("jitter", [0.0, 0, 0.5])
def test_a_third_number_of_the_layer_is_the_jitter_of_older_versions(jitter):
    images, moves = tf.constant(IMAGE[None, :, :, None]), tf.constant([[1.0, 0.5]])
    tf.random.set_seed(1)
    found = compat.Translation()([images, moves, jitter])
    tf.random.set_seed(1)
    expected = compat.Translation(jitter_stddev=jitter)([images, moves])
    np.testing.assert_array_equal(found, expected)


def test_a_layer_made_inside_another_stands_in_no_saved_model(tmp_path):
    """So that files of PtychoPINN load whether or not the drop-in is imported."""
    import keras

    class Moving(keras.layers.Layer):
        def call(self, inputs):
            return compat.Translation()(inputs)

        def compute_output_shape(self, shapes):
            return shapes[0]

    inputs = [keras.Input((20, 24, 1)), keras.Input((2,))]
    model = keras.Model(inputs, Moving()(inputs))
    model.save(tmp_path / "model.keras")
    with zipfile.ZipFile(tmp_path / "model.keras") as archive:
        config = archive.read("config.json").decode()
    assert "Moving" in config
    assert "Translation" not in config
