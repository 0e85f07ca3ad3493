"""Heaps of texts: every sound one passes, and one whose objects do not fill it is refused."""

import struct

import h5py
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ptycho_engine.errors import InputFileError
from ptycho_engine.io.hdf5_file import Hdf5File
from ptycho_engine.io.hdf5_heaps import HEAD, check_heaps


@settings(max_examples=25)
@given(st.lists(st.integers(0, 9000), max_size=20), st.lists(st.integers(0, 19), max_size=5))
def test_every_heap_that_hdf5_makes_passes(tmp_path_factory, lengths, removed):
    path = tmp_path_factory.getbasetemp() / "texts.h5"
    with h5py.File(path, "w") as file:
        for number, length in enumerate(lengths):
            file.attrs[str(number)] = "x" * length
        for number in removed:  # leaves holes
            file.attrs.pop(str(number), None)
    check_heaps(path)


@pytest.mark.parametrize(("at", "size"), [(0, 9), (0, 2**60), (1, 0), (1, 10**9), (1, 2**63)])
def test_sizes_that_cannot_be(tmp_path, at, size):
    path = tmp_path / "texts.h5"
    with h5py.File(path, "w") as file:
        file.attrs["said"] = "x" * 100
    data = bytearray(path.read_bytes())
    start = data.find(HEAD)
    struct.pack_into("<Q", data, start + 8 + 16 * at, size)  # of the collection, or its object
    path.write_bytes(data)
    with Hdf5File(path) as file, pytest.raises(InputFileError, match="heap of texts"):
        file.attribute("/", "said")


def test_large_and_empty_files_are_not_searched(tmp_path, monkeypatch):
    (tmp_path / "empty").touch()
    check_heaps(tmp_path / "empty")
    (tmp_path / "large").write_bytes(HEAD + bytes(100))
    with pytest.raises(ValueError, match="claims 0 bytes"):
        check_heaps(tmp_path / "large")
    monkeypatch.setattr("ptycho_engine.io.hdf5_heaps.MOST", 50)
    check_heaps(tmp_path / "large")
