"""Patterns whose file stays mapped: the same numbers, and no other file's."""

import h5py
import numpy as np
import pytest

from ptycho_engine.errors import InputFileError
from ptycho_engine.io.formats.ptychopinn import read_npz
from ptycho_engine.io.hdf5_file import Hdf5File
from ptycho_engine.io.mapped_stack import MappedStack
from ptycho_engine.io.patterns import Patterns

STACK = np.arange(7 * 16, dtype=np.float32).reshape(7, 4, 4)


def from_hdf5(path, stack=STACK, **how):
    with h5py.File(path, "w") as file:
        file.create_dataset("dp", data=stack, **how)
    with Hdf5File(path) as file:
        return file.patterns("dp")


def from_npz(path, stack=STACK, save=np.savez):
    where = {"xcoords": np.zeros(7), "ycoords": np.zeros(7)}
    save(path, diff3d=stack, objectGuess=np.ones((4, 4)), **where)
    return read_npz(path).patterns


@pytest.mark.parametrize(
    "make",
    [
        lambda folder: from_hdf5(folder / "a.h5"),
        lambda folder: from_hdf5(folder / "a.h5", STACK.astype(">f4")),
        lambda folder: from_npz(folder / "a.npz"),
        lambda folder: from_npz(folder / "a.npz", np.moveaxis(STACK, 0, -1).copy()),
        lambda folder: from_npz(folder / "a.npz", STACK.astype(">f4")),
    ],
)
def test_mapped_patterns_are_those_that_are_read(tmp_path, make):
    patterns = make(tmp_path)
    opened = patterns.opened()
    assert isinstance(opened.load, MappedStack)
    for rows in ([0, 1, 2], [5, 1, 1], []):
        np.testing.assert_array_equal(opened.take(rows), STACK[rows])
    squared = opened.as_quantity(patterns.quantity) if patterns.quantity else opened
    np.testing.assert_array_equal(squared.read(2, 5), STACK[2:5])


@pytest.mark.parametrize(
    "make",
    [
        lambda folder: from_hdf5(folder / "a.h5", chunks=(2, 4, 4), compression="gzip"),
        lambda folder: from_npz(folder / "a.npz", save=np.savez_compressed),
        lambda folder: Patterns.of(STACK),
    ],
)
def test_patterns_that_lie_in_no_one_piece_stay_as_they_are(tmp_path, make):
    patterns = make(tmp_path)
    assert patterns.opened() is patterns


@pytest.mark.parametrize("change", ["cut", "replaced", "gone"])
def test_a_file_that_changed_is_not_touched(tmp_path, change):
    path = tmp_path / "a.h5"
    opened = from_hdf5(path).opened()
    if change == "cut":
        with open(path, "r+b") as file:
            file.truncate(100)
    elif change == "replaced":
        from_hdf5(tmp_path / "b.h5")
        (tmp_path / "b.h5").replace(path)
    else:
        path.unlink()
    with pytest.raises(InputFileError, match="another than when it was opened"):
        opened.read()
