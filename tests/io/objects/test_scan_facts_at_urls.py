"""Facts of scans at a URL: versions of what was read, also of the other half and of chunks."""

from pathlib import Path

import h5py
import numpy as np
import pytest

from ptycho_engine import Scan, ScanSource, read_scan, write_scan
from ptycho_engine.io.objects.buckets import Bucket
from ptycho_engine.io.objects.urls import location
from ptycho_engine.io.patterns import Patterns
from ptycho_engine.io.scan_facts import scan_facts

pytest.importorskip("obstore")

SCAN = Scan(
    np.ones((40, 40), "c8"),
    np.full((6, 2), 20.0),
    "made",
    np.ones((8, 8), "c8"),
    Patterns.of(np.ones((6, 8, 8), "f4"), "amplitude"),
    pixel_size=(1e-8, 1e-8),
)


def put(url, data):
    place = location(url)
    Bucket(place).put(place.key, data)


def facts(url):
    read_scan("file", url)
    return scan_facts(ScanSource("file", url))


def test_both_halves_of_a_pair(tmp_path):
    folder = "memory://facts/pair"
    write_scan(tmp_path / "s_dp.hdf5", SCAN, "pty_chi")
    for path in tmp_path.iterdir():
        put(f"{folder}/{path.name}", path.read_bytes())
    before = facts(f"{folder}/s_para.hdf5")
    assert list(before) == ["s_para.hdf5", "s_dp.hdf5"]
    assert facts(f"{folder}/s_para.hdf5") == before
    put(f"{folder}/s_dp.hdf5", (tmp_path / "s_dp.hdf5").read_bytes())
    now = facts(f"{folder}/s_para.hdf5")
    assert [name for name in before if before[name] != now[name]] == ["s_dp.hdf5"]


def test_files_behind_links_are_named_and_not_fetched(tmp_path, monkeypatch):
    """The object alone is read; what else the file names may be gigabytes."""
    folder, name = "memory://facts/links", "s.cxi"
    write_scan(tmp_path / name, SCAN, "cxi")
    with h5py.File(tmp_path / name, "a") as file:
        for link in ("raw.h5", "/where/it/was/moved.h5", "gone.h5"):
            file[f"link to {Path(link).stem}"] = h5py.ExternalLink(link, "/data")
    put(f"{folder}/{name}", (tmp_path / name).read_bytes())
    for other in ("raw.h5", "moved.h5"):
        put(f"{folder}/{other}", b"some")
    url, fetched = location(f"{folder}/{name}"), []
    read_scan("cxi", url)
    monkeypatch.setattr(Bucket, "get", lambda self, key, *_: fetched.append(key))
    source = ScanSource("cxi", url)
    before = scan_facts(source)
    assert sorted(before) == ["moved.h5", "raw.h5", name]
    put(f"{folder}/raw.h5", b"more")
    now = scan_facts(source)
    assert [each for each in before if before[each] != now[each]] == ["raw.h5"]
    assert fetched == []


def test_a_chunk_of_a_store(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    url = "memory://facts/store/s.zarr"
    write_scan("s.zarr", SCAN)
    files = [path for path in Path("s.zarr").rglob("*") if path.is_file()]
    for path in files:
        put(f"{url}/{path.relative_to('s.zarr')}", path.read_bytes())
    before = facts(url)
    assert before["s.zarr"]["objects"] == len(files)
    assert facts(url) == before
    chunk = next(path for path in files if "patterns/c" in str(path))
    put(f"{url}/{chunk.relative_to('s.zarr')}", chunk.read_bytes())
    assert facts(url) != before
