"""Objects and probes of scan files: their light, lengths and slices count, or somebody is told."""

from dataclasses import replace

import numpy as np
import pytest
from events import logged

from ptycho_engine import make_scan, write_scan
from ptycho_engine.data.simulation.exposure import Exposure
from ptycho_engine.data.simulation.propagation import SliceGap
from ptycho_engine.data.simulation.recipe import (
    BeamSettings,
    ObjectSettings,
    ProbeSettings,
    Recipe,
    TrajectorySettings,
)
from ptycho_engine.data.simulation.simulation import Simulation
from ptycho_engine.errors import InputFileError
from ptycho_engine.io.scan import PLANCK_LIGHT, Scan
from ptycho_engine.phantoms.probes import zone_plate_focus

WAY = TrajectorySettings(points=5, step=3.0)
COUNTS = Exposure(photons=None, noise=False, quantity="intensity")


def scan(**changes):
    rng = np.random.default_rng(1)
    fields = {
        "image": np.exp(1j * rng.normal(size=(2, 40, 44))).astype("c8"),
        "positions": np.full((3, 2), 20.0),
        "source": "a test",
        "probe": (rng.normal(size=(8, 8)) + 1j * rng.normal(size=(8, 8))).astype("c8"),
        "layer_axis": "slice",
        "layer_spacing": np.array([5e-5]),
        "pixel_size": (3e-8, 3e-8),
        "energy": 6000.0,
        "distance": 1.5,
    }
    return Scan(**fields | changes)


@pytest.fixture
def written(tmp_path):
    def write(name="scan.h5", **changes):
        write_scan(tmp_path / name, scan(**changes), "ptycho_engine")
        return str(tmp_path / name)

    return write


def made(of_object=None, of_probe=None, **changes):
    """A scan of files, and what was warned of."""
    settings = {
        "object": ObjectSettings() if of_object is None else ObjectSettings("scan", of_object),
        "probe": ProbeSettings(size=8) if of_probe is None else ProbeSettings("file", of_probe),
    }
    recipe = Recipe(**{"trajectory": WAY, "exposure": COUNTS} | settings | changes)
    with logged() as events:
        one = make_scan(recipe)
    return one, [e["reason"] for e in events if e["event"] == "doubtful_scan"]


@pytest.mark.parametrize("both", [True, False])
def test_light_and_lengths_are_those_of_the_file(written, both):
    path = written()
    found, doubts = made(path, path if both else None)
    assert found.recipe.beam == BeamSettings(energy=6000.0, pixel_size=3e-8, distance=1.5)
    assert (found.recipe.object.gap, doubts) == (5e-5, [])
    gap = SliceGap(5e-5, PLANCK_LIGHT / 6000.0, 3e-8)
    expected = Simulation(found.image, found.positions, found.probe, COUNTS, gap=gap).patterns()
    np.testing.assert_array_equal(found.simulation.patterns(), expected)
    other = replace(gap, distance=1e-6)
    other = Simulation(found.image, found.positions, found.probe, COUNTS, gap=other).patterns()
    assert np.abs(other - expected).max() > 1e-2 * expected.max()
    again = make_scan(found.recipe)
    np.testing.assert_array_equal(again.simulation.patterns(), expected)


def test_a_probe_alone_says_them_too(written):
    found, doubts = made(None, written(layer_spacing=np.array([1e-6])))
    assert found.recipe.beam == BeamSettings(energy=6000.0, pixel_size=3e-8, distance=1.5)
    assert doubts == []
    assert found.recipe.object == ObjectSettings()


def test_a_zone_plate_lights_the_object_of_a_file_at_its_pixels(written):
    settings = ProbeSettings("zone_plate", size=16, outer_zone_width=6e-8)
    found, _ = made(written(), probe=settings)
    expected = zone_plate_focus(16, 3e-8, PLANCK_LIGHT / 6000.0, 6e-8, 0.0, 0.3)
    np.testing.assert_array_equal(found.probe, expected)


