"""The near field: Fresnel's integral, a Gaussian beam, and what free space keeps."""

import numpy as np
import pytest

from ptycho_engine.data.simulation.exposure import Exposure
from ptycho_engine.data.simulation.propagation import NearField
from ptycho_engine.data.simulation.recipe import (
    BeamSettings,
    ProbeSettings,
    Recipe,
    TrajectorySettings,
)
from ptycho_engine.data.simulation.simulation import Simulation
from ptycho_engine.data.simulation.synthesis import make_scan
from ptycho_engine.errors import ConfigurationError
from ptycho_engine.testing import reference_patches

WAVELENGTH, PIXEL = 1e-10, 1e-7
PLAIN = Exposure(photons=None, noise=False)
COUNTS = Exposure(photons=None, noise=False, quantity="intensity")


def problem(n, modes=1):
    rng = np.random.default_rng(n)
    image = np.exp(0.5j * rng.standard_normal((1, 3 * n, 4 * n)))
    probe = rng.standard_normal((modes, n, n)) + 1j * rng.standard_normal((modes, n, n))
    return image, rng.uniform(n, 2 * n, (7, 2)), probe


def defined(image, positions, probe, near):
    """Intensities (P, N, N) by matrices in place of transforms, in float64."""
    n = probe.shape[-1]
    k = np.arange(n) - n // 2
    fourier = np.exp(-2j * np.pi * np.outer(k, np.arange(n)) / n)
    f = k / (n * near.pixel_size)
    free = np.exp(-1j * np.pi * near.wavelength * near.distance * (f[:, None] ** 2 + f**2))
    total = 0.0
    for mode in probe.astype(np.complex128):
        wave = mode * reference_patches(image[0], positions, n)
        spectrum = fourier @ wave @ fourier.T
        carried = fourier.conj().T @ (free * spectrum) @ fourier.conj() / n**2
        total = total + np.abs(carried) ** 2
    return total


@pytest.mark.parametrize(("n", "modes"), [(12, 1), (11, 1), (9, 3), (16, 2)])
@pytest.mark.parametrize("share", [0.3, -1.0])
def test_patterns_are_those_of_the_definition(n, modes, share):
    image, positions, probe = problem(n=n, modes=modes)
    near = NearField(share * n * PIXEL**2 / WAVELENGTH, WAVELENGTH, PIXEL)
    expected = defined(image, positions, probe, near)
    found = Simulation(image, positions, probe, COUNTS, near_field=near).patterns()
    np.testing.assert_allclose(found, expected, atol=1e-11 * expected.max())
    roots = Simulation(image, positions, probe, PLAIN, near_field=near).patterns()
    np.testing.assert_allclose(roots, np.sqrt(expected), atol=1e-10 * np.sqrt(expected.max()))


def test_without_a_distance_the_exit_wave_is_seen_and_energy_is_kept():
    image, positions, probe = problem(n=13)
    waves = probe[0] * reference_patches(image[0], positions, 13)
    for distance in (0.0, 1e-3):
        near = NearField(distance, WAVELENGTH, PIXEL)
        found = Simulation(image, positions, probe, COUNTS, near_field=near).patterns()
        if distance == 0:
            np.testing.assert_allclose(found, np.abs(waves) ** 2, rtol=1e-9, atol=1e-12)
        power = (np.abs(waves) ** 2).sum(axis=(1, 2))
        np.testing.assert_allclose(found.sum(axis=(1, 2)), power, rtol=1e-12)


def test_a_gaussian_beam_spreads_as_it_should():
    """Its width grows by sqrt(1 + (z / z_R)^2), z_R = pi w0^2 / wavelength (Siegman, 17.1)."""
    n, waist = 128, 10.0  # pixels
    axis = np.arange(n) - n // 2
    probe = np.exp(-(axis[:, None] ** 2 + axis**2) / waist**2)
    rayleigh = np.pi * (waist * PIXEL) ** 2 / WAVELENGTH
    for share in (0.2, 0.4):
        near = NearField(share * rayleigh, WAVELENGTH, PIXEL)
        found = Simulation(np.ones((n, n)), [[n // 2] * 2], probe, COUNTS, near_field=near)
        width2 = waist**2 * (1 + share**2)
        expected = waist**2 / width2 * np.exp(-2 * (axis[:, None] ** 2 + axis**2) / width2)
        np.testing.assert_allclose(found.patterns()[0], expected, atol=1e-6)


def test_a_distance_that_folds_is_refused():
    with pytest.raises(ConfigurationError, match=r"beam\.distance: received 2 m for the near"):
        make_scan(Recipe(beam=BeamSettings(near_field=True)))
    with pytest.raises(ConfigurationError, match="near field: wavelength is 0"):
        NearField(1.0, 0, PIXEL)
    assert NearField(np.float32(1), np.int64(1), np.float64(1)).distance == 1


def test_a_recipe_makes_it():
    beam = BeamSettings(near_field=True, distance=2e-5)
    points = TrajectorySettings(points=4)
    for kind, more in (("airy", {}), ("hermite", {"order_x": 2})):
        scan = make_scan(Recipe(probe=ProbeSettings(kind, size=32, **more), trajectory=points,
                                beam=beam, exposure=COUNTS))  # fmt: skip
        near = NearField(2e-5, beam.wavelength, beam.pixel_size)
        expected = defined(scan.image[None], scan.positions, scan.probe[None], near)
        np.testing.assert_allclose(scan.simulation.patterns(), expected, atol=1e-5)
        assert beam.detector_pixel_size(32) == beam.pixel_size
    with pytest.raises(ConfigurationError, match=r"probe\.order_y: received -1"):
        ProbeSettings("hermite", order_y=-1)
