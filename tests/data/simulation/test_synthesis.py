"""Whole scans from a recipe: what is drawn, what is read, what is the same for a seed."""

import json
from dataclasses import asdict, replace
from importlib.resources import files

import numpy as np
import pytest
from omegaconf import OmegaConf

from ptycho_engine.data.simulation.exposure import Exposure
from ptycho_engine.data.simulation.propagation import SliceGap
from ptycho_engine.data.simulation.recipe import (
    READ_OF_OBJECT,
    READ_OF_PROBE,
    BeamSettings,
    ObjectSettings,
    ProbeSettings,
    Recipe,
    TrajectorySettings,
)
from ptycho_engine.data.simulation.simulation import Simulation
from ptycho_engine.data.simulation.synthesis import make_scan
from ptycho_engine.errors import (
    ConfigurationError,
    InputFileError,
    MemoryBudgetError,
    RequestError,
)
from ptycho_engine.io.objects.urls import location
from ptycho_engine.io.scan import Scan
from ptycho_engine.io.scan_files import write_scan

SMALL = Recipe(
    probe=ProbeSettings(size=16, fwhm=5.0), trajectory=TrajectorySettings(points=30, step=3.0)
)


def small(**changes):
    """Change settings of the small recipe: ``probe={"modes": 2}``; a kind of probe is all new."""
    settings = {}
    for name, value in changes.items():
        if isinstance(value, dict):
            before = Recipe() if name == "probe" and "kind" in value else SMALL
            value = replace(getattr(before, name), **value)
        settings[name] = value
    return replace(SMALL, **settings)


def test_a_recipe_determines_everything():
    one, same, other = (make_scan(small(seed=seed)) for seed in (1, 1, 2))
    for name in ("image", "probe", "positions", "nominal_positions"):
        np.testing.assert_array_equal(getattr(one, name), getattr(same, name))
    np.testing.assert_array_equal(one.simulation.patterns(), same.simulation.patterns())
    assert not np.array_equal(one.positions, other.positions)


def test_noise_follows_from_the_seed_of_the_whole_unless_it_has_its_own():
    def noise(scan):
        mean = make_scan(replace(scan.recipe, exposure=Exposure(noise=False))).simulation
        return (scan.simulation.patterns() - mean.patterns()).ravel()

    one, other = (make_scan(small(seed=seed)) for seed in (1, 2))
    assert abs(np.corrcoef(noise(one), noise(other))[0, 1]) < 0.05
    again = make_scan(small(seed=1, exposure={"seed": one.recipe.exposure.seed}))
    np.testing.assert_array_equal(again.simulation.patterns(), one.simulation.patterns())
    assert again.recipe == one.recipe
    assert make_scan(small(seed=1, exposure={"seed": 3})).recipe.exposure.seed == 3


def test_the_object_does_not_change_with_the_way_nor_with_the_noise():
    recipe = small(object={"kind": "field", "size": 60})
    others = (
        replace(recipe, trajectory=replace(recipe.trajectory, points=20, error=0.4)),
        replace(recipe, exposure=Exposure(seed=9)),
    )
    image = make_scan(recipe).image
    for other in others:
        np.testing.assert_array_equal(make_scan(other).image, image)


@pytest.mark.parametrize("kind", ["star", "field", "leaves", "cells"])
@pytest.mark.parametrize("way", ["fermat", "spiral", "raster"])
def test_what_is_drawn_has_its_ranges_and_holds_the_scan(kind, way):
    ranges = {"amplitude_low": 0.7, "amplitude_high": 0.9, "phase_low": 0.2, "phase_high": 1.2}
    scan = make_scan(small(object={"kind": kind, **ranges}, trajectory={"kind": way}))
    assert scan.image.dtype == np.complex64
    amplitude, phase = np.abs(scan.image), np.angle(scan.image)
    assert 0.7 - 1e-6 <= amplitude.min() < amplitude.max() <= 0.9 + 1e-6
    assert 0.2 - 1e-6 <= phase.min() < phase.max() <= 1.2 + 1e-6
    assert scan.simulation.shape == (30, 16, 16)
    starts = scan.positions - 8
    assert starts.min() >= 2
    assert (starts + 16 <= np.array(scan.image.shape) - 2).all()


