"""Scans at a URL are read as files are: from copies, which hold no more than is asked for."""

import itertools
import os
import pickle
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from object_servers import fill, values

from ptycho_engine import PatchDataset, Scan, ScanSource, read_output, read_scan, write_scan
from ptycho_engine.app.jobs import extract, reassemble
from ptycho_engine.app.jobs.extraction_job import ExtractionJob
from ptycho_engine.app.jobs.reassembly_job import ReassemblyJob
from ptycho_engine.data.stored_patches import PatchSource
from ptycho_engine.errors import ForkedProcessError, InputFileError, MissingExtraError
from ptycho_engine.geometry.cut import Cut
from ptycho_engine.io.objects import buckets, copies, mirror
from ptycho_engine.io.objects.buckets import Bucket
from ptycho_engine.io.objects.urls import location
from ptycho_engine.io.patterns import Patterns
from ptycho_engine.io.scan_files import check_source
from ptycho_engine.report.companion import PICTURE

pytest.importorskip("obstore")

NUMBERS = itertools.count()


@pytest.fixture
def folder():
    """A name in a bucket below which nothing is."""
    return f"memory://scans/{next(NUMBERS)}"


def put(url, data):
    place = location(url)
    Bucket(place).put(place.key, data)


def a_scan(seed=0, count=40):
    rng = np.random.default_rng(seed)
    return Scan(
        image=(rng.normal(size=(64, 60)) + 1j * rng.normal(size=(64, 60))).astype("c8"),
        positions=rng.uniform(16, 40, (count, 2)),
        source="made",
        probe=np.ones((8, 8), "c8"),
        patterns=Patterns.of(rng.random((count, 8, 8), "f4"), "amplitude"),
        pixel_size=(1e-8, 1e-8),
        energy=8000.0,
        distance=2.0,
    )


def check_same(found, scan, url):
    assert found.source == url
    assert np.array_equal(found.image, scan.image)
    assert np.array_equal(found.positions, scan.positions)
    count = len(scan.positions)
    assert np.array_equal(found.patterns.read(0, count), scan.patterns.read(0, count))


@pytest.mark.parametrize("suffix", [".h5", ".npz", ".cxi"])
def test_a_file_at_a_url_is_read_as_the_file_is(folder, suffix, tmp_path):
    path = tmp_path / f"scan{suffix}"
    write_scan(path, a_scan())
    put(url := f"{folder}/scan{suffix}", path.read_bytes())
    check_same(read_scan("file", url), read_scan("file", path), url)
    check_source(ScanSource("file", url))
    assert ScanSource("file", url) == ScanSource("file", location(url))


def test_of_a_zarr_store_only_the_chunks_that_are_read_are_fetched(folder):
    write_scan(url := f"{folder}/scan.zarr", scan := a_scan())
    found = read_scan("file", url)
    copy = mirror.local_copy(location(url))
    assert not (copy / "patterns" / "c").exists()
    assert np.array_equal(found.patterns.read(17, 20), scan.patterns.read(17, 20))
    assert [p.name for p in (copy / "patterns" / "c").iterdir()] == ["1"]
    check_same(found, scan, url)


def test_a_chunk_that_is_missing_is_an_error(folder):
    write_scan(url := f"{folder}/scan.zarr", a_scan())
    found, place = read_scan("file", url), location(url)
    Bucket(place).delete([f"{place.key}/patterns/c/1/0/0"])
    with pytest.raises(InputFileError, match=r"1/0/0 of 'patterns' is missing"):
        found.patterns.read(17, 20)


def test_the_other_half_of_a_pair_is_found_beside_it(folder, tmp_path):
    write_scan(tmp_path / "scan_para.hdf5", scan := a_scan(), "pty_chi")
    for half in ("para", "dp"):
        put(f"{folder}/scan_{half}.hdf5", (tmp_path / f"scan_{half}.hdf5").read_bytes())
    found = read_scan("pty_chi", f"{folder}/scan_para.hdf5")
    assert found.patterns.shape == scan.patterns.shape


