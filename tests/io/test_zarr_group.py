"""Zarr stores read with care."""

import shutil

import numpy as np
import pytest

from ptycho_engine.errors import InputFileError
from ptycho_engine.io.store import ArraySpec, Store
from ptycho_engine.io.zarr_group import ZarrGroup

STACK = np.arange(7 * 4 * 6, dtype=np.uint16).reshape(7, 4, 6)


@pytest.fixture(params=[(3, 2, 6), (3, 4, 6)], ids=["parts", "whole"])
def path(tmp_path, request):
    """Chunks are parts of entries, or whole ones, which are read past the library."""
    path = tmp_path / "s.zarr"
    specs = {
        "data": ArraySpec(STACK.shape, STACK.dtype, chunks=request.param),
        "none": ArraySpec((0, 2), np.dtype("f8")),
        "one": ArraySpec((), np.dtype("f8")),
    }
    with Store.create(path, specs, more={"said": {"a": 1}}) as store:
        store.write("data", (), STACK)
        store.write("one", (), np.array(2.5))
        store.write("none", (), np.empty((0, 2)))
    return path


def test_what_it_holds(path):
    group = ZarrGroup(path)
    assert group.names == ("data", "none", "one")
    assert group.attributes()["said"] == {"a": 1}
    np.testing.assert_array_equal(group.load("data"), STACK)
    assert group.load("none").shape == (0, 2)
    assert group.load("one")[()] == 2.5
    patterns = group.patterns("data", "intensity")
    np.testing.assert_array_equal(patterns.read(2, 6), STACK[2:6])
    np.testing.assert_array_equal(patterns.take([6, 0, 6]), STACK[[6, 0, 6]])


def test_a_chunk_that_is_missing(path):
    """The library would take zeros."""
    patterns = ZarrGroup(path).patterns("data")
    (last,) = sorted((path / "data" / "c" / "1").glob("*/0"))[-1:]
    last.unlink()
    np.testing.assert_array_equal(patterns.read(0, 3), STACK[:3])
    for read in (lambda: patterns.read(0, 4), lambda: ZarrGroup(path).load("data")):
        with pytest.raises(InputFileError, match=r"chunk 1/./0 of 'data' is missing"):
            read()


def test_a_chunk_that_is_damaged(path):
    place = path / "data" / "c" / "0" / "0" / "0"
    data = bytearray(place.read_bytes())
    data[3] ^= 1
    place.write_bytes(data)
    for read in (ZarrGroup(path).load, lambda name: ZarrGroup(path).patterns(name).read(1, 2)):
        with pytest.raises(InputFileError, match="checksum"):
            read("data")
    place.write_bytes(data[:-3])
    with pytest.raises(InputFileError):
        ZarrGroup(path).patterns("data").read(0, 1)


def test_a_link_that_leaves_the_store(path, tmp_path):
    shutil.move(path / "data", tmp_path / "elsewhere")
    (path / "data").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InputFileError, match="a link that leaves the store"):
        ZarrGroup(path).load("data")


def test_what_is_missing_or_no_stack(path):
    with pytest.raises(InputFileError, match=r"'other' is missing\. Found: data, none, one"):
        ZarrGroup(path).load("other")
    with pytest.raises(InputFileError, match=r"'none' has shape \(0, 2\)"):
        ZarrGroup(path).patterns("none")


def test_what_is_no_store(tmp_path):
    with pytest.raises(InputFileError, match="is no Zarr store"):
        ZarrGroup(tmp_path)


def test_a_store_that_changed_since(path):
    patterns = ZarrGroup(path).patterns("data")
    shutil.rmtree(path)
    with Store.create(path, {"data": ArraySpec((2, 4, 6), STACK.dtype)}) as store:
        store.write("data", (), STACK[:2])
    with pytest.raises(InputFileError, match="another than when the scan was read"):
        patterns.read(0, 1)
