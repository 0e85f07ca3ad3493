"""Flips, turns and noise: patches, positions, probes and patterns still belong together."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toy_scans import far_field, toy_scan

from ptycho_engine.data.datasets.augmentation import Augmentation
from ptycho_engine.data.datasets.datasets import PatchDataset
from ptycho_engine.data.pattern_power import pattern_powers
from ptycho_engine.errors import InputFileError, RequestError
from ptycho_engine.io.patterns import Patterns
from ptycho_engine.io.scan import Scan
from ptycho_engine.testing import reference_patches

FIELDS = ("patterns", "patches", "probe", "positions")


def turned_image(image, code):
    """The object as the bits of a code say, one step after the other."""
    image = image.T if code & 4 else image
    image = image[::-1] if code & 2 else image
    return image[:, ::-1] if code & 1 else image


def amplitudes(patches, probes):
    waves = patches[:, None] * probes
    return np.sqrt((far_field(waves) ** 2).sum(axis=1))


@settings(max_examples=12)
@given(st.integers(1, 7), st.booleans(), st.booleans(), st.integers(0, 3), st.integers(0, 2))
def test_what_belongs_together_still_does(size, flips, turns, epoch, modes):
    scan = toy_scan(size=size, modes=modes, seed=size)
    augmentation = Augmentation(flips=flips, turns=turns, seed=5)
    dataset = PatchDataset(scan, fields=FIELDS, augmentation=augmentation)
    batch = dataset.batch(np.arange(9), epoch=epoch)
    for item, code in enumerate(augmentation.codes(np.arange(9), epoch)):
        image = turned_image(scan.image, code)
        expected = reference_patches(image, batch["positions"][item : item + 1], size)
        # The position's fraction is rounded anew: 1e-5 of unit-variance samples.
        np.testing.assert_allclose(batch["patches"][item], expected[0], atol=1e-5)
    np.testing.assert_allclose(
        batch["patterns"], amplitudes(batch["patches"], batch["probe"]), atol=1e-4
    )


def test_groups_are_turned_as_their_members_would_be():
    scan = toy_scan(size=6)
    augmentation = Augmentation(flips=True, turns=True, seed=2)
    groups = np.arange(8).reshape(4, 2)
    how = {"fields": ("patterns", "patches", "positions"), "augmentation": augmentation}
    batch = PatchDataset(scan, groups=groups, **how).batch([0, 1, 2, 3])
    plain = PatchDataset(scan, groups=groups, fields=how["fields"]).batch([0, 1, 2, 3])
    codes = augmentation.codes(np.arange(4), 0)
    assert codes.any()
    for item, code in enumerate(codes):
        for member in range(2):
            image = turned_image(scan.image, code)
            where = batch["positions"][item, member]
            expected = reference_patches(image, [where], 6)[0]
            np.testing.assert_allclose(batch["patches"][item, ..., member], expected, atol=1e-5)
        assert np.sort(batch["patterns"][item], axis=None) == pytest.approx(
            np.sort(plain["patterns"][item], axis=None)
        )


def test_all_symmetries_come_and_depend_on_seed_epoch_and_item_alone():
    items = np.arange(4000)
    for (flips, turns), expected in {
        (True, True): set(range(8)), (True, False): {0, 1, 2, 3}, (False, True): {0, 3, 5, 6},
    }.items():  # fmt: skip
        codes = Augmentation(flips, turns, seed=1).codes(items, 3)
        counts = np.unique(codes, return_counts=True)
        assert set(counts[0].tolist()) == expected
        assert counts[1].min() > 0.85 * 4000 / len(expected)
        chosen = np.array([7, 3, 3])
        np.testing.assert_array_equal(
            Augmentation(flips, turns, seed=1).codes(chosen, 3), codes[chosen]
        )
        assert (codes != Augmentation(flips, turns, seed=1).codes(items, 4)).any()
        assert (codes != Augmentation(flips, turns, seed=2).codes(items, 3)).any()


def test_turns_are_quarter_turns():
    patch = np.arange(9).reshape(3, 3)
    turned = [turned_image(patch, code) for code in (0, 5, 3, 6)]
    assert {image.tobytes() for image in turned} == {np.rot90(patch, k).tobytes() for k in range(4)}


@pytest.mark.parametrize("quantity", ["amplitude", "intensity"])
def test_noise_is_poisson_about_the_counts(quantity):
    counts = np.full((400, 8, 8), 6.0, np.float32)
    held = np.sqrt(counts) if quantity == "amplitude" else counts
    scan = Scan(None, np.zeros((400, 2)), "flat", None, Patterns.of(held, quantity))
    dataset = PatchDataset(scan, fields=["patterns"], augmentation=Augmentation(noise=True))
    first, second = (dataset.batch(np.arange(400), epoch=epoch)["patterns"] for epoch in (0, 1))
    drawn = first**2 if quantity == "amplitude" else first
    np.testing.assert_allclose(drawn, np.rint(drawn), atol=1e-4)
    # Standard errors of 25,600 draws: 0.015 of the mean, 0.055 of the variance; five of each.
    assert drawn.mean() == pytest.approx(6, abs=0.08)
    assert drawn.var() == pytest.approx(6, abs=0.3)
    assert (first != second).mean() > 0.7
    again = dataset.batch([5, 3])["patterns"]
    np.testing.assert_array_equal(again, first[[5, 3]])


def test_photons_are_the_mean_counts_of_a_pattern_and_units_stay():
    scan = toy_scan(points=40)
    noise = Augmentation(noise=True, photons=1e7)
    clean = PatchDataset(scan, fields=["patterns"])[:]["patterns"]
    noisy = PatchDataset(scan, fields=["patterns"], augmentation=noise)[:]["patterns"]
    assert (noisy != clean).all()
    # 1e7 counts over 36 pixels: about 2e-3 of a typical amplitude, and its square root.
    np.testing.assert_allclose(noisy, clean, atol=0.02 * clean.max())
    power = (clean.astype(float) ** 2).sum(axis=(1, 2)).mean()
    spread = (noisy.astype(float) ** 2 - clean.astype(float) ** 2) * 1e7 / power
    assert spread.std() == pytest.approx(np.sqrt(1e7 / 36), rel=0.1)


def test_background_that_was_subtracted_is_no_light():
    counts = np.random.default_rng(1).poisson(0.5, (60, 8, 8)).astype(np.float32) + 2
    counts[:, 2:, :] -= 2.4  # most pixels are below zero
    light = np.maximum(counts, 0).sum(axis=(1, 2), dtype=float).mean()
    assert counts.sum(axis=(1, 2), dtype=float).mean() < 0.8 * light
    scan = Scan(None, np.zeros((60, 2)), "dark", None, Patterns.of(counts, "intensity"))
    noise = Augmentation(noise=True, photons=1e5)
    noisy = PatchDataset(scan, fields=["patterns"], augmentation=noise)[:]["patterns"]
    assert noisy.sum(axis=(1, 2), dtype=float).mean() == pytest.approx(light, rel=0.01)
    scales = [
        PatchDataset(scan, fields=["scale"], normalise=True, quantity=quantity)[0]["scale"]
        for quantity in ("amplitude", "intensity")
    ]
    assert scales == pytest.approx([4 / light**0.5] * 2, rel=1e-5)


def test_amplitudes_below_zero_are_dark_where_counts_are_drawn():
    """PtychoPINN's scale alone squares them."""
    values = np.full((60, 8, 8), 3, np.float32)
    values[:, 2:, :] = -1
    light = 9.0 * 2 * 8
    assert pattern_powers(values, "amplitude", None, "x")[0] == light + 6 * 8
    assert pattern_powers(values, "amplitude", None, "x", dark_below_zero=True)[0] == light
    scan = Scan(None, np.zeros((60, 2)), "dark", None, Patterns.of(values, "amplitude"))
    noise = Augmentation(noise=True, photons=1e5)
    noisy = PatchDataset(scan, fields=["patterns"], augmentation=noise)[:]["patterns"]
    np.testing.assert_allclose(np.square(noisy).sum(axis=(1, 2), dtype=float), light, rtol=0.02)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("quantity", ["amplitude", "intensity"])