def test_patterns_in_an_archive_are_found_beside_a_product(folder, tmp_path):
    scan = a_scan()
    write_scan(tmp_path / "product.h5", replace(scan, patterns=None), "ptychodus")
    stack = np.arange(40 * 64, dtype=np.uint16).reshape(40, 8, 8)
    np.savez(tmp_path / "patterns.npz", patterns=stack, indexes=np.arange(40))
    for name in ("product.h5", "patterns.npz"):
        put(f"{folder}/{name}", (tmp_path / name).read_bytes())
    found = read_scan("ptychodus", f"{folder}/product.h5", {"patterns": "patterns.npz"})
    assert np.array_equal(found.patterns.read(), stack)


def test_links_from_file_to_file_are_followed_within_the_folder_alone(folder, tmp_path):
    with h5py.File(tmp_path / "data.h5", "w") as file:
        file["stack"] = np.ones((3, 4, 4), "f4")
    for name in ("inside/data.h5", "outside.h5"):
        put(f"{folder}/{name}", (tmp_path / "data.h5").read_bytes())
    with h5py.File(tmp_path / "master.h5", "w") as file:
        file["here"] = h5py.ExternalLink("data.h5", "stack")
        file["there"] = h5py.ExternalLink("../outside.h5", "stack")
    put(f"{folder}/inside/master.h5", (tmp_path / "master.h5").read_bytes())
    from ptycho_engine.io.hdf5_file import Hdf5File

    copy = mirror.local_copy(location(f"{folder}/inside/master.h5"))
    with Hdf5File(copy) as file:
        assert np.array_equal(file.load("here"), np.ones((3, 4, 4)))
        with pytest.raises(InputFileError, match="no such file"):
            file.load("there")


def test_another_version_never_mixes_with_one_that_was_read(folder, tmp_path):
    url, scans = f"{folder}/scan.npz", [a_scan(seed) for seed in range(2)]
    found = []
    for number, scan in enumerate(scans):
        write_scan(tmp_path / f"{number}.npz", scan)
        put(url, (tmp_path / f"{number}.npz").read_bytes())
        found.append(read_scan("file", url))
    for one, scan in zip(found, scans, strict=True):
        assert np.array_equal(one.patterns.read(3, 9), scan.patterns.read(3, 9))


@pytest.fixture
def elsewhere(monkeypatch):
    """Hand something to a process of another machine, of which this one then plays the part."""

    def handed(item):
        here, there = copies.own(), copies.Copies()
        monkeypatch.setattr(copies, "own", lambda: there)
        away = str(here.folder)[:-1] + "-"  # which no folder is called
        return pickle.loads(pickle.dumps(item).replace(str(here.folder).encode(), away.encode()))

    return handed


def put_scan(url, scan, path):
    """Put a scan in the place of another one, the root metadata of a store last."""
    write_scan(path, scan)
    files = sorted((p for p in path.rglob("*") if p.is_file()), key=lambda p: len(p.parts))
    for file in reversed(files or [path]):
        put(url if file == path else f"{url}/{file.relative_to(path)}", file.read_bytes())


@pytest.mark.parametrize("suffix", [".h5", ".npz", ".zarr"])
def test_another_machine_has_a_copy_of_its_own(folder, suffix, tmp_path, elsewhere):
    put_scan(url := f"{folder}/scan{suffix}", scan := a_scan(), tmp_path / f"scan{suffix}")
    found = elsewhere(read_scan("file", url).patterns)
    assert np.array_equal(found.read(3, 19), scan.patterns.read(3, 19))
    own = copies.own().folder
    assert [path.name for path in own.glob("*/*/*/memory/scans/*/*")] == [f"scan{suffix}"]
    assert own.stat().st_mode & 0o077 == 0
    assert not list(own.parent.glob("*-/*"))


@pytest.mark.parametrize("handed", [False, True])
@pytest.mark.parametrize("suffix", [".h5", ".zarr"])
def test_what_is_replaced_after_it_was_read_is_refused(folder, suffix, handed, tmp_path, elsewhere):
    """A file of which there is a whole copy is read on."""
    url = f"{folder}/scan{suffix}"
    put_scan(url, a_scan(0), tmp_path / f"0{suffix}")
    patterns = read_scan("file", url).patterns
    kept = suffix == ".h5" and not handed
    expected = patterns.read(0, 9) if kept else None
    patterns = elsewhere(patterns) if handed else patterns
    put_scan(url, a_scan(1), tmp_path / f"1{suffix}")
    if kept:
        assert np.array_equal(patterns.read(0, 9), expected)
        return
    for _ in range(2):  # nor is a chunk kept that was fetched
        with pytest.raises(InputFileError, match="changed while it was read"):
            patterns.read(0, 9)


