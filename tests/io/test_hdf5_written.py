"""Values that nobody wrote: gaps that are a detector's, sizes that are claims, checks done once."""

import pickle
import tracemalloc

import h5py
import numpy as np
import pytest

from ptycho_engine.errors import InputFileError
from ptycho_engine.io import hdf5_written
from ptycho_engine.io.hdf5_file import Hdf5File
from ptycho_engine.io.hdf5_quantities import mask_of


@pytest.fixture
def path(tmp_path):
    return tmp_path / "scan.h5"


def virtual(path, shape, *rows, dtype="u4"):
    """Map rows of a virtual dataset of that shape to files that hold them."""
    layout = h5py.VirtualLayout(shape, dtype)
    for number, part in enumerate(rows):
        held = np.ones((len(range(shape[0])[part]), *shape[1:]), dtype)
        with h5py.File(path.parent / f"part{number}.h5", "w") as file:
            file["d"] = held
        layout[part] = h5py.VirtualSource(f"part{number}.h5", "d", shape=held.shape)
    with h5py.File(path, "w") as file:
        file.create_virtual_dataset("data", layout, fillvalue=7)


def test_gaps_between_modules_in_a_single_picture(path):
    """Its rows are no frames; the fill value says what a mask is there."""
    virtual(path, (9, 5), slice(0, 4), slice(5, 9))
    with Hdf5File(path) as file:
        values, doubts = mask_of(file, "data")
    np.testing.assert_array_equal(values[:, 0], [1, 1, 1, 1, 7, 1, 1, 1, 1])
    assert doubts == ()


@pytest.mark.parametrize("shape", [(9,), (9, 3), (9, 2, 5)])
def test_gaps_in_what_has_an_entry_for_each_frame(path, shape):
    virtual(path, shape, slice(0, 4), slice(5, 9))
    with Hdf5File(path) as file, pytest.raises(InputFileError, match=r"1 of its 9 .* index 4"):
        file.load("data")


def test_a_picture_of_nothing(path):
    virtual(path, (9, 5))
    with Hdf5File(path) as file, pytest.raises(InputFileError, match="never written"):
        file.load("data")


@pytest.mark.parametrize("missing", [None, 1])
def test_frames_in_turn_from_several_files(path, missing):
    rows = [slice(n, 9, 3) for n in range(3) if n != missing]
    virtual(path, (9, 2, 5), *rows)
    with Hdf5File(path) as file:
        if missing is None:
            assert (file.load("data") == 1).all()
            return
        with pytest.raises(InputFileError, match=r"3 of its 9 .* index 1"):
            file.load("data")


def test_more_blocks_than_anybody_counts(path, monkeypatch):
    monkeypatch.setattr(hdf5_written, "MOST_BLOCKS", 2)
    virtual(path, (9, 2, 5), slice(0, 9, 3))
    with Hdf5File(path) as file:
        assert (file.load("data")[::3] == 1).all()


def test_memory_follows_what_is_there_not_the_shape(path):
    count = 2 * 10**9
    with h5py.File(path, "w") as file:
        file.create_dataset("chunks", (count, 2, 2), "u1", chunks=(1, 2, 2))[1] = 1
        layout = h5py.VirtualLayout((count, 2, 2), "u1")
        layout[:4] = h5py.VirtualSource(".", "chunks", shape=(4, 2, 2))
        file.create_virtual_dataset("virtual", layout)
    with Hdf5File(path) as file:
        datasets = {name: file._dataset(name) for name in file.names()}
        tracemalloc.start()
        with pytest.raises(InputFileError, match=r"1 of the 2000000000 chunks .* at index 0"):
            hdf5_written.check_written(path, "chunks", datasets["chunks"])
        sources = datasets["virtual"].virtual_sources()
        with pytest.raises(InputFileError, match=r"for 1999999996 of its .* at index 4"):
            hdf5_written.check_mapped(path, "virtual", datasets["virtual"], sources)
        assert tracemalloc.get_traced_memory()[1] < 2**20
        tracemalloc.stop()


def test_a_loader_looks_once_for_what_is_missing_until_a_file_changes(path, monkeypatch):
    virtual(path, (6, 4, 5), slice(0, 3), slice(3, 6))
    looked = []
    for name in ("check_mapped", "check_reach"):
        check = getattr(hdf5_written, name)
        told = lambda *given, check=check: (looked.append(check.__name__), check(*given))  # noqa: E731
        monkeypatch.setattr(hdf5_written, name, told)
    with Hdf5File(path) as file:
        patterns = file.patterns("data")
    for start in range(3):
        patterns.read(start, start + 3)
    assert looked == ["check_mapped", "check_reach", "check_reach"]
    pickle.loads(pickle.dumps(patterns)).read(0, 1)
    assert len(looked) == 6
    with h5py.File(path.parent / "part1.h5", "w") as file:
        file["d"] = np.ones((2, 4, 5), "u4")
    with pytest.raises(InputFileError, match="takes more of 'd'"):
        patterns.read(0, 1)
