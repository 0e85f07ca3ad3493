"""The tables of errors: of the kernels against a band-limited truth, of plugins against float64."""

import importlib

import numpy as np
import pytest

from ptycho_engine import Engine


@pytest.fixture
def kernel_errors():
    return importlib.import_module("benchmarks.kernel_errors")


@pytest.fixture
def accuracy():
    return importlib.import_module("benchmarks.accuracy")


def test_the_truth_at_whole_pixels_is_the_image(kernel_errors):
    spectrum = kernel_errors.band_limited(0.2, np.random.default_rng(0), side=32)
    image = np.fft.ifft2(spectrum)
    patch = kernel_errors.shifted_patch(spectrum, np.array([12.0, 20.0]), 8)
    np.testing.assert_allclose(patch, image[8:16, 16:24], atol=1e-15)
    half = kernel_errors.shifted_patch(spectrum, np.array([12.5, 20.0]), 8)
    back = kernel_errors.shifted_patch(spectrum, np.array([13.0, 20.0]), 8)
    assert np.abs(half - patch).max() > 1e-4 < np.abs(half - back).max()


def test_errors_fall_with_the_order_of_the_kernel_and_grow_with_the_band(kernel_errors):
    engine = Engine("numba")
    low, high = (kernel_errors.errors(engine, band, count=4) for band in (0.05, 0.3))
    assert list(low) == ["nearest", "bilinear", "bicubic"]
    assert low["bicubic"] < low["bilinear"] / 5 < low["nearest"] / 25
    assert all(high[kernel] > 2 * low[kernel] for kernel in low)
    assert high["bicubic"] < high["bilinear"] < high["nearest"]


@pytest.mark.parametrize(("dtype", "most"), [("complex64", 2e-7), ("float64", 1e-15)])
def test_exact_rounding_is_that_of_its_precision(accuracy, dtype, most):
    assert 0 < accuracy.error(Engine("numba"), dtype, side=64, size=8, count=3) < most


def test_legacy_rounding_is_not(accuracy):
    found = accuracy.error(Engine("numba"), "complex64", rounding="legacy", side=512, size=8)
    assert 1e-6 < found < 1e-3