def test_what_is_beside_a_file_is_of_its_version(folder, tmp_path, elsewhere):
    write_scan(tmp_path / "scan_para.hdf5", a_scan(), "pty_chi")
    for half in ("para", "dp"):
        put(f"{folder}/scan_{half}.hdf5", (tmp_path / f"scan_{half}.hdf5").read_bytes())
    patterns = elsewhere(read_scan("pty_chi", f"{folder}/scan_para.hdf5").patterns)
    put(f"{folder}/scan_para.hdf5", b"another")
    with pytest.raises(InputFileError, match="changed while it was read"):
        patterns.read(0, 9)


def test_a_folder_of_copies_that_is_gone_is_not_made_anew(folder, tmp_path):
    put_scan(url := f"{folder}/scan.h5", scan := a_scan(), tmp_path / "scan.h5")
    patterns = read_scan("file", url).patterns
    shutil.rmtree(gone := copies.own().folder)
    with pytest.raises(InputFileError, match=r"is gone.*Read the scan again"):
        patterns.read(0, 9)
    assert not gone.exists()
    check_same(read_scan("file", url), scan, url)


def test_an_object_is_fetched_once_and_whole(folder, monkeypatch, tmp_path):
    monkeypatch.setattr(mirror, "PART", 1000)
    data = np.random.default_rng(0).bytes(25_123)
    put(url := f"{folder}/file", data)
    asked = []
    get = Bucket.get
    monkeypatch.setattr(Bucket, "get", lambda *a, **n: asked.append(a[2:]) or get(*a, **n))
    for _ in range(2):
        assert mirror.local_copy(location(url)).read_bytes() == data
    assert len(asked) == 26


def test_an_object_that_changes_while_it_is_fetched_is_refused(folder, monkeypatch):
    monkeypatch.setattr(mirror, "PART", 1000)
    put(url := f"{folder}/file", bytes(5000))
    get = Bucket.get

    def change(bucket, key, start=0, stop=None, tag=""):
        if start == 3000:
            put(url, bytes(5001))
        return get(bucket, key, start, stop, tag)

    monkeypatch.setattr(Bucket, "get", change)
    with pytest.raises(InputFileError, match="changed while it was read"):
        mirror.local_copy(location(url))


def test_what_the_disk_has_no_room_for_is_not_begun(folder, monkeypatch):
    put(url := f"{folder}/file", bytes(5000))
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(mirror.shutil, "disk_usage", lambda path: usage._replace(free=4999))
    monkeypatch.setattr(Bucket, "get", lambda *a: pytest.fail("asked for its content"))
    with pytest.raises(InputFileError, match=r"4\.88 KiB free.*TMPDIR"):
        mirror.local_copy(location(url))


def test_where_a_copy_lies_says_of_which_object_and_nothing_else_does(folder):
    put(url := f"{folder}/a b/file", b"1")
    assert str(mirror.origin(mirror.local_copy(location(url)))) == url
    made, of = f"/{copies.PREFIX}x", f"{copies.version_of('')}/0/k"
    assert str(mirror.origin(Path(f"{made}/{of}/s3/b/k"))) == "s3://b/k"
    for path in (f"/tmp/x/{of}/s3/b/k", f"{made}/{of}/s3/b", f"{made}/0/0/k/s3/b/k"):
        assert mirror.origin(Path(path)) is None


def test_what_is_not_there_is_said(folder, tmp_path):
    for url in (f"{folder}/scan.h5", f"{folder}/patches.zarr"):
        with pytest.raises(InputFileError, match="no such object"):
            check_source(ScanSource("file", location(url)))
        with pytest.raises(InputFileError, match="no such object"):
            read_scan("file", url)
        with pytest.raises(InputFileError, match="no such object"):
            read_output(url)


def test_errors_name_the_object_not_its_copy(folder):
    put(url := f"{folder}/scan.h5", b"no HDF5")
    with pytest.raises(InputFileError, match="looks like text") as caught:
        read_scan("cxi", url)
    assert url in str(caught.value)
    assert copies.PREFIX not in str(caught.value)


