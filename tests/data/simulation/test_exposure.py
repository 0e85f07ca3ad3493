"""What the detector makes of the counts that are expected: noise, range, readout."""

import numpy as np
import pytest

from ptycho_engine.data.simulation.exposure import Exposure
from ptycho_engine.data.simulation.noise import BLOCK, Poisson, stream
from ptycho_engine.data.simulation.simulation import Simulation
from ptycho_engine.errors import ConfigurationError

#: One pattern again and again: the counts of a pixel are then draws from one distribution.
REPEATED = 4096


def repeated(exposure, **more):
    n = 8
    y, x = np.mgrid[:n, :n]
    probe = np.exp(-((y - 3.6) ** 2 + (x - 4.2) ** 2) / 6 + 0.3j * x * y)
    return Simulation(np.ones((16, 16)), np.full((REPEATED, 2), 8.0), probe, exposure, **more)


@pytest.mark.parametrize("photons", [40.0, 6400.0, 1e6])  # counts of a pixel: 0.1 to 1e5
def test_counts_are_poissonian(photons):
    exposure = Exposure(photons, seed=7, quantity="intensity")
    counts = repeated(exposure).patterns().astype(np.float64)
    mean = repeated(Exposure(photons, noise=False, quantity="intensity")).patterns(0, 1)[0]
    assert counts.sum(axis=(1, 2)).mean() == pytest.approx(photons, rel=0.01)
    np.testing.assert_array_equal(counts, counts.round())
    # In units of their own spread, means and variances of the pixels are normal about 0.
    enough = mean * REPEATED > 100
    z = ((counts.mean(axis=0) - mean) / np.sqrt(mean / REPEATED))[enough]
    spread = np.sqrt((mean + 2 * mean**2) / REPEATED)
    v = ((((counts - mean) ** 2).mean(axis=0) - mean) / spread)[enough]
    assert z.size > 8
    for deviation in (z, v):  # the sum of n squares is chi-square: n on average, of variance 2 n
        assert abs((deviation**2).sum() - z.size) < 4 * np.sqrt(2 * z.size)
        assert np.abs(deviation).max() < 4.5


def test_counts_of_neighbours_and_of_blocks_are_independent():
    exposure = Exposure(6400.0, seed=1, quantity="intensity", background=5.0)
    counts = repeated(exposure).patterns()
    counts = counts.astype(np.float64) - counts.mean(axis=0)
    counts /= counts.std(axis=0)
    bound = 4.5 / np.sqrt(REPEATED)
    for other in (1, BLOCK, 2 * BLOCK):
        assert np.abs((counts[other:] * counts[:-other]).mean(axis=0)).max() < bound
    assert np.abs((counts[:, :, 1:] * counts[:, :, :-1]).mean(axis=0)).max() < bound


def test_draws_follow_the_distribution():
    mean = 3.0
    counts = Exposure(quantity="intensity")
    drawn = np.empty((1, 200, 200))
    counts.record(
        np.full(drawn.shape, mean), drawn, 1.0, lambda means: Poisson().draw(means, stream(5, 2))
    )
    k = np.arange(9)
    expected = np.exp(-mean) * mean**k / np.cumprod([1, *k[1:]]) * drawn.size
    found = np.bincount(drawn.astype(int).ravel(), minlength=9)[:9]
    assert ((found - expected) ** 2 / expected).sum() < 27.9  # chi-square of 9, p = 0.001


def test_streams_depend_on_seed_and_block_alone():
    draws = {(seed, block): stream(seed, block).integers(2**63)
             for seed in (0, 1, 2**64 - 1) for block in (0, 1, 10**6)}  # fmt: skip
    assert len(set(draws.values())) == len(draws)
    assert stream(1, 1).integers(2**63) == draws[1, 1]


def test_another_seed_is_another_noise():
    one, same, other = (repeated(Exposure(seed=s)).patterns(0, 3) for s in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)
    assert not np.array_equal(one[0], one[1])


def test_amplitudes_are_roots_of_counts_and_normalised_ones_divided_by_the_scale():
    intensity = repeated(Exposure(1e4, seed=2, quantity="intensity")).patterns(0, 9)
    amplitude = repeated(Exposure(1e4, seed=2)).patterns(0, 9)
    np.testing.assert_allclose(amplitude**2, intensity, rtol=1e-12)
    simulation = repeated(Exposure(1e4, seed=2, normalised=True))
    normalised = simulation.patterns(0, 9)
    np.testing.assert_allclose(normalised * simulation.scale, amplitude, rtol=1e-12)
    plain = repeated(Exposure(None, noise=False)).patterns(0, 9)
    assert normalised.mean() == pytest.approx(plain.mean(), rel=0.05)