def test_samples_that_are_no_numbers_are_refused_beside_negative_ones(bad, quantity):
    values = np.full((3, 4, 4), -1, np.float32)
    values[1, 2, 3] = bad
    with pytest.raises(InputFileError, match="number 8 of its patterns"):
        pattern_powers(values, quantity, None, "x", 7, dark_below_zero=True)


@pytest.mark.parametrize("sign", [0, -1])
def test_dark_patterns_have_no_scale_and_no_photons(sign):
    dark = Patterns.of(np.full((3, 4, 4), sign, np.float32), "intensity")
    scan = Scan(None, np.zeros((3, 2)), "dark", None, dark)
    assert PatchDataset(scan, fields=["scale"], normalise=True)[0]["scale"] == 1
    with pytest.raises(InputFileError, match=r"dark: no good pixel .* 10000 counts"):
        PatchDataset(scan, augmentation=Augmentation(noise=True, photons=1e4))
    below = Patterns.of(np.full((3, 4, 4), -np.inf, np.float32), "intensity")
    with pytest.raises(InputFileError, match="NaN or infinite"):
        PatchDataset(Scan(None, np.zeros((3, 2)), "below", None, below), normalise=True)


@pytest.mark.parametrize("worst", [np.nan, np.inf, 1e30, -7])
@pytest.mark.parametrize("quantity", ["amplitude", "intensity"])
@pytest.mark.parametrize("groups", [None, [[0, 1], [2, 0]]])
def test_bad_pixels_stop_no_noise_and_stay(worst, quantity, groups):
    values = np.full((3, 6, 6), 4.0, np.float32)
    values[:, 2, 3] = worst
    mask = np.ones((6, 6), bool)
    mask[2, 3] = False
    scan = Scan(
        None, np.zeros((3, 2)), "masked", None, Patterns.of(values, quantity), mask=mask
    )  # fmt: skip
    noise = Augmentation(noise=True, photons=1e6)
    found = PatchDataset(scan, fields=["patterns"], groups=groups, augmentation=noise)[:][
        "patterns"
    ]
    np.testing.assert_array_equal(found[:, 2, 3], np.float32(worst))
    assert (found[:, mask] != 4).mean() > 0.9
    np.testing.assert_allclose(found[:, mask], 4, rtol=0.05)


