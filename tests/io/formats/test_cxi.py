"""CXI files and NXcxi_ptycho: what each number means, what is left open, what is refused."""

import pickle
from dataclasses import replace

import h5py
import numpy as np
import pytest
from beamline_files import COUNT, PLANCK_LIGHT, SIZE, cxi, metres, nexus_cxi, ptychodus_cxi, stack

from ptycho_engine.errors import ConfigurationError, InputFileError, OutputError
from ptycho_engine.io.catalogue import load_format
from ptycho_engine.io.formats import cxi as cxi_format
from ptycho_engine.io.hdf5_file import Hdf5File
from ptycho_engine.io.patterns import Patterns
from ptycho_engine.io.scan import Scan
from ptycho_engine.io.scan_files import read_scan, write_scan

DETECTOR, SOURCE = "entry_1/instrument_1/detector_1", "entry_1/instrument_1/source_1"
#: Of an object: wavelength x distance / (detector pixel x pixels), rows and columns.
SIDES = ("height", "width")
WAVELENGTH = PLANCK_LIGHT / (8000 * 1.602176634e-19)
PIXEL = np.array([WAVELENGTH * 1.5 / (75e-6 * SIZE), WAVELENGTH * 1.5 / (50e-6 * SIZE)])


@pytest.fixture
def path(tmp_path):
    return tmp_path / "scan.cxi"


def read(path, **options):
    return read_scan("cxi", path, options)


@pytest.mark.parametrize("written", [cxi, nexus_cxi])
def test_what_is_read(path, written):
    scan = read(written(path))
    assert (scan.units, scan.image, scan.probe, scan.warnings) == ("px", None, None, ())
    np.testing.assert_allclose(scan.positions, metres() / PIXEL, rtol=1e-9)
    np.testing.assert_allclose(scan.pixel_size, PIXEL, rtol=1e-9)
    np.testing.assert_allclose(scan.detector_pixel_size, (75e-6, 50e-6), rtol=1e-12)
    assert scan.energy == pytest.approx(8000, rel=1e-9)
    assert scan.distance == pytest.approx(1.5)
    assert (scan.patterns.quantity, scan.patterns.shape) == ("intensity", (COUNT, SIZE, SIZE))
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(scan.patterns)).read(), stack())
    np.testing.assert_array_equal(scan.patterns.take([4, 1]), stack()[[4, 1]])
    assert scan.assumptions["motion"] == "sample"


def test_the_sample_or_the_probe_moves(path):
    cxi(path)
    moved = read(path, motion="probe").positions
    np.testing.assert_allclose(moved, -read(path).positions)
    plain = read(path, motion="probe", basis="plain")  # as ptychodus reads it
    np.testing.assert_allclose(plain.positions, metres() / PIXEL, rtol=1e-9)
    assert plain.assumptions | {"motion": "probe", "basis": "plain"} == plain.assumptions


@pytest.mark.parametrize("transposed", [False, True])
def test_vectors_of_the_detector_turn_the_positions(path, transposed):
    """Rows along x and columns along y: a quarter turn of the detector about the beam."""
    vectors = np.array([[75e-6, 0, 0], [0, 50e-6, 0]])
    cxi(path, **{f"{DETECTOR}/basis_vectors": vectors if transposed else vectors.T})
    scan = read(path)
    np.testing.assert_allclose(scan.positions, -metres()[:, ::-1] / PIXEL, rtol=1e-9)
    np.testing.assert_allclose(scan.detector_pixel_size, (75e-6, 50e-6))


def test_energies(path):
    machine = {f"{SOURCE}/energy": (3e9, {"units": "eV"})}
    scan = read(cxi(path, **machine))
    assert scan.energy == 3e9
    assert "none of a photon" in scan.warnings[0]
    scan = read(path, energy="machine")
    assert (scan.energy, scan.pixel_size, scan.units) == (None, None, "m")
    np.testing.assert_allclose(scan.positions, metres(), rtol=1e-12)
    assert scan.assumptions["energy"] == "source_1/energy is the machine's"
    cxi(path, **machine | {f"{SOURCE}/wavelength": WAVELENGTH})
    assert read(path, energy="machine").energy == pytest.approx(8000)
    assert "contradict" in read(path).warnings[1]
    nexus_cxi(path, **{"entry_1/instrument_1/beam_1/incident_beam_energy": None})
    assert read(path).energy is None
    assert read(path, energy="photon").energy == 3e9


