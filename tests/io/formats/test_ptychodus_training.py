"""Training data of ptychodus, written here by h5py alone as its version 1.7.0 does."""

import dataclasses

import h5py
import numpy as np
import pytest
from events import logged

from ptycho_engine.errors import InputFileError, OutputError
from ptycho_engine.io.catalogue import find_format
from ptycho_engine.io.patterns import Patterns
from ptycho_engine.io.scan import Scan
from ptycho_engine.io.scan_files import read_scan, write_scan

COUNT = 4
RNG = np.random.default_rng(2)
STARTS = RNG.uniform(0, 20, (COUNT, 2))
BAD = np.zeros((8, 8), bool)
BAD[2, 5] = True


def write(path, size=8, **changes):
    yx = STARTS + (size - 1) / 2
    content = {
        "patterns": RNG.poisson(9, (COUNT, size, size)).astype(np.uint16),
        "bad_pixels": BAD[:size, :size],
        "probe": np.ones((2, size, size), np.complex64),
        "object": np.full((30, 41), 1 + 2j, np.complex64),
        "probe_position_x_px": yx[:, 1], "probe_position_y_px": yx[:, 0],
        "object_pixel_width_m": 5e-9, "object_pixel_height_m": 4e-9,
        "detector_object_distance_m": 2.0, "photon_energy_eV": 8000.0,
    }  # fmt: skip
    with h5py.File(path, "w") as file:
        for key, values in (content | changes).items():
            if values is not None:
                packed = {"compression": "lzf"} if np.ndim(values) else {}
                file.create_dataset(key, data=values, **packed)
    return path


@pytest.mark.parametrize("size", [8, 7])
def test_what_is_read(tmp_path, size):
    path = write(tmp_path / "data.h5", size)
    assert find_format(path) == "ptychodus_training"
    scan = read_scan("ptychodus_training", path)
    np.testing.assert_allclose(scan.positions, STARTS + size // 2, atol=1e-12)
    with h5py.File(path) as file:
        np.testing.assert_array_equal(scan.patterns.read(1, 3), file["patterns"][1:3])
    assert scan.patterns.quantity == "intensity"
    np.testing.assert_array_equal(scan.mask, ~BAD[:size, :size])
    assert (scan.pixel_size, scan.distance, scan.energy) == ((4e-9, 5e-9), 2.0, 8000.0)
    pitch = 1.549802e-10 * 2.0 / (size * np.array([4e-9, 5e-9]))  # 8 keV: 1.5498 Angstrom
    np.testing.assert_allclose(scan.detector_pixel_size, pitch, rtol=1e-6)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"patterns": None}, "'patterns' is missing"),
        ({"object_pixel_width_m": None}, "size of an object pixel"),
        ({"bad_pixels": np.ones((3, 3), bool)}, "mask has shape"),
        ({"probe_position_x_px": np.full(COUNT, np.inf)}, "infinite"),
    ],
)
def test_what_is_refused(tmp_path, changes, message):
    with pytest.raises(InputFileError, match=message):
        read_scan("ptychodus_training", write(tmp_path / "data.h5", **changes))


def test_what_others_read_of_it(tmp_path):
    theirs = write(tmp_path / "theirs.h5")
    write_scan(tmp_path / "ours.h5", read_scan("file", theirs), "ptychodus_training")
    with h5py.File(theirs) as one, h5py.File(tmp_path / "ours.h5") as other:
        assert set(one) == set(other)
        for key in one:
            assert one[key].dtype == other[key].dtype
            np.testing.assert_allclose(one[key][()], other[key][()], atol=1e-12)


def test_shares_of_the_probe_are_said_to_be_left_out(tmp_path):
    scan = read_scan("file", write(tmp_path / "theirs.h5"))
    held = {"opr_probe": np.ones((2, 2, 8, 8)), "opr_weights": np.ones((COUNT, 2))}
    with logged() as logs:
        scan = dataclasses.replace(scan, metadata=held)
        write_scan(tmp_path / "ours.h5", scan, "ptychodus_training")
    (said,) = [log["dropped"] for log in logs if log["event"] == "not_in_this_format"]
    assert said == ["detector_pixel_size", *held]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"patterns": None}, "has no patterns, .* Expected it"),
        ({"energy": None}, "has no energy, .* Expected it"),
        ({"energy": None, "distance": None}, "has no energy and no distance, .* Expected all"),
        ({"pixel_size": None}, "has no pixel_size, .* scan.pixel_size=METRES"),
        ({"image": np.ones((2, 30, 41)), "layer_axis": "slice"}, "Expected one layer"),
        ({"assumptions": {"propagation": "near"}}, "in the near field, .* Expected a far field"),
    ],
)
def test_what_cannot_be_written(tmp_path, changes, words):
    scan = Scan(
        np.ones((30, 41)), STARTS, "a test", np.ones((8, 8)),
        Patterns.of(np.ones((COUNT, 8, 8)), "intensity"), pixel_size=(1e-9, 1e-9), energy=1.0,
        distance=1.0,
    )  # fmt: skip
    with pytest.raises(OutputError, match=words):
        write_scan(tmp_path / "d.h5", dataclasses.replace(scan, **changes), "ptychodus_training")
    assert list(tmp_path.iterdir()) == []
