"""An index of scans: what is known stays closed, what has changed is noticed."""

import json
import os
import pickle

import h5py
import numpy as np
import pytest
from events import logged
from toy_scans import toy_scan

from ptycho_engine.data.datasets.datasets import PatchDataset
from ptycho_engine.data.datasets.entries import Entry
from ptycho_engine.data.datasets.opening import Opening
from ptycho_engine.data.datasets.scan_index import ScanIndex
from ptycho_engine.data.datasets.source_files import files_of
from ptycho_engine.errors import InputFileError, OutputError
from ptycho_engine.io.scan_files import ScanSource, write_scan


@pytest.fixture
def opened(monkeypatch):
    """Sources that are described by opening them."""
    found = []
    of = Entry.of.__func__

    def counted(cls, contents, *more):
        found.append(contents.source)
        return of(cls, contents, *more)

    monkeypatch.setattr(Entry, "of", classmethod(counted))
    return found


@pytest.fixture
def paths(tmp_path):
    found = [tmp_path / "a.npz", tmp_path / "b.h5", tmp_path / "c.zarr"]
    for number, path in enumerate(found):
        write_scan(path, toy_scan(seed=number))
    return found


def test_the_second_dataset_opens_none_and_holds_the_same(paths, tmp_path, opened):
    index = tmp_path / "scans.json"
    first = PatchDataset(paths, index=index, normalise=True)
    assert len(opened) == 3
    second = PatchDataset(paths, index=index, normalise=True)
    assert len(opened) == 3
    assert second.entries == first.entries == PatchDataset(paths, normalise=True).entries
    batch, expected = second.batch([2, 11, 20]), first.batch([2, 11, 20])
    for name, array in expected.items():
        np.testing.assert_array_equal(batch[name], array)
    again = pickle.loads(pickle.dumps(second))
    assert again.entries == first.entries
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.npz", "b.h5", "c.zarr", "scans.json"]


def test_an_index_of_many_scans_is_read_again(tmp_path, opened):
    scan, paths = toy_scan(), [tmp_path / f"{number}.npz" for number in range(150)]
    write_scan(paths[0], scan)
    for path in paths[1:]:
        path.write_bytes(paths[0].read_bytes())
    for _ in range(2):
        assert len(PatchDataset(paths, index=tmp_path / "scans.json")) == 150 * 9
        assert len(opened) == 150


def test_known_scans_are_not_opened_at_all(paths, tmp_path, monkeypatch):
    index = tmp_path / "scans.json"
    with h5py.File(tmp_path / "behind.h5", "w") as file:
        file["values"] = np.zeros(3)
    with h5py.File(paths[1], "r+") as file:
        file["more"] = h5py.ExternalLink("behind.h5", "/values")
    first = PatchDataset(paths, index=index)

    def refuse(*_):
        raise AssertionError

    with monkeypatch.context() as patch:
        for name in ("ptycho_engine.io.scan_facts.files_behind", "h5py.File"):
            patch.setattr(name, refuse)
        patch.setattr(Opening, "open", refuse)
        assert PatchDataset(paths, index=index).entries == first.entries
        os.utime(tmp_path / "behind.h5", ns=(1, 1))
        with pytest.raises(AssertionError):
            PatchDataset(paths, index=index)
    PatchDataset(paths, index=index)
    beside = tmp_path / "b_para.h5"  # one that nobody knew
    paths[1] = paths[1].rename(tmp_path / "b_dp.h5")
    with logged() as events:
        PatchDataset(paths[1], index=index)
        beside.write_bytes(b"")
        PatchDataset(paths[1], index=index)
    assert [e["source"] for e in events if e["event"] == "scan_changed"] == [str(paths[1])]


def test_what_has_changed_is_noticed(paths, tmp_path, opened):
    index = tmp_path / "scans.json"
    PatchDataset(paths, index=index)
    paths[1].unlink()
    write_scan(paths[1], toy_scan(seed=7, points=5))
    with logged() as events:
        dataset = PatchDataset(paths, index=index)
    assert opened[3:] == [str(paths[1])]
    assert len(dataset) == 9 + 5 + 9
    assert [e["source"] for e in events if e["event"] == "scan_changed"] == [str(paths[1])]
    os.utime(paths[0], ns=(1, 1))
    PatchDataset(paths, index=index)
    assert opened[4:] == [str(paths[0])]
    PatchDataset(paths, index=index)
    assert len(opened) == 5
    chunk = max((p for p in paths[2].rglob("*") if p.is_file()), key=lambda p: len(p.parts))
    assert len(chunk.relative_to(paths[2]).parts) > 2
    os.utime(chunk, ns=(1, 1))
    PatchDataset(paths, index=index)
    assert opened[5:] == [str(paths[2])]