def test_epochs_are_whole_numbers_and_each_has_noise_of_its_own():
    dataset = PatchDataset(toy_scan(), augmentation=Augmentation(flips=True, noise=True))
    for epoch in (-1, "a", 1.5, True, 2**64):
        with pytest.raises(RequestError, match="epoch: received"):
            dataset.batch([0], epoch=epoch)
    noise = PatchDataset(toy_scan(), augmentation=Augmentation(noise=True))
    last, before = (noise.batch([0], epoch=2**64 - n)["patterns"] for n in (1, 2))
    assert (last != before).any()
    with pytest.raises(RequestError, match="received a dict"):
        PatchDataset(toy_scan(), augmentation={"flips": True})


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"seed": -1}, "augmentation.seed: received -1"),
        ({"photons": 5.0}, "photons: received 5.0 with noise=False"),
        ({"photons": 0.0, "noise": True}, "photons: received 0.0"),
        ({"photons": "1e5", "noise": True}, "photons: received '1e5'"),
        ({"photons": True, "noise": True}, "photons: received True"),
        ({"flips": "no"}, "flips: received 'no'. Expected True or False"),
    ],
)
def test_values_are_checked(how, message):
    with pytest.raises(RequestError, match=message):
        Augmentation(**how)


def test_what_cannot_be_turned_is_refused():
    flat = Patterns.of(np.ones((3, 4, 5), np.float32), "amplitude")
    scan = Scan(None, np.zeros((3, 2)), "narrow", None, flat)
    with pytest.raises(RequestError, match=r"4 x 5\. Expected squares"):
        PatchDataset(scan, fields=["patterns"], augmentation=Augmentation(turns=True))
    with pytest.raises(RequestError, match=r"which narrow does not tell.*'positions'"):
        PatchDataset(scan, 4, augmentation=Augmentation(flips=True))
    unknown = Scan(None, np.zeros((3, 2)), "no unit", None, Patterns.of(np.ones((3, 4, 4))))
    with pytest.raises(RequestError, match="no unit: does not say"):
        PatchDataset(unknown, augmentation=Augmentation(noise=True))
