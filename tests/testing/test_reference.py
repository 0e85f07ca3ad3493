"""The judge is judged: by hand, by numpy.pad and by SciPy."""

import ast
from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import map_coordinates

from ptycho_engine.testing import TOLERANCE, assert_close, reference, reference_patches, tolerance

MODES = {"zeros": "constant", "edge": "nearest", "reflect": "mirror"}


@pytest.mark.parametrize("fill", MODES)
@pytest.mark.parametrize("size", [1, 4, 7])
def test_bilinear_is_that_of_scipy(fill, size):
    rng = np.random.default_rng(0)
    image, positions = rng.normal(size=(9, 12)), rng.uniform(-30, 40, (100, 2))
    samples = np.arange(size) - size // 2
    y = positions[:, 0, None, None] + samples[:, None] + 0 * samples
    x = positions[:, 1, None, None] + samples + 0 * samples[:, None]
    source, border = (np.pad(image, 60), 60) if fill == "zeros" else (image, 0)
    expected = map_coordinates(source, [y + border, x + border], order=1, mode=MODES[fill])
    found = reference_patches(image, positions, size, fill=fill)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("fill", MODES)
@pytest.mark.parametrize("interpolation", ["bilinear", "nearest"])
@pytest.mark.parametrize("rounding", ["exact", "legacy"])
def test_whole_positions_are_slices_of_numpy_pad(fill, interpolation, rounding):
    image = np.random.default_rng(1).normal(size=(2, 5, 1))
    mode = "constant" if fill == "zeros" else fill
    padded = np.pad(image, [(0, 0), (30, 30), (30, 30)], mode=mode)
    positions = [[y, x] for y in (-22, -3, 0, 4, 25) for x in (-22, 0, 1, 25)]
    found = reference_patches(image, positions, 5, interpolation, fill, rounding)
    for p, (y, x) in enumerate(positions):
        expected = padded[:, y + 28 : y + 33, x + 28 : x + 33]
        np.testing.assert_array_equal(found[:, p], expected)


def test_by_hand():
    image = np.array([[0.0, 10.0], [100.0, 1000.0]])
    (patch,) = reference_patches(image, [[0.25, 0.5]], 1)
    assert patch == 0.75 * 0.5 * 10 + 0.25 * 0.5 * 100 + 0.25 * 0.5 * 1000
    (patch,) = reference_patches(image, [[0.25, 0.5]], 1, "nearest")
    assert patch == 10
    (patch,) = reference_patches(image, [[-0.25, 0.0]], 2)  # samples at y = -1.25, -0.25
    np.testing.assert_array_equal(patch, [[0, 0], [0, 0]])
    (patch,) = reference_patches(image, [[0.75, 1.0]], 2)  # samples at y = -0.25, 0.75
    np.testing.assert_array_equal(patch, [[0, 7.5], [75, 752.5]])


def test_neighbours_without_weight_are_left_out():
    image = np.array([[1.0, np.nan, 3.0, np.inf]])
    found = reference_patches(image, [[0, 0], [0, 2], [0, 0.5]], 1)[:, 0, 0]
    np.testing.assert_array_equal(found, [1, 3, np.nan])
    assert np.isnan(reference_patches(image, [[0, 0]], 1, rounding="legacy")).all()
    (patch,) = reference_patches(image, [[0, 2.5]], 2)  # infinity beside a sample without weight
    np.testing.assert_array_equal(patch, [[0, 0], [np.nan, np.inf]])
    assert reference.reference_placement([[[np.inf]]], [[0, 0]], (1, 2))[0, 0] == np.inf


def test_legacy_coordinates_are_rounded_to_float32():
    image = np.arange(3000, dtype=np.float32)[None]  # a ramp shows the coordinate itself
    position, size = 2049.0001, 8
    found = reference_patches(image, [[0, position]], size, rounding="legacy")[0, size // 2]
    r = np.arange(size, dtype=np.float32)
    coordinates = (r + np.float32(position)).astype(float) - size // 2
    np.testing.assert_allclose(found, coordinates, rtol=0, atol=1e-9)
    double = reference_patches(image.astype(float), [[0, position]], size, rounding="legacy")
    exact_sum = np.arange(size) + float(np.float32(position)) - size // 2
    np.testing.assert_allclose(double[0, size // 2], exact_sum, rtol=0, atol=1e-9)


def test_far_positions():
    image = np.arange(5.0)[None]
    assert not reference_patches(image, [[0, 1e300], [-1e300, 0], [0, 3e9]], 4).any()
    (patch,) = reference_patches(image, [[0, 8e9 + 1]], 3, fill="reflect")  # 8 is the period
    np.testing.assert_array_equal(patch[1], [0, 1, 2])


def test_tolerance_scales_with_the_object():
    assert set(TOLERANCE) == {"float32", "float64", "complex64", "complex128"}
    image = np.array([[3 + 4j, np.nan, 0]], np.complex64)
    assert tolerance(image) == pytest.approx(5e-6)
    assert tolerance(np.zeros((2, 2))) > 0
    assert tolerance(np.zeros((0, 2))) > 0
    with pytest.raises(AssertionError):
        assert_close(np.array([1.0]), np.array([1.0 + 1e-11]), np.ones((1, 1)))
    with pytest.raises(AssertionError):
        assert_close(np.ones((2, 1)), np.ones((1, 2)), np.ones((1, 1)))


def test_reference_shares_no_code_with_what_it_judges():
    tree = ast.parse(Path(reference.__file__).read_text(encoding="utf-8"))
    imported = {
        getattr(node, "module", None) or node.names[0].name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
    }
    assert imported == {"__future__", "itertools", "math", "typing", "numpy", "numpy.typing"}