def test_the_size_of_a_pixel(path):
    cxi(path)
    assert read(path, pixel_size=2e-8).pixel_size == (2e-8, 2e-8)
    assert read(path, propagation="near").pixel_size == (75e-6, 50e-6)
    cxi(path, **{f"{DETECTOR}/distance": 0.0})  # programs write 0 for what they do not know
    assert read(path).distance is read(path).pixel_size is None


@pytest.mark.parametrize("value", [0x1000, 0])
def test_masks(path, value):
    bits = np.full((SIZE, SIZE), value, "u4")
    bits[2, 3], bits[4, 5] = 1, 0x1001
    good = np.ones((SIZE, SIZE), bool)
    good[2, 3] = good[4, 5] = False
    np.testing.assert_array_equal(read(cxi(path, **{f"{DETECTOR}/mask": bits})).mask, good)
    np.testing.assert_array_equal(read(path, good="nonzero").mask, ~good)
    each = np.zeros((COUNT, SIZE, SIZE), "u1")
    scan = read(cxi(path, **{f"{DETECTOR}/mask": each}))
    assert scan.mask is None
    assert "a mask for each pattern" in scan.warnings[0]


def test_masks_of_other_numbers(path):
    bad = np.eye(SIZE, dtype="f4")
    scan = read(cxi(path, **{f"{DETECTOR}/mask": bad}))
    np.testing.assert_array_equal(scan.mask, bad == 0)
    assert scan.warnings == ()
    for wrong in (bad / 2, bad * np.nan):
        scan = read(cxi(path, **{f"{DETECTOR}/mask": wrong}))
        assert scan.mask is None
        assert "not whole, and was not read" in scan.warnings[0]


def test_frames_of_the_detector_that_nobody_wrote(path):
    """A mask left at its fill value is legal, and stops no scan."""
    cxi(path)
    with h5py.File(path, "r+") as file:
        del file[f"{DETECTOR}/mask"]
        for name, chunks in (("mask", None), ("data_dark", (1, SIZE))):
            file.create_dataset(f"{DETECTOR}/{name}", (SIZE, SIZE), "u4", chunks=chunks)
        file[f"{DETECTOR}/data_dark"][0] = 1
    scan = read(path)
    assert (scan.mask, scan.metadata) == (None, {})
    assert "mask' was declared and not" in scan.warnings[0]
    assert "1 of the 8 chunks" in scan.warnings[1]
    np.testing.assert_array_equal(scan.patterns.read(), stack())


def test_layers_at_unknown_distances(path):
    scan = read(ptychodus_cxi(path, **{"entry_1/ptychodus/object_layer_spacing_m": np.empty(0)}))
    assert (scan.layer_axis, scan.layer_spacing) == ("slice", None)
    assert "is empty, and the object has 2 layers" in scan.warnings[0]


@pytest.mark.parametrize(
    ("unit", "metre"),
    [
        ("\u03bcm", 1e6), ("\u00b5m", 1e6), ("micrometer", 1e6), ("Micrometres", 1e6),
        ("\u212b", 1e10), ("\u00c5", 1e10), ("angstrom", 1e10), ("millimeters", 1e3),
    ],
)  # fmt: skip
def test_units_of_lengths(path, unit, metre):
    distance = {f"{DETECTOR}/distance": (1.5 * metre, {"units": unit})}
    assert read(cxi(path, **distance)).distance == pytest.approx(1.5)


@pytest.mark.parametrize(
    ("unit", "volt"),
    [("MeV", 1e-6), ("meV", 1e3), ("keV", 1e-3), ("KEV", 1e-3), ("electronvolt", 1)],
)
def test_units_of_energies(path, unit, volt):
    energy = {f"{SOURCE}/energy": (8000 * volt, {"units": unit})}
    assert read(cxi(path, **energy)).energy == pytest.approx(8000)


def test_numbers_that_are_told_for_each_frame(path):
    beam = "entry_1/instrument_1/beam_1/incident_beam_energy"
    same = {
        beam: (np.full(COUNT, 8.0), {"units": "keV"}),
        f"{DETECTOR}/distance": np.full((2, 3), 1.5),
    }
    scan = read(nexus_cxi(path, **same))
    assert (scan.energy, scan.distance, scan.warnings) == (8000, 1.5, ())
    scan = read(nexus_cxi(path, **same | {beam: np.linspace(8, 9, COUNT)}))
    assert scan.energy is None
    assert f"'{beam}' holds 6 values that differ" in scan.warnings[0]
    scan = read(cxi(path, **{f"{DETECTOR}/distance": np.linspace(1, 2, COUNT)}))
    assert scan.distance is None
    assert "distance' holds 6 values that differ" in scan.warnings[0]


