"""Sources are the files that they were when they were named, whichever folder a process is in."""

import dataclasses
import os
import pickle
import shutil
import threading
from pathlib import Path

import numpy as np
import pytest
from toy_scans import toy_scan

from ptycho_engine import Engine
from ptycho_engine.data.datasets.contents import ScanContents
from ptycho_engine.data.datasets.dataset_sources import absolute, as_sources
from ptycho_engine.data.datasets.datasets import PatchDataset
from ptycho_engine.data.datasets.source_files import files_of, stamp_of
from ptycho_engine.errors import InputFileError
from ptycho_engine.geometry.cut import Cut
from ptycho_engine.io.scan_files import ScanSource, read_scan, write_scan


@pytest.fixture
def folders(tmp_path):
    """Two folders that hold another scan each, of one name."""
    for number, name in enumerate("ab"):
        (tmp_path / name).mkdir()
        write_scan(tmp_path / name / "s.npz", toy_scan(seed=number))
    return tmp_path


@pytest.mark.parametrize("source", ["s.npz", Path("s.npz"), ScanSource("npz", "s.npz")])
def test_another_folder_makes_no_other_scan(source, folders, monkeypatch):
    monkeypatch.chdir(folders / "a")
    dataset = PatchDataset(source)
    expected = dataset[3]["patches"]
    dataset.close()
    monkeypatch.chdir(folders / "b")
    for one in (dataset, pickle.loads(pickle.dumps(dataset))):
        np.testing.assert_array_equal(one[3]["patches"], expected)


@pytest.mark.parametrize("name", ["s.npz", "s.h5", "s.zarr", "s_dp.hdf5"])
def test_patterns_of_a_scan_that_was_read_stay_those_of_its_file(name, folders, monkeypatch):
    for number, folder in enumerate("ab"):
        path = folders / folder / name
        path.unlink(missing_ok=True)
        scan = dataclasses.replace(toy_scan(seed=number), pixel_size=(1e-8, 1e-8))
        write_scan(path, scan, "pty_chi" if "dp" in name else None)
    monkeypatch.chdir(folders / "a")
    scan = read_scan("file", name)
    assert scan.source in (name, name.replace("dp", "para"))
    assert scan.patterns.source.startswith(name)
    expected = read_scan("file", folders / "a" / name).patterns.read()
    monkeypatch.chdir(folders / "b")
    dataset = PatchDataset(scan, fields=["patterns"])
    np.testing.assert_array_equal(dataset[:]["patterns"], expected)
    assert (read_scan("file", name).patterns.read() != expected).any()


def test_errors_name_a_file_as_it_was_named(folders, monkeypatch):
    monkeypatch.chdir(folders)
    Path("a/s.npz").write_bytes(b"nothing")
    for name in ("a/s.npz", "none.npz"):
        with pytest.raises(InputFileError, match=f"^{name}: "):
            read_scan("file", name)


def test_paths_among_options_stay_what_they_were(folders, monkeypatch):
    monkeypatch.chdir(folders)
    options = {
        "dark": Path("dark.npy"), "flat": "a/s.npz", "name": "s.npz", "inside": "entry/data",
        "several": [Path("x"), 3], "count": 2,
    }  # fmt: skip
    (found,) = as_sources(ScanSource("mine", "s.npz", options))
    assert found.path == folders / "s.npz"
    assert found.options == {
        "dark": folders / "dark.npy", "flat": str(folders / "a" / "s.npz"), "name": "s.npz",
        "inside": "entry/data", "several": [folders / "x", 3], "count": 2,
    }  # fmt: skip
    assert absolute(found) == found


def test_formats_look_from_the_folder_of_a_file_first(folders, monkeypatch):
    """What the folder of the process holds under the same name is another file."""
    for place in (folders / "a" / "x", folders / "x"):
        place.mkdir()
        (place / "flat.npy").write_bytes(b"")
    (folders / "dark.npy").write_bytes(b"")
    monkeypatch.chdir(folders)
    options = {"flat": "x/flat.npy", "same": Path("x/flat.npy"), "dark": "dark.npy", "star": "x"}
    (found,) = as_sources(ScanSource("mine", folders / "a" / "s.npz", options))
    assert found.options == options
    stamp = stamp_of(found)
    assert [Path(name) for name, *_ in stamp] == [
        folders / "a" / "s.npz", folders / "a" / "x" / "flat.npy"
    ]  # fmt: skip
    monkeypatch.chdir("/")
    assert stamp_of(found) == stamp
    monkeypatch.chdir(folders)
    (made,) = as_sources(ScanSource("mine", None, options | {"same": "dark"}))
    assert made.options == {
        "flat": str(folders / "x" / "flat.npy"), "same": "dark",
        "dark": str(folders / "dark.npy"), "star": "x",
    }  # fmt: skip
    assert files_of(made) == []


def test_sources_that_are_absolute_stay():
    assert as_sources(ScanSource("synthetic")) == (ScanSource("synthetic"),)


def test_a_scan_that_is_being_looked_at_holds_up_no_other():
    """A fork meanwhile would find the lock taken, and nobody who gives it back."""
    entered, go_on = threading.Event(), threading.Event()

    class Slow(Engine):
        def prepare(self, *args, **kwargs):
            entered.set()
            go_on.wait(30)
            return super().prepare(*args, **kwargs)

    def look(engine):
        thread = threading.Thread(target=lambda: ScanContents(toy_scan(), Cut(6), engine).doubts)
        thread.start()
        return thread

    slow = look(Slow("numba"))
    try:
        assert entered.wait(30)
        other = look(Engine("numba"))
        other.join(10)
        assert not other.is_alive()
    finally:
        go_on.set()
        slow.join()


def replaced(path, scan):
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    write_scan(path, scan)


@pytest.mark.parametrize("name", ["a.h5", "a.npz", "a.zarr"])
def test_a_file_that_was_replaced_is_refused_when_it_opens_again(name, tmp_path):
    path = tmp_path / name
    write_scan(path, toy_scan())
    dataset = PatchDataset([path, toy_scan()], max_open=1, normalise=True)
    expected = dataset[0]["patterns"]
    dataset[9]  # the file is let go of
    np.testing.assert_array_equal(dataset[0]["patterns"], expected)
    replaced(path, toy_scan(seed=1))
    os.utime(path / "zarr.json" if path.is_dir() else path)
    dataset[9]
    with pytest.raises(InputFileError, match=r"a\.\w+: is another .* size or\s+in their time"):
        dataset[0]
    other = pickle.loads(pickle.dumps(dataset))
    with pytest.raises(InputFileError, match="is another"):
        other[0]
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    with pytest.raises(InputFileError, match=r"no such|cannot be read"):
        dataset[0]


@pytest.mark.parametrize("modes", [3, None])
def test_a_scan_with_another_probe_is_another(modes, tmp_path):
    """As behind an external link, or after a change that left size and time as they were."""
    scan = toy_scan()
    dataset = PatchDataset([scan, toy_scan()], fields=["probe"], max_open=1)
    probe = None if modes is None else np.stack([scan.probe] * modes)
    changed = dataclasses.replace(scan, probe=probe)
    for number, image in ((0, changed), (1, dataclasses.replace(scan, image=np.ones((30, 30))))):
        contents = ScanContents(image, Cut(6), Engine("numba"))
        with pytest.raises(InputFileError, match="toy: is another than when the dataset was made"):
            dataset.entries[number].check(contents)
