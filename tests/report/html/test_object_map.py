"""The map: what lies where, and as much of it as a page has room for."""

import re

import numpy as np
import pytest

from ptycho_engine.report.html import object_map
from ptycho_engine.report.html.object_map import map_object, scales_of


@pytest.fixture
def image():
    rng = np.random.default_rng(0)
    return rng.random((40, 30)) * np.exp(1j * rng.uniform(-3, 3, (40, 30)))


@pytest.fixture
def positions():
    return np.array([[10.0, 12.5], [20.25, 8.0], [30.0, 25.0]])


def dots(found):
    return [tuple(map(float, pair)) for pair in re.findall(r"M(\S+) (\S+)h0", found.dots)]


def test_planes_lie_where_the_samples_are(image, positions):
    found = map_object(image, positions, 8, scales_of(image, []))
    assert [plane.picture.name for plane in found.planes] == ["amplitude", "phase", "coverage"]
    amplitude = found.planes[0]
    assert (amplitude.left, amplitude.top) == (-0.5, -0.5)  # a pixel's centre is whole
    assert (amplitude.width, amplitude.height) == (30, 40)
    assert (found.rows, found.columns, found.count, found.step) == (40, 30, 3, 1)
    assert dots(found) == [(12.5, 10.0), (8.0, 20.25), (25.0, 30.0)]  # x before y


def test_coverage_counts_the_windows(positions):
    found = map_object(None, positions, 8, [])
    (coverage,) = found.planes
    assert coverage.high == 1.0  # none of the three windows meets another
    assert found.left <= 8 - 8
    assert found.left + found.width >= 25 + 8


def test_windows_are_framed(image, positions):
    found = map_object(image, positions, 8, [], framed=positions[1:2])
    assert [(f.left, f.top, f.size) for f in found.frames] == [(3.5, 15.75, 8)]


def test_a_coverage_that_is_known_is_shown(image, positions):
    coverage = np.full((40, 30), 2.5)
    found = map_object(image, positions, 8, [], coverage=coverage)
    (plane,) = found.planes
    assert (plane.high, plane.picture.unit) == (2.5, "sum of weights")
    assert (plane.left, plane.top, plane.width, plane.height) == (-0.5, -0.5, 30, 40)


def test_large_things_are_thinned(monkeypatch, image):
    monkeypatch.setattr(object_map, "SAMPLES", 16)
    monkeypatch.setattr(object_map, "DRAWN", 10)
    positions = np.random.default_rng(0).uniform(5, 25, (25, 2))
    found = map_object(image, positions, 8, scales_of(image, []))
    amplitude = found.planes[0]
    assert max(amplitude.picture.width, amplitude.picture.height) <= 16
    assert amplitude.height == 3 * amplitude.picture.height  # each stands for three
    assert (found.step, len(dots(found))) == (3, 9)
    assert "One sample in 3 along each side of the object is shown." in found.notes
    assert "One position in 3 is drawn." in found.notes


def test_of_several_planes_the_first_is_shown(image, positions):
    stack = np.stack([image, 0 * image])
    one, several = (map_object(i, positions, 8, scales_of(i, [])) for i in (image, stack))
    assert one.planes == several.planes
    assert several.notes == ("The first of 2 planes of the object is shown.",)


def test_a_phase_that_keeps_to_a_part_of_the_turn_has_a_scale_of_its_own(image):
    _, whole = scales_of(image, [])
    assert (whole.scale.low, whole.scale.high) == (-np.pi, np.pi)
    _, part = scales_of(np.abs(image) * np.exp(1j * np.linspace(-0.5, 0.4, 30)), [])
    assert part.scale.low == pytest.approx(-0.5)
    assert part.scale.high == pytest.approx(0.4)
    (real,) = scales_of(np.abs(image), [])
    assert real.name == "value"


@pytest.mark.parametrize("feature", [0.4, 3.0, -3.1])
def test_a_phase_that_few_samples_have_lies_on_its_scale(feature):
    phase = np.random.default_rng(0).uniform(-0.03, 0.03, (128, 160))
    phase[:8, :8] = feature
    _, shown = scales_of(np.exp(1j * phase), [])
    assert shown.scale.low <= feature <= shown.scale.high
    _, shown = scales_of(np.exp(1j * phase[8:, 8:]), [np.exp(1j * phase[:8, :8])])
    assert shown.scale.low <= feature <= shown.scale.high


def test_a_plane_says_that_its_ends_are_clipped(positions):
    image = np.ones((40, 30), np.complex64)
    image[20, 20] = 1000
    plane = map_object(image, positions, 8, scales_of(image, [])).planes[0]
    assert (plane.beyond, plane.legend.high, plane.legend.low) == ("max", "≥ 1", "0")


@pytest.mark.parametrize("count", [0, 1])
def test_few_positions_are_no_trouble(image, count):
    positions = np.full((count, 2), 15.0)
    assert map_object(image, positions, 8, scales_of(image, [])).count == count
    assert map_object(None, positions, 8, []).width > 0


@pytest.mark.parametrize(("size", "bar"), [(1e-8, (10.0, "100 nm")), (0.0, None), (np.nan, None)])
def test_a_scale_bar_needs_the_size_of_a_pixel(image, positions, size, bar):
    found = map_object(image, positions[:1], 8, [], pixel_size=size).bar
    assert found == (None if bar is None else (pytest.approx(bar[0]), bar[1]))