def test_numbers_for_each_frame_that_are_not_taken(path, monkeypatch):
    """They stop no scan, and each is loaded once, if it is of a size to be one for each frame."""
    beam = "entry_1/instrument_1/beam_1"
    differ = np.linspace(1, 2, COUNT)
    ptychodus_cxi(
        path,
        **{
            f"{beam}/incident_wavelength": differ,
            f"{beam}/incident_beam_energy": np.ones(COUNT + 1),
            "entry_1/ptychodus/object_pixel_width_m": differ,
            f"{DETECTOR}/distance": None,
        },
    )
    with h5py.File(path, "r+") as file:
        file.create_dataset(f"{DETECTOR}/distance", (COUNT,), "f8", chunks=(2,))[:2] = 1.5
    loaded, load = [], Hdf5File.load
    monkeypatch.setattr(Hdf5File, "load", lambda s, name: (loaded.append(name), load(s, name))[1])
    monkeypatch.setattr("ptycho_engine.io.hdf5_quantities.MOST_VALUES", COUNT)
    scan = read(path)
    assert (scan.distance, scan.pixel_size) == (None, None)
    for name, doubt in (
        ("beam_1/incident_wavelength", "holds 6 values that differ"),
        ("beam_1/incident_beam_energy", "holds 7 values, which were not compared"),
        ("ptychodus/object_pixel_width_m", "holds 6 values that differ"),
        ("detector_1/distance", "was declared and not, or not all of it, written"),
    ):
        assert sum(f"{name}' {doubt}, and was not taken" in said for said in scan.warnings) == 1
    assert len(loaded) == len(set(loaded))
    assert f"{beam}/incident_beam_energy" not in loaded


def test_entries(path):
    more = {f"entry_{n}/data_1/data": stack(n) for n in (2, 10)}
    scan = read(cxi(path, **more))
    assert "holds 3 entries, entry_1, entry_2, entry_10" in scan.warnings[0]
    second = read(path, entry="entry_2")
    assert (second.warnings, second.positions, second.patterns.shape[0]) == ((), None, 2)
    with pytest.raises(InputFileError, match="'entry_3' is missing"):
        read(path, entry="entry_3")


def test_the_middle_of_an_object(path):
    cxi(path, **{"entry_1/image_1/data": np.ones((30, 40), "c8")})
    shift = read(path, centre="middle").positions - read(path).positions
    np.testing.assert_allclose(shift, np.broadcast_to([14.5, 19.5], shift.shape))


