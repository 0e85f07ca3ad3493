"""The drop-ins repeat the stored outputs of the real legacy functions, PtychoPINN 712c23f."""

import numpy as np
import pytest
from golden import cases

from ptycho_engine import compat

tf = pytest.importorskip("tensorflow")

pytestmark = pytest.mark.filterwarnings("ignore::ptycho_engine.RemovedIn2Warning")


def names(file, *without):
    return sorted(set(cases(file)) - set(without))


def assert_repeats(result, expected, tolerance=1e-6):
    result = np.asarray(result)
    assert result.shape == expected.shape
    assert result.dtype == expected.dtype
    scale = max(1.0, np.abs(expected).max(initial=0))
    np.testing.assert_allclose(result, expected, rtol=0, atol=tolerance * scale)


@pytest.mark.parametrize("name", names("get_image_patches"))
def test_get_image_patches(name):
    case = cases("get_image_patches")[name]
    arguments = case["object"], case["global_offsets"], case["local_offsets"]
    patches = compat.get_image_patches(*arguments, N=case["N"], gridsize=case["gridsize"])
    assert isinstance(patches, tf.Tensor)
    assert_repeats(patches, case["patches"])


@pytest.mark.parametrize("flags", [{}, {"use_batched_patch_extraction": False},
                                   {"use_batched_patch_extraction": True}])  # fmt: skip
def test_get_image_patches_by_every_plugin(flags):
    case = cases("get_image_patches")["g2_N16"]
    arguments = case["object"], case["global_offsets"], case["local_offsets"]
    config = {"N": "16", "gridsize": 2, **flags}
    assert_repeats(compat.get_image_patches(*arguments, config=config), case["patches"])


@pytest.mark.parametrize("file", ["get_image_patches", "grouped_data"])
def test_get_relative_coords(file):
    means, relative = (
        ("global_offsets", "local_offsets")
        if file == "get_image_patches"
        else ("coords_offsets", "coords_relative")
    )
    checked = 0
    for case in cases(file).values():
        if "coords_nn" in case:
            for found, stored in zip(
                compat.get_relative_coords(case["coords_nn"]), (means, relative), strict=True
            ):
                assert found.dtype == case[stored].dtype
                np.testing.assert_array_equal(found, case[stored])
            checked += 1
    assert checked >= 7


@pytest.mark.slow_cases("complex128-True", "f64-True", "f32-True", "cyclic-True")
@pytest.mark.parametrize("jit", [True, False])
@pytest.mark.parametrize("name", names("translate_xla", "layer", "layer_jitter", "quirk_fallback"))
def test_translate_xla(name, jit):
    case = cases("translate_xla")[name]
    arguments = case["images"], case["translations"], str(case["interpolation"])
    expected = case["out_jit" if jit else "out_nojit"]
    assert_repeats(compat.translate_xla(*arguments, use_jit=jit), expected)
    if jit:
        assert_repeats(compat.translate_core(*arguments), expected)


@pytest.mark.parametrize("name", ["layer", "layer_jitter"])
def test_translation_layer(name):
    case = cases("translate_xla")[name]
    layer = compat.Translation(jitter_stddev=float(case.get("jitter_stddev", 0)))
    if "tf_seed" in case:
        tf.random.set_seed(int(case["tf_seed"]))
    images, translations = tf.constant(case["images"]), tf.constant(case["translations"])
    assert_repeats(layer([images, translations]), case["out"])
    moved = compat.translate(images, translations + case.get("noise", 0))
    assert_repeats(moved, case["out"])


def test_the_wrong_fallback_is_not_repeated():
    case = cases("translate_xla")["quirk_fallback"]
    moved = compat.translate(case["images"], case["translations"]).numpy()
    assert np.abs(moved - case["out_bilinear"]).max() > 0.1


@pytest.mark.parametrize("name", names("projective_warp_xla", "common"))
def test_projective_warp(name):
    common, case = cases("projective_warp_xla")["common"], cases("projective_warp_xla")[name]
    if name.startswith("dtype_"):
        images = tf.cast(case["images"], name.removeprefix("dtype_"))
        warped = compat.projective_warp_xla(images, common["matrices"])
        assert warped.dtype == images.dtype
        assert_repeats(tf.cast(warped, tf.float32), case["out_as_float32"])
        return
    images, (interpolation, fill) = common["images"], name.split("_")
    how = {"interpolation": interpolation, "fill_mode": fill}
    for transforms, expected in (
        ("matrices", "homography"), ("params8", "params8_out"),
        ("identity", "identity_out"), ("half_shift", "half_shift_out"),
    ):  # fmt: skip
        warped = compat.projective_warp_xla(images, common[transforms], **how)
        assert_repeats(warped, case[expected])
    compiled = compat.projective_warp_xla_jit(images, common["matrices"], interpolation, fill)
    assert_repeats(compiled, case["homography_jit"], tolerance=4e-6)
    double = compat.projective_warp_xla(images.astype(float), common["matrices64"], **how)
    assert_repeats(double, case["float64_out"])


def test_parameters_become_matrices():
    common = cases("projective_warp_xla")["common"]
    matrices = compat.tfa_params_to_3x3(common["params8"]).numpy()
    np.testing.assert_array_equal(matrices.reshape(-1, 9)[:, :8], common["params8"])
    np.testing.assert_array_equal(matrices[:, 2, 2], 1)


@pytest.mark.drawn
@pytest.mark.slow_cases("-4", "-32", "frac", "integer")
@pytest.mark.parametrize("chunk_size", [1, 4, 32])
@pytest.mark.parametrize("name", names("reassemble_position"))
def test_reassembly(name, chunk_size):
    case = cases("reassemble_position")[name]
    arguments = case["patches"], case["global_offsets"], int(case["M"]), chunk_size, int(case["N"])
    assert_repeats(compat.shift_and_sum(*arguments), case["shift_and_sum"])
    assert_repeats(compat.reassemble_position(*arguments), case["out"])


@pytest.mark.parametrize("name", names("formats"))
def test_formats(name):
    case = cases("formats")[name]
    n, side = int(case["N"]), int(case["gridsize"])
    assert_repeats(compat._channel_to_flat(case["channel"]), case["flat"])
    assert_repeats(compat._flat_to_channel(case["flat"], n, side), case["channel_back"])
    assert_repeats(compat._togrid(case["flat"], side, n), case["grid"])
    assert_repeats(compat._fromgrid(case["grid"], n), case["fromgrid"])
    assert_repeats(compat._grid_to_channel(case["grid"], side), case["grid_to_channel"])
    assert_repeats(compat._channel_to_patches(case["channel"], n, side), case["grid"])
    assert_repeats(compat.flatten_offsets(case["offsets"]), case["offsets_flat"])
    cut = compat.extract_patches_position(case["images"], case["offsets"], N=n, gridsize=side)
    assert_repeats(cut, case["extract_patches_position"])