def test_without_obstore_the_command_that_installs_it_is_said(folder, monkeypatch):
    monkeypatch.setattr(buckets, "is_installed", lambda module: False)
    with pytest.raises(MissingExtraError, match=r'pip install "ptycho_engine\[cloud\]"'):
        read_scan("file", f"{folder}/scan.h5")


def test_a_fork_is_told_that_it_cannot_ask(folder, monkeypatch):
    put(f"{folder}/file", b"")
    monkeypatch.setattr(buckets.os, "getpid", lambda: 1)
    with pytest.raises(ForkedProcessError, match="spawn"):
        mirror.exists(location(f"{folder}/file"))


def test_datasets_read_scans_and_outputs_at_urls(folder, tmp_path):
    write_scan(tmp_path / "scan.h5", scan := a_scan())
    write_scan(f"{folder}/scan.zarr", scan)
    fill(f"{folder}/patches.zarr", 1)
    put(f"{folder}/scan.h5", (tmp_path / "scan.h5").read_bytes())
    local = PatchDataset(tmp_path / "scan.h5", 8, fields=["patches", "amplitude"])
    for name in ("scan.h5", "scan.zarr"):
        found = PatchDataset(f"{folder}/{name}", 8, fields=["patches", "amplitude"])
        assert len(found) == len(local)
        for key, value in found[7].items():
            assert np.array_equal(value, local[7][key])
    stored = PatchDataset(f"{folder}/patches.zarr", fields=["patches"])
    assert np.array_equal(stored[5]["patches"], values(1)[5])


# -- jobs --------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_job_reads_from_one_url_and_writes_to_another(folder, tmp_path):
    write_scan(tmp_path / "scan.h5", scan := a_scan())
    put(f"{folder}/scan.h5", (tmp_path / "scan.h5").read_bytes())
    output = location(f"{folder}/patches.zarr")
    job = ExtractionJob(
        ScanSource("file", location(f"{folder}/scan.h5")), Cut(8), output, plugin="numba"
    )
    result = extract.run(job)
    assert result.output == output
    local = ExtractionJob(
        ScanSource("file", tmp_path / "scan.h5"), Cut(8), tmp_path / "p.zarr", plugin="numba"
    )
    extract.run(local)
    with read_output(str(output)) as found, read_output(tmp_path / "p.zarr") as expected:
        assert np.array_equal(found.patches[...], expected.patches[...])
        assert found.provenance["scan"] == f"{folder}/scan.h5"
        assert found.provenance["scan_sha256"] == expected.provenance["scan_sha256"]
    picture = PICTURE.beside(output)
    assert result.picture == picture
    assert Bucket(picture).get(picture.key).startswith(b"\x89PNG")

    put_together = ReassemblyJob(
        PatchSource(output), location(f"{folder}/object.zarr"), plugin="numba"
    )
    reassemble.run(put_together)
    again = read_scan("file", f"{folder}/object.zarr")
    assert again.image.shape == scan.image.shape


# -- its end -----------------------------------------------------------------------------------

PROGRAM = """
import os, signal, sys, time
from ptycho_engine.io.objects.mirror import local_copy
from ptycho_engine.io.objects.buckets import Bucket
from ptycho_engine.io.objects.urls import location
url = location("memory://b/scan.npz")
Bucket(url).put(url.key, b"content")
print(local_copy(url), flush=True)
if sys.argv[1] == "INT":
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(60)
if sys.argv[1] == "KILL":
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.slow
def test_copies_are_removed_at_the_end_of_the_process_or_by_the_next(tmp_path):
    environment = os.environ | {"TMPDIR": str(tmp_path)}

    def run(how):
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, how], env=environment, capture_output=True,
            text=True, check=False, timeout=120,
        )  # fmt: skip
        return done.returncode, Path(done.stdout.strip())

    for how, code in (("end", 0), ("INT", -signal.SIGINT), ("KILL", -signal.SIGKILL)):
        found, path = run(how)
        assert found == code
        assert path.exists() == (how == "KILL")
    assert copies.original(path).folder.stat().st_mode & 0o077 == 0
    left = path
    run("end")
    assert not left.exists()
    assert list(tmp_path.iterdir()) == []