def test_other_settings_are_other_entries_and_both_stay(paths, tmp_path, opened):
    index = tmp_path / "scans.json"
    for _ in range(2):
        PatchDataset(paths[0], index=index)
        PatchDataset(paths[0], 6, index=index)
        PatchDataset(ScanSource("file", paths[0], {}), index=index)
        PatchDataset(paths[0], normalise=True, index=index)
        assert len(opened) == 4
    assert len(json.loads(index.read_text())["entries"]) == 4


def test_entries_of_files_that_are_gone_go(paths, tmp_path):
    index = tmp_path / "scans.json"
    PatchDataset(paths, index=index)
    paths[0].unlink()
    PatchDataset(paths[1], 6, index=index)
    kept = json.loads(index.read_text())["entries"].values()
    assert sorted(entry["files"][0][0] for entry in kept) == sorted(
        map(str, [paths[1], *paths[1:]])
    )


def test_scans_in_memory_are_in_no_index(tmp_path, opened):
    index = tmp_path / "scans.json"
    for _ in range(2):
        PatchDataset([toy_scan()], index=index)
    assert len(opened) == 2
    assert json.loads(index.read_text())["entries"] == {}


def test_an_entry_that_fits_no_more_is_refused_when_it_is_used(paths, tmp_path):
    """As after a change that left size and times as they were."""
    index = tmp_path / "scans.json"
    PatchDataset(paths[0], index=index)
    text = index.read_text()
    index.write_text(text.replace('"rows": 9', '"rows": 8'))
    dataset = PatchDataset(paths[0], index=index)
    with pytest.raises(InputFileError, match=r"a\.npz: is another than when the dataset was made"):
        dataset[0]


def test_both_halves_of_a_pair_and_files_of_options_are_watched(tmp_path):
    half, other, extra = (tmp_path / n for n in ("s_dp.hdf5", "s_para.hdf5", "x.npy"))
    for path in (half, other, extra):
        path.write_bytes(b"")
    assert files_of(half) == [half, other]
    assert files_of(other) == [other, half]
    assert files_of(ScanSource("mat", half, {"a": [str(extra)], "b": 3})) == [half, other, extra]
    assert files_of(ScanSource("synthetic")) == files_of(tmp_path / "none") == []


@pytest.mark.parametrize("name", ["dp", "run_{}_7", "2024-{}.x"])
def test_pairs_are_those_that_formats_read(name, tmp_path, monkeypatch):
    paths = [tmp_path / f"{name.format(role)}.hdf5" for role in ("dp", "para")]
    if name == "dp":
        paths[1] = tmp_path / "para.hdf5"
    named = tmp_path / "named.hdf5"
    for path in (*paths, named):
        path.write_bytes(b"")
    assert files_of(paths[0]) == paths
    assert files_of(paths[1]) == paths[::-1]
    monkeypatch.chdir("/")  # a name alone is of a file beside the other
    assert files_of(ScanSource("pty_chi", named, {"other": paths[0].name})) == [named, paths[0]]


def test_other_files_are_never_replaced_and_other_versions_start_anew(paths, tmp_path, opened):
    index = tmp_path / "scans.json"
    for text in ('{"mine": 1}', "[1]", "no json"):
        index.write_text(text)
        with pytest.raises(InputFileError):
            PatchDataset(paths[0], index=index)
        assert index.read_text() == text
    index.unlink()
    PatchDataset(paths[0], index=index)
    found = json.loads(index.read_text())
    index.write_text(json.dumps(found | {"version": "0.1"}))
    assert ScanIndex.load(index).known == {}
    PatchDataset(paths[0], index=index)
    assert len(opened) == 2
    assert json.loads(index.read_text()) == found


@pytest.mark.parametrize(
    "damage",
    [
        lambda entries: [],
        lambda entries: dict.fromkeys(entries, 3),
        lambda entries: {key: kept | {"files": [3]} for key, kept in entries.items()},
        lambda entries: {key: kept | {"files": [[3, 4]]} for key, kept in entries.items()},
        lambda entries: {key: kept | {"entry": {"rows": 9}} for key, kept in entries.items()},
        lambda entries: {
            key: kept | {"entry": kept["entry"] | {"pattern": [[4, 4], "?!"]}}
            for key, kept in entries.items()
        },
    ],
)
def test_damaged_entries_are_made_anew(damage, paths, tmp_path, opened):
    index = tmp_path / "scans.json"
    PatchDataset(paths[0], index=index)
    whole = json.loads(index.read_text())
    index.write_text(json.dumps(whole | {"entries": damage(whole["entries"])}))
    assert len(PatchDataset(paths[0], index=index)) == 9
    assert len(opened) == 2
    assert json.loads(index.read_text()) == whole


def test_a_folder_that_does_not_exist(paths, tmp_path):
    with pytest.raises(OutputError, match="cannot be written"):
        PatchDataset(paths[0], index=tmp_path / "none" / "scans.json")
