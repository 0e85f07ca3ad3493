"""Objects: drawings from 0 to 1, the same for a seed, with what their names promise."""

import numpy as np
import pytest

from ptycho_engine.phantoms.specimens import SPECIMENS, dead_leaves, gaussian_field, transmission


def drawn(name, shape=(90, 120), feature=8.0, seed=0):
    return SPECIMENS[name](shape, feature, np.random.default_rng(seed))


@pytest.mark.parametrize("name", SPECIMENS)
@pytest.mark.parametrize("shape", [(90, 120), (31, 17), (1, 1)])
def test_drawings_are_within_their_range(name, shape):
    for drawing in drawn(name, shape):
        assert drawing.shape == shape
        assert 0 <= drawing.min() <= drawing.max() <= 1
    if shape == (90, 120):
        assert all(drawing.std() > 0.1 for drawing in drawn(name, shape))


@pytest.mark.parametrize("name", sorted(set(SPECIMENS) - {"star"}))
def test_a_seed_determines_a_drawing(name):
    for one, same, other in zip(drawn(name), drawn(name), drawn(name, seed=1), strict=True):
        np.testing.assert_array_equal(one, same)
        assert not np.array_equal(one, other)


def test_drawings_become_amplitude_and_phase():
    absorbing, retarding = np.array([[0.0, 1.0]]), np.array([[1.0, 0.5]])
    image = transmission(absorbing, retarding, (0.4, 1.0), (-1.0, 2.0))
    assert image.dtype == np.complex64
    np.testing.assert_allclose(np.abs(image), [[0.4, 1.0]], rtol=1e-6)
    np.testing.assert_allclose(np.angle(image), [[2.0, 0.5]], rtol=1e-6)


def test_a_gaussian_field_is_normal_and_correlated_over_its_features():
    field = gaussian_field((400, 300), 8.0, np.random.default_rng(0))
    assert field.mean() == pytest.approx(0, abs=1e-12)
    assert field.std() == pytest.approx(1, rel=1e-12)
    assert (np.abs(field) < 1).mean() == pytest.approx(0.6827, abs=0.02)
    for lag in (2, 4, 12):  # noise blurred by s has the correlation exp(-lag^2 / 4 s^2)
        for axis in (0, 1):
            correlation = (field * np.roll(field, lag, axis)).mean()
            assert correlation == pytest.approx(np.exp(-(lag**2) / 16), abs=0.06)


def test_dead_leaves_cover_everything_in_flat_patches():
    amplitude, phase = dead_leaves((200, 200), 10.0, np.random.default_rng(0))
    assert (amplitude == 0.5).mean() < 0.02  # the ground
    flat = np.abs(np.diff(amplitude, axis=1)) < 1e-12
    assert 0.6 < flat.mean() < 0.99
    assert np.array_equal(flat, np.abs(np.diff(phase, axis=1)) < 1e-12)  # the same outlines
    levels = np.unique(amplitude[:, 1:][flat].round(9)).size
    assert levels > 20


def test_cells_leave_clear_ground():
    amplitude, phase = drawn("cells", (300, 300), 16.0)
    np.testing.assert_allclose(amplitude + phase, 1)
    assert 0.2 < (phase == 0).mean() < 0.8
    assert phase.max() > 0.6
