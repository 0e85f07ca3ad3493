"""A sample of patches against the float64 reference, within a fixed effort."""

import numpy as np
import pytest

from ptycho_engine import Engine
from ptycho_engine.app.jobs import accuracy
from ptycho_engine.app.jobs.accuracy import PATCHES, compared, measure_accuracy
from ptycho_engine.geometry.cut import Cut

RNG = np.random.default_rng(0)
IMAGE = (RNG.random((60, 50)) + 1j * RNG.random((60, 50))).astype(np.complex64)
POSITIONS = RNG.uniform(-3, 55, (40, 2))


def cut_all(cut, image=IMAGE):
    found = Engine("numba").extract(image, POSITIONS, **vars(cut))
    return dict(enumerate(np.moveaxis(found, -3, 0)))


@pytest.mark.parametrize("interpolation", ["nearest", "bilinear", "bicubic"])
@pytest.mark.parametrize("fill", ["zeros", "reflect"])
def test_patches_of_the_engine_are_within_the_tolerance(interpolation, fill):
    cut = Cut(9, interpolation, fill)
    found = measure_accuracy(IMAGE, POSITIONS, cut_all(cut), cut)
    assert 8 <= len(found.errors) <= PATCHES
    assert found.holds
    assert found.largest > 0 or interpolation == "nearest"


def test_what_is_wrong_shows_as_a_share_of_the_largest_magnitude():
    cut = Cut(8)
    patches = cut_all(cut)
    index = min(patches)
    patches[index] = patches[index] + 0.01 * np.abs(IMAGE).max()
    found = measure_accuracy(IMAGE, POSITIONS, patches, cut)
    assert dict(found.errors)[index] == pytest.approx(0.01, rel=1e-4)
    assert not found.holds


def test_of_what_is_not_finite_only_a_difference_counts():
    image = IMAGE.copy()
    image[30, 25] = np.nan
    cut = Cut(20)
    patches = cut_all(cut, image)
    assert any(np.isnan(patch).any() for patch in patches.values())
    assert measure_accuracy(image, POSITIONS, patches, cut).holds
    index = min(patches)
    patches[index] = np.full_like(patches[index], np.nan)
    assert not measure_accuracy(image, POSITIONS, patches, cut).holds


def test_layers_are_compared_too():
    image = np.stack([IMAGE, 2 * IMAGE])
    cut = Cut(8)
    assert measure_accuracy(image, POSITIONS, cut_all(cut, image), cut).holds


def test_of_a_large_object_a_part_is_taken(monkeypatch):
    cut = Cut(6, "bicubic")
    whole = measure_accuracy(IMAGE, POSITIONS, cut_all(cut), cut)
    monkeypatch.setattr(accuracy, "WHOLE", 100)
    monkeypatch.setattr(accuracy, "PATCHES", 40)
    part = measure_accuracy(IMAGE, POSITIONS, cut_all(cut), cut)
    assert 0 < len(part.errors) < 40  # those at a border are left out
    assert part.holds
    assert whole.holds
    legacy = measure_accuracy(IMAGE, POSITIONS, cut_all(cut), Cut(6, "bicubic", rounding="legacy"))
    assert legacy.errors == ()
    assert "no patch" in legacy.reason


def test_effort_is_bounded():
    assert compared(1000, 16, 1, "bilinear") == PATCHES
    assert compared(3, 16, 1, "bilinear") == 3
    assert compared(1000, 4096, 1, "bilinear") == 1
    assert compared(1000, 256, 4, "bicubic") < compared(1000, 256, 1, "bilinear")
    assert compared(1000, 512, 1, "fourier") == 1
    assert compared(1000, 128, 1, "fourier") == 3
    assert measure_accuracy(IMAGE, POSITIONS, {}, Cut(8)) is None
