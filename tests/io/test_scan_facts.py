"""Facts of all files of a scan: what changes, and what is looked at."""

import os
from pathlib import Path

import h5py
import numpy as np
import pytest

from ptycho_engine.io import scan_facts as facts
from ptycho_engine.io.scan_facts import files_of, scan_facts
from ptycho_engine.io.scan_files import ScanSource


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def names(path, options=None):
    return [str(each) for each in files_of(Path(path), options or {})]


def test_both_halves_of_a_pair():
    for name in ("a_dp.h5", "a_para.h5", "b_dp.h5"):
        Path(name).touch()
    assert names("a_para.h5") == ["a_para.h5", "a_dp.h5"]
    assert names("b_dp.h5") == ["b_dp.h5"]


def test_files_that_options_name_here_or_beside_the_scan():
    Path("data").mkdir()
    for name in ("data/s.npz", "data/dark.npy", "mask.npy"):
        Path(name).touch()
    options = {"dark": "dark.npy", "more": [{"mask": "mask.npy"}], "data": "data", "none": ""}
    assert names("data/s.npz", options) == ["data/s.npz", "data/dark.npy", "mask.npy"]
    assert list(scan_facts(ScanSource("made", None, {"mask": "mask.npy"}))) == ["mask.npy"]
    assert scan_facts(ScanSource("synthetic")) == {}


def test_files_behind_links_and_virtual_datasets():
    for name in ("one.h5", "two.h5", "deep.h5"):
        with h5py.File(name, "w") as file:
            file["data"] = np.zeros((2, 3, 3))
    with h5py.File("two.h5", "r+") as file:
        file["on"] = h5py.ExternalLink("deep.h5", "data")
        file["back"] = h5py.ExternalLink("master.h5", "/")
    with h5py.File("master.h5", "w") as file:
        file["entry/data_1"] = h5py.ExternalLink("one.h5", "data")
        file["entry/itself"] = file["entry"]
        file["entry/soft"] = h5py.SoftLink("/entry/data_1")
        file["gone"] = h5py.ExternalLink("gone.h5", "data")
        layout = h5py.VirtualLayout((2, 3, 3), "f8")
        layout[...] = h5py.VirtualSource("two.h5", "data", (2, 3, 3))
        file.create_virtual_dataset("joined", layout)
    assert {Path(name).name for name in names("master.h5")} == {
        "master.h5", "one.h5", "two.h5", "deep.h5",
    }  # fmt: skip
    found = scan_facts(ScanSource("file", Path("master.h5")))
    assert sorted(found) == ["deep.h5", "master.h5", "one.h5", "two.h5"]
    os.truncate("master.h5", 600)  # damaged: the reader says so
    assert names("master.h5") == ["master.h5"]


def test_a_chunk_however_deep():
    chunk = Path("s.zarr/patterns/c/0/0")
    chunk.parent.mkdir(parents=True)
    chunk.write_bytes(b"some")
    Path("elsewhere").write_bytes(b"some")
    Path("s.zarr/patterns/linked").symlink_to(Path("elsewhere").resolve())
    Path("s.zarr/patterns/loop").symlink_to(Path("s.zarr").resolve())
    (first,) = scan_facts(ScanSource("file", Path("s.zarr"))).values()
    assert (first["files"], first["bytes"]) == (2, 8)
    for changed in (chunk, Path("elsewhere")):
        before = changed.stat()
        os.utime(changed, ns=(1, 1))
        (now,) = scan_facts(ScanSource("file", Path("s.zarr"))).values()
        assert now != first
        os.utime(changed, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert list(scan_facts(ScanSource("file", Path("s.zarr"))).values()) == [first]


def test_thousands_of_files_are_one_entry(monkeypatch):
    monkeypatch.setattr(facts, "NAMED", 2)
    options = {str(n): f"{n}.npy" for n in range(4)}
    for name in options.values():
        Path(name).touch()
    source = ScanSource("made", Path("0.npy"), options)
    found = scan_facts(source)
    assert list(found) == ["0.npy", "1.npy", "others"]
    assert found["others"]["files"] == 2
    Path("3.npy").write_bytes(b"more")
    now = scan_facts(source)
    assert [name for name in found if found[name] != now[name]] == ["others"]