def test_a_reconstruction_of_ptychodus(path):
    """Windows begin at ``x_m / pixel + (W - N) / 2`` from where the middle lies."""
    scan = read(ptychodus_cxi(path))
    assert (scan.image.shape, scan.layer_axis, scan.layer_spacing) == ((2, 20, 24), "slice", [1e-6])
    assert (scan.probe.shape, scan.patterns, scan.units) == ((2, SIZE, SIZE), None, "px")
    assert scan.pixel_size == (2e-8, 4e-8)
    starts = (metres() - [-1e-7, 3e-7]) / [2e-8, 4e-8] + (np.array([20, 24]) - SIZE) / 2
    np.testing.assert_allclose(scan.positions - SIZE // 2, starts, rtol=0, atol=1e-9)
    probe = {"entry_1/instrument_1/source_1/illumination": None}
    np.testing.assert_array_equal(read(ptychodus_cxi(path, **probe)).probe, scan.probe)


def test_one_side_of_a_pixel_makes_a_square(path):
    scan = read(cxi(path, **{f"{DETECTOR}/y_pixel_size": None}))
    assert scan.detector_pixel_size == (50e-6, 50e-6)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({f"{DETECTOR}/data": None}, "has no patterns and no object"),
        ({f"{DETECTOR}/data": np.ones((3, 4))}, r"Expected real patterns"),
        ({f"{DETECTOR}/data": (stack(), {"axes": "y:x:translation"})}, "translation:y:x"),
        ({f"{DETECTOR}/basis_vectors": np.ones((3, 2))}, "in different directions"),
        ({f"{DETECTOR}/basis_vectors": np.full((3, 2), np.nan)}, "in different directions"),
        ({f"{DETECTOR}/basis_vectors": np.ones((4, 2))}, r"\(3, 2\) or \(2, 3\)"),
        ({f"{DETECTOR}/distance": (1.0, {"units": "furlong"})}, "is in 'furlong'"),
        ({f"{DETECTOR}/mask": np.zeros((3, 3), "u4")}, r"the mask has shape \(3, 3\)"),
        ({f"{DETECTOR}/mask": np.zeros(SIZE, "u4")}, r"Expected a mask of shape \(H, W\)"),
        ({"entry_1/data_1/translation": np.ones((COUNT, 2))}, "with zeros for z"),
        ({"entry_1/data_1/translation": np.ones((COUNT - 1, 3))}, "one for each of 5 positions"),
        ({"entry_1/data_1/translation": np.full((COUNT, 3), np.nan)}, "6 of 6 positions"),
        ({f"{SOURCE}/illumination": np.ones(4)}, "the probe, of shape"),
    ],
)
def test_what_is_refused(path, changes, words):
    cxi(path, **changes)
    with pytest.raises(InputFileError, match=words) as caught:
        read(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("options", [{"motion": "x"}, {"pixel_size": 0}, {"centre": "x"}])
def test_options_that_are_none(path, options):
    with pytest.raises(ConfigurationError, match=next(iter(options))):
        read(cxi(path), **options)


def test_recognised_by_content(path):
    assert cxi_format.recognise(cxi(path))
    assert cxi_format.recognise(nexus_cxi(path))
    with h5py.File(path, "w") as file:
        file["entry_1/other"] = 1
    assert not cxi_format.recognise(path)
    path.write_bytes(b"other")
    assert not cxi_format.recognise(path)


def test_sizes_come_from_headers(path):
    cxi(path, **{"entry_1/image_1/data": np.ones((30, 40), "c8")})
    options = load_format("cxi").options()
    assert 30 * 40 * 8 < cxi_format.needed_bytes(path, options) < 3 * 30 * 40 * 8


# -- writing ---------------------------------------------------------------------------------


def everything(**changes):
    rng = np.random.default_rng(0)
    fields = {
        "image": rng.random((2, 20, 24)) + 1j * rng.random((2, 20, 24)),
        "positions": rng.uniform(0, 20, (COUNT, 2)),
        "source": "a test",
        "probe": (rng.random((3, SIZE, SIZE)) + 1j).astype("c8"),
        "patterns": Patterns.of(stack(dtype="u2"), "intensity"),
        "nominal_positions": rng.uniform(0, 20, (COUNT, 2)),
        "layer_axis": "slice",
        "layer_spacing": np.array([1e-6]),
        "pixel_size": (2e-8, 3e-8),
        "detector_pixel_size": (75e-6, 50e-6),
        "energy": 8000.0,
        "distance": 1.5,
        "mask": rng.random((SIZE, SIZE)) > 0.2,
        "metadata": {"dark": np.ones((SIZE, SIZE), "f4")},
    }
    return Scan(**fields | changes)


@pytest.mark.parametrize("suffix", ["cxi", "nxs"])
def test_round_trip(tmp_path, suffix):
    path, scan = tmp_path / f"scan.{suffix}", everything()
    write_scan(path, scan, "cxi")
    again = read(path)
    for name in ("positions", "nominal_positions", "pixel_size", "detector_pixel_size"):
        np.testing.assert_allclose(getattr(again, name), getattr(scan, name), rtol=1e-12)
    for name in ("image", "probe", "mask", "layer_spacing"):
        np.testing.assert_array_equal(getattr(again, name), getattr(scan, name))
        assert getattr(again, name).dtype == getattr(scan, name).dtype
    np.testing.assert_array_equal(again.patterns.read(), stack(dtype="u2"))
    assert again.patterns.dtype == "u2"
    assert (again.layer_axis, again.distance, again.warnings) == ("slice", 1.5, ())
    assert again.energy == pytest.approx(8000, rel=1e-12)
    np.testing.assert_array_equal(again.metadata["dark"], scan.metadata["dark"])
    assert again.metadata.get("definition") == ("NXcxi_ptycho" if suffix == "nxs" else None)


def test_others_find_what_they_look_for(path):
    """Names, units and senses as the format has them, read by h5py alone."""
    scan = everything()
    write_scan(path, scan, "cxi")
    with h5py.File(path) as file:
        assert (file["cxi_version"][()], file["number_of_entries"][()]) == (160, 1)
        np.testing.assert_array_equal(file["entry_1/data_1/data"][()], stack())
        assert file[f"{DETECTOR}/data"].attrs["axes"] == "translation:y:x"
        xyz = file["entry_1/data_1/translation"][()]
        np.testing.assert_allclose(xyz[:, :2], (scan.positions * scan.pixel_size)[:, ::-1])
        assert (file[f"{DETECTOR}/mask"][()] == 0).sum() == scan.mask.sum()
        assert file[f"{SOURCE}/wavelength"][()] == pytest.approx(WAVELENGTH)
        assert file[f"{SOURCE}/illumination"].shape == scan.probe.shape
        assert file["entry_1/image_2/data"].attrs["axes"] == "layer:y:x"
        sizes = [file[f"entry_1/ptychodus/object_pixel_{side}_m"][()] for side in SIDES]
        middle = [file[f"entry_1/ptychodus/object_center_{axis}_m"][()] for axis in "yx"]
        starts = (xyz[:, 1::-1] - middle) / sizes + (np.array(scan.image.shape[1:]) - SIZE) / 2
        np.testing.assert_allclose(starts, scan.positions - SIZE // 2, rtol=0, atol=1e-9)


def test_amplitudes_are_written_as_counts(path):
    roots = np.sqrt(stack().astype("f8"))
    write_scan(path, everything(patterns=Patterns.of(roots, "amplitude")), "cxi")
    np.testing.assert_allclose(read(path).patterns.read(), stack())


def test_metres_without_pixels_stay_metres(path):
    changes = {"pixel_size": None, "energy": None, "units": "m", "positions": metres()}
    write_scan(path, everything(**changes, nominal_positions=None), "cxi")
    scan = read(path)
    assert scan.units == "m"
    np.testing.assert_allclose(scan.positions, metres(), rtol=1e-12)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {
                "patterns": None,
                "mask": None,
                "image": None,
                "layer_axis": None,
                "layer_spacing": None,
            },
            "no patterns and no object",
        ),
        ({"pixel_size": None, "energy": None}, "pixels of unknown size"),
        ({"patterns": Patterns.of(stack())}, "amplitude or intensity"),
    ],
)
def test_what_cannot_be_written(path, changes, words):
    with pytest.raises(OutputError, match=words):
        write_scan(path, everything(**changes), "cxi")
    assert list(path.parent.iterdir()) == []