def test_background_is_added_before_the_noise():
    with_it, without = (
        repeated(Exposure(640.0, noise=False, quantity="intensity", background=b)).patterns(0, 2)
        for b in (2.5, 0.0)
    )
    np.testing.assert_allclose(with_it, without + 2.5, rtol=1e-12)
    noisy = repeated(Exposure(640.0, seed=3, quantity="intensity", background=2.5)).patterns()
    assert noisy.mean() == pytest.approx(10 + 2.5, rel=0.01)
    corner = noisy[:, 0, 0].astype(float)  # background alone
    assert corner.var() == pytest.approx(corner.mean(), rel=0.1)


def test_a_saturated_pixel_shows_no_more():
    for noise in (False, True):
        free = repeated(Exposure(1e4, noise=noise, quantity="intensity")).patterns(0, 70)
        held = repeated(
            Exposure(1e4, noise=noise, quantity="intensity", saturation=200.0)
        ).patterns(0, 70)
        assert free.max() > 200 == held.max()
        np.testing.assert_array_equal(held, free.clip(None, 200))


@pytest.mark.parametrize(
    ("saturation", "dtype"), [(None, np.uint32), (65535.0, np.uint16), (65536.0, np.uint32)]
)
def test_integers_are_read_out_as_such(saturation, dtype):
    for noise in (False, True):
        settings = {"noise": noise, "seed": 4, "quantity": "intensity", "saturation": saturation}
        counts = repeated(Exposure(1e6, integers=True, **settings)).patterns(0, 5)
        assert counts.dtype == dtype
        floats = repeated(Exposure(1e6, **settings)).patterns(0, 5)
        np.testing.assert_array_equal(counts, np.rint(floats))
    amplitude = repeated(Exposure(1e6, noise=False, integers=True)).patterns(0, 1)
    np.testing.assert_allclose(amplitude**2, np.rint(amplitude**2), rtol=1e-12)


@pytest.mark.parametrize("noise", [False, True])
def test_counts_beyond_integers_are_refused_unless_they_saturate_or_become_floats(noise):
    settings = {"photons": 1e12, "noise": noise, "integers": True}
    counts = repeated(Exposure(**settings, quantity="intensity"))
    with pytest.raises(ConfigurationError, match=r"a pixel counts \d.* Set exposure.saturation"):
        counts.patterns(0, 1)
    held = repeated(Exposure(**settings, quantity="intensity", saturation=2**32 - 1))
    assert held.patterns(0, 1).max() == 2**32 - 1
    free = repeated(Exposure(**settings | {"integers": False})).patterns(0, 1)
    np.testing.assert_allclose(repeated(Exposure(**settings)).patterns(0, 1), free, atol=1)
    assert free.max() > 2**16


def test_masked_pixels_are_zero():
    mask = np.ones((8, 8), bool)
    mask[2, 3:] = False
    for exposure in (Exposure(None, noise=False), Exposure(1e5, background=50.0)):
        seen = repeated(exposure, mask=mask).patterns(0, 3)
        assert not seen[:, ~mask].any()
        np.testing.assert_array_equal(seen[:, mask], repeated(exposure).patterns(0, 3)[:, mask])


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (
            {"photons": 0},
            "photons: received 0. Expected photons of a pattern, or null, a number ab",
        ),
        ({"photons": float("nan")}, "photons: received nan"),
        ({"photons": "many"}, "photons: received 'many'"),
        ({"photons": True}, "photons: received True"),
        ({"seed": -1}, "seed: received -1. Expected an integer, 0 or more"),
        ({"seed": 1.0}, "seed: received 1.0"),
        ({"seed": 2**64}, "seed: received 18446744073709551616"),
        ({"quantity": "phase"}, "exposure.quantity 'phase' is not known"),
        ({"background": -1.0}, "background: received -1.0. Expected counts of a pixel, a number"),
        ({"background": None}, "background: received None"),
        ({"saturation": 0.5}, "saturation: received 0.5. Expected counts of a pixel, or null"),
        (
            {"saturation": 2**33, "integers": True, "quantity": "intensity"},
            "saturation: received 8589934592",
        ),
        ({"saturation": 40.5, "integers": True}, "saturation: received 40.5 beside"),
        ({"noise": "no"}, "noise: received 'no'. Expected true or false"),
        ({"normalised": 1}, "normalised: received 1"),
        ({"integers": None}, "integers: received None"),
        ({"quantity": ["amplitude"]}, "exposure.quantity ['amplitude'] is not known"),
    ],
)
def test_settings_are_checked(settings, words):
    with pytest.raises(ConfigurationError) as caught:
        Exposure(**settings)
    assert words in str(caught.value)


def test_numbers_of_numpy_are_numbers():
    found = Exposure(
        np.float32(1e5),
        seed=np.int64(1),
        background=np.float32(2),
        saturation=np.uint16(9),
        normalised=np.bool_(True),
    )
    assert found == Exposure(1e5, seed=1, background=2.0, saturation=9.0, normalised=True)
    kinds = {type(getattr(found, name)) for name in ("photons", "background", "saturation")}
    assert (kinds, type(found.seed), type(found.normalised)) == ({float}, int, bool)
