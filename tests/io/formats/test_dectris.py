"""Masters of DECTRIS detectors: their files of data are the patterns of one scan."""

import pickle

import h5py
import numpy as np
import pytest
from beamline_files import SIZE, detector_master, save, stack

from ptycho_engine.errors import InputFileError
from ptycho_engine.io.formats import dectris
from ptycho_engine.io.scan_files import read_scan

SETTINGS = "entry/instrument/detector/detectorSpecific"


def read(path, **options):
    return read_scan("dectris", path, options)


def test_several_files_are_one_scan(tmp_path):
    scan = read(detector_master(tmp_path, (4, 1, 3)))
    frames = stack(8, dtype="u2")
    assert (scan.patterns.shape, scan.patterns.quantity) == (frames.shape, "intensity")
    again = pickle.loads(pickle.dumps(scan.patterns))
    np.testing.assert_array_equal(again.read(3, 6), frames[3:6])  # of three files
    np.testing.assert_array_equal(again.take([7, 0, 4]), frames[[7, 0, 4]])
    np.testing.assert_array_equal(scan.mask, ~np.eye(SIZE, dtype=bool))
    assert (scan.energy, scan.distance) == (8000, 2)
    assert scan.detector_pixel_size == (75e-6, 75e-6)
    assert scan.positions is scan.image is None
    assert scan.metadata == {"saturation_value": 1000}
    assert scan.warnings == ()


def test_ten_files_and_more_keep_their_order(tmp_path):
    scan = read(detector_master(tmp_path, (1,) * 11))
    np.testing.assert_array_equal(scan.patterns.read(), stack(11, dtype="u2"))


def test_a_virtual_dataset_of_all_files(tmp_path):
    path = detector_master(tmp_path, (4, 2))
    layout = h5py.VirtualLayout((6, SIZE, SIZE), "u2")
    for number, (start, stop) in enumerate([(0, 4), (4, 6)], start=1):
        name, shape = f"scan_data_{number:06d}.h5", (stop - start, SIZE, SIZE)
        layout[start:stop] = h5py.VirtualSource(name, "entry/data/data", shape, "u2")
    with h5py.File(path, "a") as file:
        for number in (1, 2):
            del file[f"entry/data/data_{number:06d}"]
        file.create_virtual_dataset("entry/data/data", layout)
    assert dectris.recognise(path)
    np.testing.assert_array_equal(read(path).patterns.take([5, 0]), stack(6, dtype="u2")[[5, 0]])


def test_the_energy_may_be_none_of_a_photon(tmp_path):
    path = detector_master(tmp_path)
    scan = read(path, energy="none")
    assert (scan.energy, scan.assumptions) == (None, {"energy": "none"})
    angstrom = {"entry/instrument/beam/incident_wavelength": 1.0}
    assert read(detector_master(tmp_path, **angstrom)).energy == pytest.approx(12398.42, rel=1e-6)


def test_fewer_frames_than_were_to_be_taken(tmp_path):
    path = detector_master(tmp_path, **{f"{SETTINGS}/ntrigger": np.uint64(9)})
    assert "has 6 patterns, and the detector was set to take 9" in read(path).warnings[0]


@pytest.mark.parametrize(
    ("link", "words"),
    [
        (h5py.ExternalLink("gone.h5", "/data"), "gone.h5: no such file"),
        (h5py.ExternalLink("../secret.h5", "/data"), "outside of the folder"),
        (None, "without number"),
    ],
)
def test_files_that_are_not_there(tmp_path, link, words):
    (tmp_path / "scan").mkdir()
    save(tmp_path / "secret.h5", {"data": stack(2, dtype="u2")})
    path = detector_master(tmp_path / "scan", (2, 2, 2), **{"entry/data/data_000002": link})
    with pytest.raises(InputFileError, match=words):
        read(path)


def test_a_mask_that_nobody_wrote(tmp_path):
    path = detector_master(tmp_path, **{f"{SETTINGS}/pixel_mask": None})
    with h5py.File(path, "a") as file:
        file.create_dataset(f"{SETTINGS}/pixel_mask", (SIZE, SIZE), "u4")
    scan = read(path)
    assert scan.mask is None
    assert "pixel_mask' was declared and not" in scan.warnings[0]


def test_numbers_that_are_not_one_for_the_scan(tmp_path):
    several = {f"{SETTINGS}/photon_energy": np.linspace(8000, 9000, 6)}
    path = detector_master(tmp_path, **several | {f"{SETTINGS}/ntrigger": None})
    with h5py.File(path, "a") as file:
        file.create_dataset(f"{SETTINGS}/ntrigger", (), "u8")
    scan = read(path)
    assert scan.energy is None
    for said, words in zip(
        scan.warnings, ("6 values that differ", "declared and not"), strict=True
    ):
        assert words in said


def test_no_data(tmp_path):
    path = detector_master(tmp_path, ())
    with pytest.raises(InputFileError, match="names no data"):
        read(path)


def test_what_is_recognised(tmp_path):
    path = detector_master(tmp_path)
    part = tmp_path / "scan_data_000001.h5"
    assert dectris.recognise(path)
    assert dectris.recognise(part)
    assert read(part).patterns.shape == (4, SIZE, SIZE)
    assert not dectris.recognise(save(tmp_path / "x.h5", {"entry/data/data": stack()}))