def test_true_positions_differ_from_nominal_ones_as_asked_for():
    recipe = small(trajectory={"points": 2000, "step": 0.5, "error": 0.8})
    scan = make_scan(recipe)
    wrong = scan.positions - scan.nominal_positions
    assert wrong.mean() == pytest.approx(0, abs=0.05)
    assert wrong.std() == pytest.approx(0.8, rel=0.05)
    assert np.abs(wrong).max() <= 2.4 + 1e-9
    there, meant = (
        Simulation(scan.image, p, scan.probe, Exposure(None, noise=False), scale=1.0).patterns(0, 9)
        for p in (scan.positions, scan.nominal_positions)
    )
    exposure = Exposure(None, noise=False)
    seen = make_scan(replace(recipe, exposure=exposure)).simulation.patterns(0, 9)
    np.testing.assert_array_equal(seen, there)
    assert not np.allclose(seen, meant, rtol=1e-3)
    exact = make_scan(small())
    np.testing.assert_array_equal(exact.positions, exact.nominal_positions)


def test_thick_objects_and_modes():
    recipe = small(object={"kind": "cells", "slices": 3, "gap": 1e-5}, probe={"modes": 2})
    scan = make_scan(replace(recipe, exposure=Exposure(None, noise=False)))
    assert scan.image.shape[0] == 3
    assert scan.probe.shape == (2, 16, 16)
    assert not np.array_equal(scan.image[0], scan.image[1])
    gap = SliceGap(1e-5, recipe.beam.wavelength, recipe.beam.pixel_size)
    plain = Exposure(None, noise=False)
    expected = Simulation(scan.image, scan.positions, scan.probe, plain, gap=gap).patterns()
    np.testing.assert_array_equal(scan.simulation.patterns(), expected)


def test_a_zone_plate_lights_the_object():
    settings = {"kind": "zone_plate", "size": 16, "outer_zone_width": 3e-8, "defocus": 2e-5}
    scan = make_scan(small(probe=settings))
    assert np.abs(scan.probe).max() == pytest.approx(1)
    assert scan.recipe.beam.wavelength == pytest.approx(1.409e-10, rel=1e-3)  # of 8.8 keV
    assert BeamSettings(distance=1.0).detector_pixel_size(64) == pytest.approx(2.2e-4, rel=2e-3)


def test_object_and_probe_of_a_scan_file(tmp_path):
    source = make_scan(small(probe={"size": 12, "fwhm": 4.0}))
    path = tmp_path / "scan.npz"
    write_scan(
        path, Scan(source.image, source.positions, "test", source.probe.astype(np.complex64))
    )
    scan = make_scan(
        small(
            object={"kind": "scan", "path": str(path)},
            probe={"kind": "file", "path": str(path)},
            trajectory={"points": 9},
        )
    )
    np.testing.assert_array_equal(scan.image, source.image)
    np.testing.assert_allclose(scan.probe, source.probe, rtol=1e-6)
    assert scan.simulation.shape == (9, 12, 12)


def test_arrays_of_the_caller():
    image, probe = np.full((80, 90), 0.5 + 0j), np.ones((10, 10))
    scan = make_scan(small(), image=image, probe=probe)
    assert scan.image is image
    assert scan.probe is probe
    np.testing.assert_allclose(scan.positions.mean(axis=0), (40, 45), atol=1.5)


def test_lists_of_the_caller_are_arrays_in_the_scan():
    given = np.full((60, 64), 0.5), np.ones((10, 10))
    listed, expected = (
        make_scan(small(), image=image, probe=probe)
        for image, probe in ([array.tolist() for array in given], given)
    )
    for name in ("image", "probe", "positions"):
        np.testing.assert_array_equal(getattr(listed, name), getattr(expected, name))


