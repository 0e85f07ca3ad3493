"""The layout of this package: what it holds, what is refused, and that what is unknown stays so."""

import dataclasses
import json
import re
from pathlib import Path

import h5py
import numpy as np
import pytest

from ptycho_engine import read_output
from ptycho_engine.errors import (
    ConfigurationError,
    InputFileError,
    MemoryBudgetError,
    OutputError,
)
from ptycho_engine.io.catalogue import find_format
from ptycho_engine.io.formats import scan_layout
from ptycho_engine.io.patterns import Patterns
from ptycho_engine.io.scan import Scan
from ptycho_engine.io.scan_files import read_scan, write_scan

COUNT = 40
RNG = np.random.default_rng(1)
SCAN = Scan(
    RNG.normal(size=(2, 9, 11)), RNG.normal(size=(COUNT, 2)), "a test", np.ones((4, 4), "c8"),
    Patterns.of(RNG.poisson(9, (COUNT, 4, 5)).astype(np.uint16)), layer_axis="mode", energy=8e3,
    metadata={"name": "ü", "scan_index": np.arange(COUNT), "nested": {"a": [1, None]}},
    assumptions={"quantity": "as chosen"},
)  # fmt: skip
each_container = pytest.mark.parametrize("suffix", [".h5", ".zarr"])


@pytest.fixture
def path(tmp_path, suffix):
    write_scan(tmp_path / f"scan{suffix}", SCAN)
    return tmp_path / f"scan{suffix}"


@each_container
def test_it_is_what_these_suffixes_write(path):
    assert find_format(path) == "ptycho_engine"
    scan = read_scan("file", path)
    assert scan.metadata.pop("scan_index").tolist() == list(range(COUNT))
    assert scan.metadata == {"name": "ü", "nested": {"a": [1, None]}}
    assert (scan.layer_axis, scan.units, scan.distance) == ("mode", "px", None)
    assert scan.patterns.quantity is None
    assert scan.assumptions == SCAN.assumptions


@each_container
def test_options_tell_what_the_file_does_not(tmp_path, path, suffix):
    options = {"quantity": "intensity", "pixel_size": 2e-8}
    scan = read_scan("file", path)
    with pytest.raises(OutputError, match=r"scan\.quantity=amplitude, or scan\."):
        write_scan(tmp_path / "o.cxi", dataclasses.replace(scan, pixel_size=(1e-8, 1e-8)))
    with pytest.raises(OutputError, match=r"else scan\.pixel_size=METRES"):
        write_scan(tmp_path / "o.cxi", scan)
    told = read_scan("ptycho_engine", path, options)
    assert (told.patterns.quantity, told.pixel_size) == ("intensity", (2e-8, 2e-8))
    assert told.assumptions == {"quantity": "intensity, as chosen", "pixel_size": "2e-08"}
    write_scan(tmp_path / "o.cxi", told)
    again = tmp_path / f"again{suffix}"
    write_scan(again, told)
    others = {"quantity": "amplitude", "pixel_size": 1.0}
    kept = read_scan("ptycho_engine", again, others)  # what the file says counts
    assert (kept.patterns.quantity, kept.pixel_size) == ("intensity", (2e-8, 2e-8))
    for wrong in ({"quantity": "field"}, {"pixel_size": 0}):
        with pytest.raises(ConfigurationError):
            read_scan("ptycho_engine", path, wrong)


@each_container
def test_others_find_names_and_units_in_it(path):
    with read_output(path) as output:
        assert output.specs["object"].axes == ("mode", "y", "x")
        assert output.specs["positions"].units == "object pixels"
        assert output.specs["patterns"].axes == ("point", "detector_y", "detector_x")
        assert output.geometry["axis_order"] == "y, x"
        assert output.provenance["scan"] == "a test"


@each_container
def test_nothing_but_positions_in_metres(tmp_path, suffix):
    path = tmp_path / f"m{suffix}"
    write_scan(path, Scan(None, SCAN.positions, "a test", units="m"))
    scan = read_scan("file", path)
    assert (scan.units, scan.image, scan.patterns) == ("m", None, None)
    np.testing.assert_array_equal(scan.positions, SCAN.positions)


@each_container
def test_a_scan_of_nothing_is_not_written(tmp_path, suffix):
    with pytest.raises(OutputError, match="Expected at least one"):
        write_scan(tmp_path / f"s{suffix}", Scan(None, None, "a test"))
    assert list(tmp_path.iterdir()) == []


