"""The figures by which the example network is judged."""

import importlib
import json
from pathlib import Path

import numpy as np
import pytest

FOLDER = Path(__file__).parents[2] / "examples/train_pinn"


@pytest.fixture(scope="module")
def evaluation():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(FOLDER)
        yield importlib.import_module("evaluation")


@pytest.fixture
def truth():
    rng = np.random.default_rng(0)
    y, x = np.indices((48, 40))
    smooth = np.sin(x / 5) * np.cos(y / 7)
    return (1 + 0.3 * smooth) * np.exp(0.5j * smooth + 0.01j * rng.standard_normal(smooth.shape))


def test_a_factor_changes_nothing(evaluation, truth):
    figures = evaluation.compare(truth * (0.3 - 2j), truth)
    assert figures.amplitude_ssim == pytest.approx(1)
    assert figures.phase_ssim == pytest.approx(1)
    assert figures.ring_correlation == pytest.approx(1)
    assert figures.amplitude_psnr > 100


def test_figures_fall_as_noise_grows(evaluation, truth):
    rng = np.random.default_rng(1)
    noise = rng.standard_normal(truth.shape) + 1j * rng.standard_normal(truth.shape)
    rows = [vars(evaluation.compare(truth + level * noise, truth)) for level in (0.01, 0.1, 1.0)]
    for name in rows[0]:
        values = [row[name] for row in rows]
        assert values == sorted(values, reverse=True), name


def test_the_peak_signal_to_noise_ratio_is_its_formula(evaluation):
    truth = np.array([[0.0, 4.0], [1.0, 2.0]])
    assert evaluation.psnr(truth + 0.4, truth) == pytest.approx(20)


def test_structural_similarity_of_opposite_patterns_is_negative(evaluation):
    pattern = (-1.0) ** np.arange(40)[:, None] * np.ones(40)  # the mean of a window is 0
    assert evaluation.ssim(pattern, pattern) == pytest.approx(1)
    assert evaluation.ssim(-pattern, pattern) < -0.5


def test_what_is_flat_has_no_range_to_be_judged_in(evaluation):
    """All is a number or None, which JSON can write."""
    rng = np.random.default_rng(3)
    for shape in ((2, 2), (8, 8)):
        flat, found = np.full(shape, 0.3 + 1j), rng.standard_normal(shape) + 0j
        for image in (found, np.zeros(shape, complex)):
            figures = vars(evaluation.compare(image, flat))
            json.dumps(figures, allow_nan=False)
            ring = figures.pop("ring_correlation")
            assert set(figures.values()) == {None}
            assert (ring is None) == (shape == (2, 2))  # which has no ring


@pytest.mark.parametrize("dtype", [np.complex64, np.complex128])
def test_a_pure_phase_has_a_flat_amplitude_and_equal_images_no_noise(evaluation, dtype):
    y, x = np.indices((48, 40)) / 40
    truth = np.exp(1j * np.sin(6 * x) * np.cos(5 * y)).astype(dtype)
    noise = np.random.default_rng(3).standard_normal(truth.shape)
    figures = evaluation.compare(truth * np.exp(0.02j * noise) * 1.001, truth)
    assert figures.amplitude_ssim is figures.amplitude_psnr is None
    assert 0.5 < figures.phase_ssim < 1
    assert evaluation.psnr(np.eye(3), np.eye(3)) is None


def test_a_ring_without_power_correlates_with_nothing(evaluation):
    found, truth = np.zeros((8, 8), complex), np.eye(8) + 0j
    assert (evaluation.ring_correlation(found, truth) == 0).all()


def test_rings_beyond_a_blur_do_not_correlate(evaluation):
    rng = np.random.default_rng(2)
    truth = rng.standard_normal((64, 64)) + 0j
    low = np.hypot(*np.meshgrid(*2 * [np.fft.fftfreq(64)])) < 0.25
    mixed = np.fft.ifft2(
        np.fft.fft2(truth) * low + np.fft.fft2(rng.standard_normal((64, 64))) * ~low
    )
    rings = evaluation.ring_correlation(mixed, truth)
    assert rings.shape == (31,)
    assert rings[:13].min() > 0.9
    assert np.abs(rings[18:]).mean() < 0.2