@pytest.mark.parametrize("name", ["image", "probe"])
@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda array: array[0], r"received float64 of shape \(60,\)"),
        (lambda array: "x", "received dtype <U1"),
        (lambda array: [[1, 2], [3]], "cannot be read as an array"),
        (lambda array: np.ma.masked_greater(array, 0), "3600 values are masked"),
        (lambda array: array * np.nan, "holds samples that are NaN"),
    ],
)
def test_what_is_no_object_and_no_probe_is_refused_first(name, spoil, words):
    with pytest.raises(RequestError, match=f"^{name}: {words}"):
        make_scan(small(), **{name: spoil(np.ones((60, 60)))})


def test_axes_in_another_order_are_refused():
    labelled = pytest.importorskip("xarray").DataArray
    for name in ("image", "probe"):
        with pytest.raises(RequestError, match=f"^{name}: received the axes"):
            make_scan(small(), **{name: labelled(np.ones((60, 60)), dims=("x", "y"))})


@pytest.mark.parametrize("mode", ["L", "RGB", "I;16", "F"])
def test_the_brightness_of_an_image(tmp_path, mode):
    from PIL import Image

    levels = np.linspace(0, 255, 70 * 64).reshape(70, 64).round()
    dtype = {"I;16": np.uint16, "F": np.float32}.get(mode, np.uint8)
    pixels = (levels * (100 if mode == "I;16" else 1)).astype(dtype)
    picture = Image.fromarray(pixels)
    path = tmp_path / "image.tiff"
    (picture.convert("RGB") if mode == "RGB" else picture).save(path)
    scan = make_scan(small(object={"kind": "image", "path": str(path)}))
    expected = levels / 255
    np.testing.assert_allclose(np.abs(scan.image), 0.6 + 0.4 * expected, atol=1e-6)
    np.testing.assert_allclose(np.angle(scan.image), expected - 0.5, atol=1e-6)


def test_files_that_hold_nothing_of_the_kind(tmp_path):
    path = tmp_path / "image.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(40))
    with pytest.raises(InputFileError, match="cannot be read as an image"):
        make_scan(small(object={"kind": "image", "path": str(path)}))
    with pytest.raises(InputFileError, match="is no regular file"):
        make_scan(small(object={"kind": "image", "path": str(tmp_path)}))
    with_none = tmp_path / "scan.npz"
    write_scan(with_none, Scan(np.ones((9, 9), np.complex64), np.array([[4.0, 4.0]]), "test"))
    with pytest.raises(InputFileError, match="holds no probe"):
        make_scan(small(probe={"kind": "file", "path": str(with_none)}))


def test_a_scan_that_leaves_its_object_says_what_fits():
    with pytest.raises(
        ConfigurationError, match=r"object: received 20 x 20 pixels\. Expected"
    ) as caught:
        make_scan(small(object={"size": 20}))
    size = int(str(caught.value).split("Expected ")[1].split()[0])
    width = int(str(caught.value).split(" x ")[2].split()[0])
    make_scan(small(object={"size": max(size, width)}))