def test_where_it_came_from_is_written(path):
    write_scan(path, everything(), "cxi")
    with Hdf5File(path) as file:
        assert "provenance" in file.attributes()


def test_a_near_field_comes_back(path):
    """CXI has no place for it: a record of ours, which an option overrules."""
    near = replace(read(nexus_cxi(path)), assumptions={"propagation": "near"})
    other = path.with_name(f"other{path.suffix}")
    write_scan(other, near)
    found = read(other)
    assert found.is_near
    assert found.pixel_size == near.pixel_size
    assert not read(other, propagation="far").is_near
    assert not read(path).is_near


@pytest.mark.parametrize("suffix", ["cxi", "nxs"])
def test_positions_from_the_first_pixel_stay_there_once_its_size_is_told(tmp_path, suffix):
    """Without a size nobody can write where in metres the middle of the object lies."""
    place = tmp_path / f"scan.{suffix}"
    changes = {"pixel_size": None, "energy": None, "units": "m", "positions": metres()}
    write_scan(place, everything(**changes, nominal_positions=metres()), "cxi")
    scan = read(place, pixel_size=2e-8)
    np.testing.assert_allclose(scan.positions, metres() / 2e-8, rtol=1e-12)
    np.testing.assert_allclose(scan.nominal_positions, metres() / 2e-8, rtol=1e-12)
    moved = read(place, pixel_size=2e-8, centre="middle").positions - scan.positions
    np.testing.assert_allclose(moved, moved[[0]].repeat(len(moved), axis=0))
    assert np.abs(moved).min() > 1


@pytest.mark.parametrize("value", [{"a": 1}, "dark", 3.0, [[1], [1, 2]]])
def test_frames_that_are_none_are_refused_by_name(path, value):
    with pytest.raises(OutputError, match="'dark'"):
        write_scan(path, everything(metadata={"dark": value}), "cxi")
    assert list(path.parent.iterdir()) == []
