"""Folders of scans, in a bucket as on the disk: each of their scans is listed, none is merged."""

import itertools
import json
from urllib.request import Request, urlopen

import numpy as np
import pytest

pytest.importorskip("obstore")

from object_servers import CREDENTIALS, serving

from ptycho_engine import PatchDataset, Scan, ScanSource, read_scan, write_scan
from ptycho_engine.app.command import dispatch
from ptycho_engine.app.jobs.inspect import run
from ptycho_engine.app.jobs.inspection_job import InspectionJob
from ptycho_engine.errors import InputFileError, RequestError
from ptycho_engine.io.objects import copies
from ptycho_engine.io.objects.buckets import Bucket
from ptycho_engine.io.objects.claim import CLAIM
from ptycho_engine.io.objects.urls import location
from ptycho_engine.io.scan_folders import is_folder_of_scans, scans_in

NUMBERS = itertools.count()
NAMES = ["another.npz", "begun.zarr", "broken.npz", "scan.zarr"]


def put(place, data):
    Bucket(place).put(place.key, data)


def fill(folder, tmp_path):
    """Put scans, whole and not, and what is none, below a name and around it."""
    scan = Scan(
        np.ones((40, 60), "c8"), np.full((12, 2), 20.0), "made", probe=np.ones((8, 8), "c8")
    )
    write_scan(tmp_path / "another.npz", scan)
    data = (tmp_path / "another.npz").read_bytes()
    put(folder / "another.npz", data)
    put(folder / "broken.npz", b"PK")
    put(folder / "notes.txt", b"none of ours")
    put(folder / "deeper" / "scan.npz", data)
    put(folder.with_name(f"{folder.name}2") / "beside.npz", data)
    put(folder / "begun.zarr" / CLAIM, b"{}")
    write_scan(folder / "scan.zarr", scan)


@pytest.fixture
def folder(tmp_path):
    place = location(f"memory://scans/{next(NUMBERS)}/a folder.2/")
    fill(place, tmp_path)
    return place


def check_list(scans):
    assert [scan["source"].rpartition("/")[2] for scan in scans] == NAMES
    assert [scan.get("error") is None for scan in scans] == [True, False, False, True]
    assert "a store whose run has not ended" in scans[1]["error"]
    assert scans[0]["positions"]["count"] == scans[3]["positions"]["count"] == 12


def test_what_lies_right_below_the_name_is_listed(folder):
    assert is_folder_of_scans(folder)
    assert not is_folder_of_scans(folder / "another.npz")
    assert not is_folder_of_scans(folder / "begun.zarr")
    assert not is_folder_of_scans(folder / "nothing")
    assert [str(url) for url in scans_in(folder)] == [f"{folder}/{name}" for name in NAMES]


def test_inspect_lists_it(folder, capsys):
    check_list(json.loads(run(InspectionJob(ScanSource("file", str(folder)))).as_json()))
    assert dispatch(["inspect", f"{folder}/"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["scan", *NAMES]
    assert "40 x 60" in lines[1]


def test_one_copy_at_a_time_is_kept(folder):
    copied = copies.own().folder
    run(InspectionJob(ScanSource("file", folder)))
    assert list(copied.rglob(f"{folder.key.split('/')[0]}/{folder.name}")) == []
    scan = read_scan("file", folder / "another.npz")  # its copy stays
    run(InspectionJob(ScanSource("file", folder)))
    assert list(copied.rglob(f"{folder.key}/another.npz")) != []
    assert scan.source == f"{folder}/another.npz"


@pytest.mark.parametrize(
    "read", [lambda url: read_scan("file", url), lambda url: PatchDataset(str(url), 8)]
)
def test_what_takes_one_scan_refuses_it(folder, read):
    with pytest.raises(InputFileError, match=r"is a folder.*never merged.*inspect URL"):
        read(folder)


def test_subcommands_that_take_one_scan_refuse_it(folder, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for words in ([str(folder)], ["convert", str(folder), "copy.h5"]):
        assert dispatch(words) == 2
        assert "is a folder" in capsys.readouterr().err


def test_a_folder_without_scans_and_a_picture_of_several_are_refused(folder):
    put(folder / "empty" / "notes.txt", b"none of ours")
    with pytest.raises(InputFileError, match="holds no file with the suffix"):
        run(InspectionJob(ScanSource("file", folder / "empty")))
    with pytest.raises(RequestError, match="a picture shows one scan"):
        run(InspectionJob(ScanSource("file", folder), picture=folder / "p.png"))
    with pytest.raises(InputFileError, match="no such object"):
        run(InspectionJob(ScanSource("file", folder / "nothing")))


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.0, 0.2])
def test_a_folder_of_a_server_is_listed(tmp_path, monkeypatch, share):
    """Also one that a console made, which is an object of no bytes, and where requests fail."""
    pytest.importorskip("moto.server")
    with serving() as (address, server):
        for name, value in (CREDENTIALS | {"AWS_ENDPOINT": address}).items():
            monkeypatch.setenv(name, value)
        urlopen(Request(f"{address}/scans/{share}/july/", method="PUT", data=b"")).close()
        folder = location(f"s3://scans/{share}/july/")
        fill(folder, tmp_path)
        server.share = share
        check_list(run(InspectionJob(ScanSource("file", folder))).scans)