def test_more_than_the_budget_is_refused_before_it_is_made():
    for changes in ({"object": {"size": 90_000}}, {"trajectory": {"points": 10**9}}):
        with pytest.raises(MemoryBudgetError, match=r"simulation: .* takes .* GiB"):
            make_scan(small(**changes), memory_budget="1GiB")


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: ObjectSettings(kind="stars"), "Did you mean 'star'"),
        (lambda: ObjectSettings(kind="image"), "object.path: received None. Expected that of a"),
        (
            lambda: ObjectSettings(path="x.png"),
            "object.path: received 'x.png' with object.kind=star",
        ),
        (lambda: ObjectSettings(feature=5.0), "object.feature: received 5.0 with object.kind=star"),
        (lambda: ObjectSettings("image", "x.png", slices=3), "settings of that kind: path, ampl"),
        (lambda: ObjectSettings("scan", "x.h5", size=300), "settings of that kind: path, gap."),
        (
            lambda: ProbeSettings("airy", order_y=2),
            "probe.order_y: received 2 with probe.kind=airy",
        ),
        (lambda: ProbeSettings("zone_plate", fwhm=9.0), "probe.fwhm: received 9.0 with"),
        (lambda: ProbeSettings("file", "x.h5", size=32), "probe.size: received 32 with"),
        (lambda: ObjectSettings(feature=0), "object.feature: received 0. Expected pixels"),
        (lambda: ObjectSettings(slices=0), "object.slices: received 0"),
        (lambda: ProbeSettings(kind="bessel"), "probe.kind 'bessel' is not known"),
        (lambda: ProbeSettings(size=1.5), "probe.size: received 1.5. Expected an integer"),
        (lambda: ProbeSettings(decay=0), "probe.decay: received 0"),
        (lambda: TrajectorySettings(step=float("nan")), "trajectory.step: received nan"),
        (lambda: TrajectorySettings(error=-1), "trajectory.error: received -1"),
        (lambda: BeamSettings(energy="high"), "beam.energy: received 'high'"),
        (lambda: Recipe(seed=-1), "seed: received -1"),
        (
            lambda: Recipe(probe={"size": 32}),
            "probe: received {'size': 32}. Expected an instance of",
        ),
        (lambda: make_scan({}), "recipe: received {}. Expected an instance of Recipe"),
        (lambda: ObjectSettings("image", 3), "object.path: received 3. Expected that of a file"),
        (lambda: BeamSettings(near_field="no"), "beam.near_field: received 'no'. Expected true"),
    ],
)
def test_settings_are_checked(make, words):
    with pytest.raises(ConfigurationError) as caught:
        make()
    assert words in str(caught.value)


def test_settings_are_plain_numbers_and_texts_whatever_they_were(tmp_path):
    path = tmp_path / "im.png"
    given = Recipe(
        ObjectSettings("image", path, amplitude_low=np.float32(0.5)),
        ProbeSettings(size=np.int64(16), fwhm=np.float32(5), modes=np.uint8(2)),
        TrajectorySettings(points=np.int64(20), step=np.float32(5)),
        BeamSettings(energy=np.float32(8000), near_field=np.bool_(False)),
        Exposure(np.float32(1e5), np.bool_(True), np.int64(1), background=np.float16(0.5)),
        np.int64(3),
    )
    assert given == Recipe(
        ObjectSettings("image", str(path), amplitude_low=0.5),
        ProbeSettings(size=16, fwhm=5.0, modes=2),
        TrajectorySettings(points=20, step=5.0),
        BeamSettings(energy=8000.0),
        Exposure(1e5, True, 1, background=0.5),
        3,
    )
    assert json.loads(json.dumps(asdict(given))) == asdict(given)
    assert ProbeSettings("file", path).path == str(path)


@pytest.mark.parametrize("name", ["scan.npz", "s3://bucket/scan.npz"])
def test_paths_of_any_kind_are_text(name):
    place = location(name)
    assert ProbeSettings("file", place).path == name


@pytest.mark.parametrize(
    ("group", "kind", "read"),
    [("object", *one) for one in READ_OF_OBJECT.items()]
    + [("probe", *one) for one in READ_OF_PROBE.items()],
)
def test_the_configuration_offers_what_a_kind_reads(group, kind, read):
    offered = OmegaConf.load(str(files("ptycho_engine.conf") / group / f"{kind}.yaml"))
    assert set(offered) - {"defaults", "kind"} == set(read)


def test_hydra_knows_every_type_of_a_recipe():
    assert OmegaConf.to_object(OmegaConf.structured(Recipe)) == Recipe()