def test_settings_stay_and_what_is_different_is_told(written):
    beam, path = BeamSettings(energy=7000.0, pixel_size=3e-8, distance=1.0), written()
    found, doubts = made(
        path, path, beam=beam, object=ObjectSettings("scan", path, gap=2e-6)
    )  # fmt: skip
    assert (found.recipe.beam, found.recipe.object.gap) == (beam, 2e-6)
    assert [text.removeprefix(path).partition(". ")[0] for text in doubts] == [
        ": beam.energy is 6000 there, and 7000 is simulated",
        ": beam.distance is 1.5 there, and 1 is simulated",
        ": object.gap is 5e-05 there, and 2e-06 is simulated",
    ]


def test_a_probe_of_other_pixels_or_another_light_is_told(written):
    of_object, of_probe = written(), written("probe.h5", pixel_size=(4e-8, 4e-8), energy=6500.0)
    found, doubts = made(of_object, of_probe)
    assert (found.recipe.beam.energy, found.recipe.beam.pixel_size) == (6000.0, 3e-8)
    assert [text.removeprefix(of_probe).partition(". ")[0] for text in doubts] == [
        ": beam.energy is 6500 there, and 6000 is simulated",
        ": beam.pixel_size is 4e-08 there, and 3e-08 is simulated",
    ]
    close = written("close.h5", pixel_size=(float(np.float32(3e-8)),) * 2)
    assert made(of_object, close)[1] == []


def test_modes_of_an_object_are_no_slices(written):
    path = written(layer_axis="mode", layer_spacing=None)
    with pytest.raises(InputFileError, match=r"2 modes, .* Write one mode as a scan of its own"):
        made(path)
    one = written("one.h5", image=scan().image[:1], layer_axis="mode", layer_spacing=None)
    found, _ = made(one)
    assert found.image.shape == (40, 44)
    assert made(None, path)[0].probe.shape == (8, 8)  # whose object nobody asked for


def test_slices_at_uneven_distances(written):
    three = np.concatenate([scan().image, scan().image[:1]])
    path = written(image=three, layer_spacing=np.array([5e-5, 6e-5]))
    with pytest.raises(InputFileError, match=r"5e-05 to 6e-05 m apart\. Expected the same"):
        made(path)
    found, doubts = made(path, object=ObjectSettings("scan", path, gap=5.5e-5))
    assert found.recipe.object.gap == 5.5e-5
    assert "object.gap is 5e-05 and 6e-05 there, and 5.5e-05 is simulated" in doubts[0]
    even = written("even.h5", image=three, layer_spacing=np.full(2, 4e-5))
    assert made(even)[0].recipe.object.gap == 4e-5


def test_slices_at_distances_that_nobody_knows(written):
    found, doubts = made(written(layer_spacing=None))
    assert found.recipe.object.gap == ObjectSettings().gap
    assert "does not say how far apart its 2 slices are. They are simulated 1e-06 m" in doubts[0]


def test_pixels_that_are_not_square(written):
    path = written(pixel_size=(3e-8, 4e-8))
    with pytest.raises(InputFileError, match=r"3e-08 x 4e-08 m\. Expected square ones"):
        made(path)
    found, doubts = made(path, beam=BeamSettings(pixel_size=3.5e-8))
    assert found.recipe.beam.pixel_size == 3.5e-8
    assert "beam.pixel_size is 3e-08 and 4e-08 there, and 3.5e-08 is simulated" in doubts[0]


def test_a_file_of_the_near_field(written):
    near = {"assumptions": {"propagation": "near"}, "distance": 1e-5}
    path = written(image=scan().image[0], layer_axis=None, layer_spacing=None, **near)
    _, doubts = made(path)
    assert "is of a near field, and patterns are simulated in the far one" in doubts[0]
    found, doubts = made(path, beam=BeamSettings(near_field=True))
    assert (found.recipe.beam.distance, doubts) == (1e-5, [])


def test_a_file_that_says_nothing_changes_nothing_and_is_told(written):
    one = {"image": scan().image[0], "layer_axis": None, "layer_spacing": None}
    path = written(**one, pixel_size=None, energy=None, distance=None)
    found, doubts = made(path, path)
    assert found.recipe.beam == BeamSettings()
    defaults = "beam.energy=8800 eV, beam.pixel_size=1e-08 m, beam.distance=2 m"
    (doubt,) = doubts
    assert doubt.startswith(
        f"{path}: nothing there replaces {defaults}: the defaults are simulated"
    )
    set_ones = BeamSettings(energy=7000.0, pixel_size=3e-8, distance=1.0)
    assert made(path, path, beam=set_ones)[1] == []
