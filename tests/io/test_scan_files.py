"""Reading within a budget, and writing by suffix through whichever format writes it."""

import numpy as np
import pytest

from ptycho_engine.errors import (
    CapabilityError,
    MemoryBudgetError,
    OutputError,
    PluginError,
    RequestError,
)
from ptycho_engine.io.patterns import Patterns
from ptycho_engine.io.scan import Scan
from ptycho_engine.io.scan_files import find_writer, read_scan, write_scan
from ptycho_engine.io.specs import ArraySpec
from ptycho_engine.io.store import Store

SCAN = Scan(np.ones((6, 8)), np.array([[1.0, 2.5]]), "a test")

READER = """
from ptycho_engine.plugin import Scan
def recognise(path): return True
def read(path, options): raise SystemExit("read")
def needed_bytes(path, options): return 1000
"""
WRITER = """
def recognise(path): return True
def read(path, options): ...
def write(path, scan): path.write_text({name!r} + scan.source)
"""


@pytest.fixture
def path(tmp_path):
    return tmp_path / "scan.one"


def test_nothing_is_read_beyond_the_budget(installed, path):
    installed(one_one=READER)
    for name in ("one", "file"):
        with pytest.raises(MemoryBudgetError, match=r"scan\.one: .* takes 1000 B, .* is 999 B\."):
            read_scan(name, path, memory_budget=999)
        with pytest.raises(SystemExit, match="read"):
            read_scan(name, path, memory_budget=1000)


def test_a_format_that_does_not_tell_is_read(installed, path):
    installed(one_one="def recognise(p): ...\ndef read(p, o): raise SystemExit('read')")
    with pytest.raises(SystemExit, match="read"):
        read_scan("one", path, memory_budget=1)


def test_the_suffix_chooses_who_writes(installed, path):
    installed(one_one=WRITER.format(name="one: "), two_two=WRITER.format(name="two: "))
    write_scan(path, SCAN)
    assert path.read_text() == "one: a test"
    write_scan(path.with_suffix(".TWO"), SCAN)
    assert path.with_suffix(".TWO").read_text() == "two: a test"
    write_scan(path.with_suffix(".three"), SCAN, format="two")
    assert path.with_suffix(".three").read_text() == "two: a test"


def test_a_reader_beside_a_writer_is_passed_over(installed, path):
    installed(one_one=READER, two_one=WRITER.format(name="two: "))
    write_scan(path, SCAN)
    assert path.read_text() == "two: a test"


def test_what_stands_there_stays(installed, path):
    installed(one_one=WRITER.format(name="one: "))
    path.write_text("mine")
    with pytest.raises(OutputError, match="exists already, and scans are never replaced"):
        write_scan(path, SCAN)
    assert path.read_text() == "mine"


@pytest.mark.parametrize("name", ["scan.h5", "scan.zarr", "scan.npz"])
def test_no_output_takes_the_place_of_a_scan(tmp_path, name):
    path, cut = tmp_path / name, np.ones((1, 2, 2), np.float32)
    patches = {"patches": ArraySpec.of(cut, ("point", "y", "x"))}
    write_scan(path, SCAN)
    with pytest.raises(OutputError, match="is a scan, and scans are never replaced"):
        Store.create(path, patches, overwrite=True)
    np.testing.assert_array_equal(read_scan("file", path).image, SCAN.image)
    other = tmp_path / f"patches{path.suffix}"
    for content in (cut, cut + 1):  # what a job made is replaced as ever
        with Store.create(other, patches, overwrite=True, configuration={"patch_size": 2}) as store:
            store.write("patches", (), content)


@pytest.mark.parametrize(
    ("format", "name"), [("npz", "c.h5"), ("npz", "c.zarr"), ("ptycho_engine", "c.npz")]
)
def test_a_named_format_writes_no_container_of_another(tmp_path, format, name):
    with pytest.raises(OutputError, match=r"writes .*, and received the suffix .* ends so"):
        write_scan(tmp_path / name, SCAN, format)
    assert list(tmp_path.iterdir()) == []


def test_a_format_that_only_reads_says_so(installed, path):
    installed(one_one=READER)
    for format in (None, "one", "synthetic"):
        with pytest.raises(CapabilityError, match=r"reads, but cannot write\. Expected one that"):
            write_scan(path, SCAN, format)
    assert not path.exists()


def test_arguments_in_the_other_order_are_told(path):
    with pytest.raises(
        RequestError, match=r"received a Scan and a PosixPath\. Expected a path and"
    ):
        write_scan(SCAN, path)
    with pytest.raises(RequestError, match=r"write_scan\(path, scan\)"):
        write_scan(path, None)


def test_two_that_write_a_suffix_are_both_named(installed, path):
    installed(one_one=WRITER.format(name="one: "), two_one=WRITER.format(name="two: "))
    with pytest.raises(PluginError, match="formats one and two both write"):
        write_scan(path, SCAN)
    write_scan(path, SCAN, "two")
    assert path.read_text() == "two: a test"


def test_a_built_in_writer_comes_first(installed, tmp_path):
    installed(greedy_npz="raise SystemExit('imported')")
    write_scan(tmp_path / "scan.npz", SCAN)
    np.testing.assert_array_equal(read_scan("npz", tmp_path / "scan.npz").image, SCAN.image)


def test_an_unknown_suffix_lists_the_known(tmp_path):
    with pytest.raises(OutputError, match=r"no format has the suffix '\.tiff'.* \.npz"):
        write_scan(tmp_path / "scan.tiff", SCAN)


def test_a_folder_that_takes_no_files_is_refused_before_there_is_a_scan(tmp_path, monkeypatch):
    with pytest.raises(OutputError, match="does not exist"):
        find_writer(tmp_path / "missing" / "s.npz")
    monkeypatch.setattr("os.access", lambda *_: False)
    with pytest.raises(OutputError, match="is not writeable"):
        find_writer(tmp_path / "s.npz")


def test_what_a_scan_holds():
    scan = Scan(
        np.ones((6, 8)), np.zeros((2, 2)), "a test", np.ones((4, 4), "c8"),
        Patterns((2, 4, 4), np.dtype("f4"), lambda *_: pytest.fail("they stay in the file")),
        metadata={"scan_index": np.arange(2), "n": 3},
    )  # fmt: skip
    assert scan.held_bytes == 6 * 8 * 8 + 2 * 2 * 8 + 4 * 4 * 8 + 2 * 8
