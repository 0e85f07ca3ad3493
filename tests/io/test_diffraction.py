"""Patterns of a product in a file of their own: matched by number, those without one left out."""

import os

import h5py
import numpy as np
import product_files as made
import pytest

from ptycho_engine.errors import ConfigurationError, InputFileError
from ptycho_engine.io.scan_files import read_scan

#: Pattern 7 is of no position, and positions 1 and 9 have none.
NUMBERS = np.array([4, 0, 7, 2, 3])
STACK = NUMBERS[:, None, None] * np.ones((5, 8, 8), np.uint16) + np.arange(8, dtype=np.uint16)
BAD = np.eye(8, dtype=bool)


def write(path, numbers=NUMBERS, **more):
    content = {"patterns": STACK, "indexes": numbers, "bad_pixels": BAD} | more
    if path.suffix == ".npz":
        sizes = {"detector_pixel_width_m": 7e-5, "detector_pixel_height_m": 8e-5}
        np.savez(path, **content, **sizes)
    else:
        with h5py.File(path, "w") as file:
            for key, values in content.items():
                file.create_dataset(key, data=values, compression="lzf")
            sizes = {"detector_pixel_width_m": 7e-5, "detector_pixel_height_m": 8e-5}
            file["patterns"].attrs.update(sizes)
    return path.name


@pytest.fixture
def product(tmp_path):
    return made.write_product(tmp_path / "product.h5", "1.7.0")


def read(product, name):
    return read_scan("ptychodus", product, {"patterns": name})


@pytest.mark.parametrize("name", ["data.h5", "data.npz"])
def test_patterns_go_to_their_positions(tmp_path, product, name):
    scan = read(product, write(tmp_path / name))
    kept = [0, 2, 3, 5]  # positions, whose patterns are 3, 0, 2, 4
    np.testing.assert_allclose(scan.positions, made.STARTS[kept] + 4, atol=1e-9)
    assert scan.metadata["scan_index"].tolist() == [3, 0, 2, 4]
    assert scan.patterns.read()[:, 0, 0].tolist() == [3, 0, 2, 4]
    np.testing.assert_array_equal(scan.patterns.read(1, 3), STACK[[1, 3]])
    np.testing.assert_array_equal(scan.patterns.take([3, 0]), STACK[[0, 4]])
    assert scan.patterns.quantity == "intensity"
    np.testing.assert_array_equal(scan.mask, ~BAD)
    assert scan.detector_pixel_size == (8e-5, 7e-5)
    assert scan.metadata["probe_photon_counts"].shape == (4,)
    assert "2 of 6 positions have no pattern" in scan.warnings[0]
    assert scan.assumptions["patterns"].endswith(name)


def test_what_is_not_of_positions_stays_whole(tmp_path, product):
    """Also where it has as many entries as there are positions."""
    with h5py.File(product, "r+") as file:
        del file["loss_values"]
        file["loss_values"] = np.arange(made.COUNT)
    scan = read(product, write(tmp_path / "data.h5"))
    assert scan.metadata["loss_values"].tolist() == list(range(made.COUNT))
    assert scan.metadata["opr_weights"].shape == (4, 2)


def test_all_in_order(tmp_path, product):
    numbers = np.sort(made.INDEXES)
    stack = np.repeat(numbers, 64).reshape(-1, 8, 8)
    scan = read(product, write(tmp_path / "data.h5", numbers, patterns=stack))
    assert scan.warnings == ()
    assert scan.patterns.read()[:, 0, 0].tolist() == made.INDEXES.tolist()


@pytest.mark.parametrize(
    ("numbers", "more", "message"),
    [
        (np.arange(100, 105), {}, "none of its 5 patterns"),
        (np.arange(4), {}, "holds 4 entries for 5 patterns"),
        (NUMBERS, {"bad_pixels": BAD[:3]}, "mask has shape"),
        (NUMBERS, {"patterns": STACK[0]}, "patterns"),
    ],
)
@pytest.mark.parametrize("name", ["data.h5", "data.npz"])
def test_what_is_refused(tmp_path, product, name, numbers, more, message):
    name = write(tmp_path / name, numbers, **more)
    with pytest.raises(InputFileError, match=message):
        read(product, name)


def test_the_file_lies_beside_the_product(product):
    with pytest.raises(ConfigurationError, match="a name alone"):
        read(product, "../data.h5")
    with pytest.raises(InputFileError, match="no such file"):
        read(product, "none.h5")


@pytest.mark.parametrize("name", ["data.h5", "data.npz"])
def test_nobody_waits_for_a_pipe_of_patterns(tmp_path, product, name):
    os.mkfifo(tmp_path / name)
    with pytest.raises(InputFileError, match="is a device, socket or pipe"):
        read(product, name)
