"""Warps beside TensorFlow's own ``ImageProjectiveTransformV3``: where they agree, and where not."""

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow")

from ptycho_engine.ops.warp import projective_warp

FILLS = {"zeros": "CONSTANT", "edge": "NEAREST"}
SIZE = 9, 11
RNG = np.random.default_rng(0)


def tensorflows(images, parameters, interpolation, fill):
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=images, transforms=parameters, output_shape=images.shape[1:3], fill_value=0.0,
        interpolation=interpolation.upper(), fill_mode=FILLS[fill],
    ).numpy()  # fmt: skip


def given():
    """Images, parameters, and where each pixel's point lies: (x, y), two of (B, H, W)."""
    images = RNG.uniform(1, 2, (4, *SIZE, 2)).astype(np.float32)
    matrices = np.eye(3) + RNG.normal(size=(4, 3, 3)) * [[0.1, 0.1, 2], [0.1, 0.1, 2], [0.01] * 3]
    matrices = (matrices / matrices[:, 2:, 2:]).astype(np.float32)
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    points = np.einsum("bij,jhw->ibhw", matrices.astype(float), np.stack([x, y, np.ones_like(x)]))
    return images, matrices.reshape(4, 9)[:, :8], points[:2] / points[2]


@pytest.mark.parametrize("fill", FILLS)
def test_bilinear_agrees(fill):
    images, parameters, _ = given()
    found = projective_warp(images, parameters, fill=fill)
    expected = tensorflows(images, parameters, "bilinear", fill)
    np.testing.assert_allclose(found, expected, rtol=0, atol=2e-5)  # single-precision points


def test_nearest_differs_within_half_a_pixel_outside_alone():
    """A point there is outside; TensorFlow rounds it first, and finds the pixel at the border."""
    images, parameters, points = given()
    found = projective_warp(images, parameters, interpolation="nearest").numpy()
    expected = tensorflows(images, parameters, "nearest", "zeros")
    last = np.array([SIZE[1] - 1, SIZE[0] - 1])[:, None, None, None]
    outside = ((points < 0) | (points > last)).any(axis=0)
    near = outside & (np.rint(points) == np.clip(np.rint(points), 0, last)).all(axis=0)
    assert near.any()
    np.testing.assert_array_equal(found[~near], expected[~near])
    assert not found[near].any()
    assert expected[near].all()
    edge = projective_warp(images, parameters, interpolation="nearest", fill="edge")
    np.testing.assert_array_equal(edge, tensorflows(images, parameters, "nearest", "edge"))


def test_halves_are_rounded_to_even_here_and_away_from_zero_there():
    row = np.arange(4, dtype=np.float32).reshape(1, 1, 4, 1)
    half = np.array([[1, 0, 0.5, 0, 1, 0, 0, 0]], np.float32)  # points 0.5, 1.5, 2.5, 3.5
    found = projective_warp(row, half, interpolation="nearest", fill="edge")
    assert found.numpy().ravel().tolist() == [0, 2, 2, 3]
    assert tensorflows(row, half, "nearest", "edge").ravel().tolist() == [1, 2, 3, 3]


@pytest.mark.parametrize("fill", FILLS)
@pytest.mark.parametrize("interpolation", ["nearest", "bilinear"])
def test_where_w_is_zero_both_give_zero(interpolation, fill):
    images = np.ones((1, *SIZE, 1), np.float32)
    parameters = np.array([[1, 0, 0, 0, 1, 0, -0.5, 0]], np.float32)  # w = 1 - x / 2
    found = projective_warp(images, parameters, interpolation=interpolation, fill=fill)
    expected = tensorflows(images, parameters, interpolation, fill)
    assert not found[0, :, 2].numpy().any()
    assert not expected[0, :, 2].any()