@each_container
def test_ranges_of_patterns(path):
    patterns = read_scan("file", path).patterns
    whole = SCAN.patterns.read()
    np.testing.assert_array_equal(patterns.read(14, 35), whole[14:35])
    np.testing.assert_array_equal(patterns.take([39, 0, 16]), whole[[39, 0, 16]])


@each_container
def test_what_is_loaded_counts(path):
    with pytest.raises(MemoryBudgetError):
        read_scan("file", path, memory_budget=SCAN.image.nbytes)


def change(path, **changes):
    """Change the record of a scan; what becomes Ellipsis goes."""

    def edited(record):
        record = record | changes
        return {key: value for key, value in record.items() if value is not ...}

    if path.suffix == ".h5":
        with h5py.File(path, "r+") as file:
            file.attrs["scan"] = json.dumps(edited(json.loads(file.attrs["scan"])))
    else:
        place = path / "zarr.json"
        document = json.loads(place.read_text())
        document["attributes"]["scan"] = edited(document["attributes"]["scan"])
        place.write_text(json.dumps(document))


@each_container
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"layout": 2}, r"is of layout 2\. Expected layout 1"),
        ({"layout": ...}, "has no record 'scan'"),
        ({"units": "nm"}, "says units 'nm'"),
        ({"layer_axis": None}, r"the object has shape \(2, 9, 11\)"),
        ({"quantity": 3}, "says quantity 3"),
        ({"energy_eV": "much"}, "says energy_eV 'much'"),
        ({"energy_eV": True}, "says energy_eV True"),
        ({"pixel_size_m": [1e-9]}, r"says pixel_size_m \[1e-09\]"),
    ],
)
def test_records_that_cannot_be(path, changes, message):
    change(path, **changes)
    with pytest.raises(InputFileError, match=message):
        read_scan("ptycho_engine", path)


def test_a_kind_of_numbers_that_no_scan_has(tmp_path):
    path = tmp_path / "s.h5"
    write_scan(path, SCAN)
    with h5py.File(path, "r+") as file:
        del file["positions"]
        file["positions"] = np.ones((COUNT, 2), complex)
    with pytest.raises(InputFileError, match="'positions' holds numbers of kind 'c'"):
        read_scan("ptycho_engine", path)


def test_another_hdf5_file_is_listed(tmp_path):
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["a/b"] = np.ones(3)
    with pytest.raises(InputFileError, match=r"no record 'scan'.*Found: a/b \(3,\)"):
        read_scan("ptycho_engine", tmp_path / "x.h5")


def test_what_cannot_be_told_in_json(tmp_path):
    scan = dataclasses.replace(SCAN, metadata={"a": object()})
    with pytest.raises(OutputError, match="JSON"):
        write_scan(tmp_path / "s.h5", scan)
    assert list(tmp_path.iterdir()) == []


def test_the_document_names_what_there_is():
    page = (Path(__file__).parents[3] / "docs" / "reference" / "scan-layout.md").read_text(
        encoding="utf-8"
    )
    arrays, record = (
        part.split("\n## ")[0] for part in re.split(r"## (?:Arrays|The record)", page)[1:]
    )
    named = set(re.findall(r"^\| `(\w+)` \|", arrays, re.MULTILINE))
    assert named == {*scan_layout.ARRAYS, "patterns", f"{scan_layout.PREFIX}NAME"}
    known = {
        "layout",
        "metadata",
        "assumptions",
        *scan_layout.WORDS,
        *scan_layout.NUMBERS,
        *scan_layout.PAIRS,
    }
    assert set(re.findall(r"^\| `(\w+)` \|", record, re.MULTILINE)) == known
    assert f"chunks of {scan_layout.CHUNK} in Zarr" in page


@pytest.mark.parametrize("name", ["patterns", "probe", "positions"])
def test_an_array_that_leads_nowhere_is_not_passed_over(tmp_path, name):
    path = tmp_path / "scan.h5"
    write_scan(path, SCAN)
    with h5py.File(path, "r+") as file:
        del file[name]
        file[name] = h5py.SoftLink("/nowhere")
    with pytest.raises(InputFileError, match=f"{name}' is missing"):
        read_scan("file", path)
