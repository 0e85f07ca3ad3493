"""Probes: widths as asked for, a focus as optics has it, modes that are orthogonal."""

import math

import numpy as np
import pytest

from ptycho_engine.errors import ConfigurationError
from ptycho_engine.phantoms.probes import (
    airy,
    gaussian,
    hermite_gauss,
    orthogonal_modes,
    zone_plate_focus,
)


@pytest.mark.parametrize("size", [32, 33])
def test_a_gaussian_has_its_width_and_stands_in_the_middle(size):
    intensity = np.abs(gaussian(size, 8.0)) ** 2
    middle = size // 2
    assert intensity[middle, middle] == intensity.max() == 1
    assert intensity[middle, middle + 4] == pytest.approx(0.5)
    assert intensity[middle - 4, middle] == pytest.approx(0.5)


def focus(defocus=0.0, size=256, stop=0.0):
    return zone_plate_focus(size, 1e-8, 1e-10, 5e-8, defocus, stop)


def test_a_focus_is_an_airy_pattern():
    intensity = np.abs(focus()) ** 2
    assert np.unravel_index(intensity.argmax(), intensity.shape) == (128, 128)
    # the first dark ring lies at 1.22 outermost zones from the middle: 6.1 pixels
    row = intensity[128, 128:140]
    assert row[5:8].argmin() + 5 == 6
    assert row[6] < 0.01
    assert row[:6].min() > row[6] < row[8]


def test_a_stop_takes_low_frequencies_away():
    spectra = [np.abs(np.fft.fft2(focus(stop=stop))) for stop in (0.0, 0.4)]
    assert spectra[0][0, 0] > 0.9 * spectra[0].max()
    assert spectra[1][0, 0] < 1e-9 * spectra[1].max()
    for spectrum in spectra:
        f = np.fft.fftfreq(256)
        beyond = np.hypot(f[:, None], f[None, :]) > 0.1 + 1 / 256
        assert spectrum[beyond].max() < 1e-9 * spectrum.max()


def test_out_of_focus_the_beam_is_a_cone_and_keeps_its_power():
    near, far = focus(), focus(4e-4)
    spectra = [np.abs(np.fft.fft2(wave)) / np.linalg.norm(wave) for wave in (near, far)]
    np.testing.assert_allclose(*spectra, atol=1e-9)
    lit = np.abs(far[128]) > 0.25 * np.abs(far[128]).max()
    width = 4e-4 * 1e-10 / 5e-8 / 1e-8  # z w / dr: 80 pixels
    assert np.ptp(np.flatnonzero(lit)) == pytest.approx(width, rel=0.15)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"outer_zone_width": 1e-8}, "outer_zone_width: received 1e-08 m"),
        ({"defocus": 1e-2}, "defocus: received 0.01 m, where the beam is"),
    ],
)
def test_a_focus_that_cannot_be_sampled_is_refused(change, words):
    given = {"size": 64, "pixel_size": 1e-8, "wavelength": 1e-10, "outer_zone_width": 5e-8}
    with pytest.raises(ConfigurationError, match=words):
        zone_plate_focus(**(given | change))


@pytest.mark.parametrize("count", [1, 2, 6])
def test_modes_are_orthogonal_and_share_the_power(count):
    probe = focus(2e-4, 64) * 3
    modes = orthogonal_modes(probe, count, 0.4)
    flat = modes.reshape(count, -1)
    products = flat @ flat.conj().T
    powers = np.diagonal(products).real
    np.testing.assert_allclose(products, np.diag(powers), atol=1e-9 * powers[0])
    assert powers.sum() == pytest.approx((np.abs(probe) ** 2).sum())
    np.testing.assert_allclose(powers[1:] / powers[:-1], 0.4)
    shape = probe / np.linalg.norm(probe)
    np.testing.assert_allclose(modes[0] / np.linalg.norm(modes[0]), shape, atol=1e-9)


def test_modes_of_a_gaussian_are_gauss_hermite():
    beam = gaussian(48, 9.0)
    modes = orthogonal_modes(beam, 6, 1.0)
    axis = np.arange(48) - 24.0
    variance = (np.abs(beam) ** 2 * axis**2).sum() / (np.abs(beam) ** 2).sum()
    second = beam * (axis**2 - variance)[:, None]  # He2 along y, the fourth product
    overlap = np.vdot(modes[3], second) / np.linalg.norm(modes[3]) / np.linalg.norm(second)
    assert abs(overlap) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("brightness", [0, 1])
def test_a_beam_of_one_pixel_has_no_modes(brightness):
    probe = np.zeros((8, 8))
    probe[4, 4] = brightness
    with pytest.raises(ConfigurationError, match=r"probe.modes: received 2. Expected fewer"):
        orthogonal_modes(probe, 2, 0.5)


@pytest.mark.parametrize("size", [31, 48])
def test_an_airy_pattern_is_the_field_of_an_even_disc(size):
    """Each sample is an integral over the disc, of which strips are summed by Gauss's rule."""
    found = airy(size, 9.0)
    middle = size // 2
    k = np.arange(1, 400)
    nodes = np.cos(k * np.pi / 400)
    weights = np.sin(k * np.pi / 400) ** 2 * np.pi / 400  # of integrals with sqrt(1 - t^2)
    y, x = np.mgrid[:size, :size] - middle
    v = 2 * 1.6163399 / 9.0 * np.hypot(y, x)
    expected = 2 / np.pi * (np.cos(v[..., None] * nodes) @ weights)
    np.testing.assert_allclose(found, expected, atol=1e-7)
    assert found[middle, middle] == pytest.approx(1, abs=1e-15)
    half = airy(size, 8.0)[middle, middle + 4]
    assert abs(half) ** 2 == pytest.approx(0.5, abs=1e-12)


@pytest.mark.parametrize("orders", [(0, 0), (1, 0), (2, 3), (7, 4)])
def test_hermite_gaussian_beams_are_those_of_the_definition(orders):
    """Polynomials by their explicit sums."""

    def polynomial(order, q):
        return sum(
            math.factorial(order) * (-1.0) ** m * (2 * q) ** (order - 2 * m)
            / (math.factorial(m) * math.factorial(order - 2 * m))
            for m in range(order // 2 + 1)
        )  # fmt: skip

    q = (np.arange(65) - 32) * 2 * np.sqrt(np.log(2)) / 10.0
    y, x = (
        polynomial(n, q) * np.exp(-(q**2) / 2) / math.sqrt(2.0**n * math.factorial(n))
        for n in orders
    )
    found = hermite_gauss(65, 10.0, *orders)
    np.testing.assert_allclose(found, np.outer(y, x), atol=1e-12)
    np.testing.assert_allclose(hermite_gauss(65, 10.0, 0, 0), gaussian(65, 10.0), atol=1e-14)
    assert np.linalg.norm(found) == pytest.approx(np.linalg.norm(gaussian(65, 10.0)), rel=1e-5)


def test_hermite_gaussian_beams_are_orthogonal_up_to_high_orders():
    beams = [hermite_gauss(192, 12.0, a, b).ravel() for a in (0, 1, 5, 30) for b in (0, 2)]
    products = np.real(np.conj(beams) @ np.transpose(beams))
    expected = np.eye(8) * products[0, 0]
    np.testing.assert_allclose(products, expected, atol=1e-9 * products[0, 0])
