"""The catalogue of formats: metadata alone until one is chosen, by name, by suffix, by content."""

import os
import re
from types import SimpleNamespace

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptycho_engine import discovery
from ptycho_engine.errors import (
    ConfigurationError,
    InputFileError,
    PluginError,
    PluginLoadError,
    UnknownPluginError,
)
from ptycho_engine.io import catalogue
from ptycho_engine.io.catalogue import find_format, list_formats, load_format
from ptycho_engine.io.scan import Scan
from ptycho_engine.io.scan_files import read_scan

MODULE = """
from dataclasses import dataclass
from ptycho_engine.plugin import Scan
import numpy as np
@dataclass
class Options:
    size: int = 3
def recognise(path):
    return path.read_bytes().startswith({head!r})
def read(path, options):
    return Scan(np.zeros((options.size, options.size)), np.zeros((1, 2)), str(path))
"""


def scan_file(tmp_path, content=b"one", name="scan.one"):
    path = tmp_path / name
    path.write_bytes(content)
    return path


def test_the_built_in_formats():
    found = {source.name: source for source in list_formats() if source.built_in}
    assert {name: source.suffixes for name, source in found.items()} == {
        "file": (), "npz": (".npz",), "synthetic": (),
        "ptychodus": (".hdf5", ".h5", ".npz"),
        "cxi": (".cxi", ".h5", ".hdf5", ".nxs"), "dectris": (".h5", ".nxs"),
        "ptyd": (".ptyd",), "ptyr": (".ptyr",), "mat": (".mat",),
        "ptycho_engine": (".h5", ".zarr"), "pty_chi": (".hdf5", ".h5"),
        "ptychodus_training": (".hdf5", ".h5"),
    }  # fmt: skip
    assert load_format("npz").needs_file
    assert not load_format("synthetic").needs_file


def test_names_carry_the_suffixes_and_listing_imports_nothing(installed):
    installed(mine_MINE_qq="raise SystemExit('imported')", other="raise SystemExit('imported')")
    found = {source.name: source.suffixes for source in list_formats()}
    assert found["mine"] == (".mine", ".qq")
    assert found["other"] == ()


def test_one_of_a_suffix_is_chosen_without_being_imported(installed, tmp_path):
    installed(mine_qq="raise SystemExit('imported')")
    assert find_format(tmp_path / "not there.QQ") == "mine"


def test_options_are_those_of_the_dataclass(installed, tmp_path):
    installed(one_one=MODULE.format(head=b"one"))
    path = scan_file(tmp_path)
    assert read_scan("one", path).image.shape == (3, 3)
    assert read_scan("one", path, {"size": 5}).image.shape == (5, 5)
    with pytest.raises(ConfigurationError, match=r"option 'sise' is not known\. Did you mean"):
        read_scan("one", path, {"sise": 5})
    with pytest.raises(InputFileError, match="received no path"):
        read_scan("one")
    assert read_scan("file", path).source == str(path)


def test_content_decides_among_those_of_a_suffix(installed, tmp_path):
    installed(one_qq=MODULE.format(head=b"one"), two_qq=MODULE.format(head=b"two"))
    assert find_format(scan_file(tmp_path, b"one", "a.qq")) == "one"
    assert find_format(scan_file(tmp_path, b"two", "b.qq")) == "two"
    with pytest.raises(InputFileError, match=r"none of the formats .*'\.qq': one, two"):
        find_format(scan_file(tmp_path, b"three", "c.qq"))
    with h5py.File(tmp_path / "e.qq", "w") as file:
        file["entry/values"] = np.ones(3)
    with pytest.raises(InputFileError, match=r"Found: entry/values \(3,\)\. Expected"):
        find_format(tmp_path / "e.qq")
    with pytest.raises(InputFileError, match="no such file"):
        find_format(tmp_path / "d.qq")


def test_two_that_claim_a_file_are_both_named(installed, tmp_path):
    installed(one_qq=MODULE.format(head=b"o"), two_qq=MODULE.format(head=b"one"))
    path = scan_file(tmp_path, b"one", "a.qq")
    with pytest.raises(
        PluginError, match=r"formats one and two\..* scan=one or scan=two"
    ) as caught:
        find_format(path)
    assert str(path) in str(caught.value)


def test_a_built_in_format_is_asked_first(installed, tmp_path):
    """No other format is even imported if it claims the file."""
    installed(greedy_npz="raise SystemExit('imported')")
    ours, theirs = tmp_path / "ours.npz", tmp_path / "theirs.npz"
    np.savez(ours, xcoords=[1.0], ycoords=[1.0], objectGuess=np.ones((4, 4)))
    np.savez(theirs, something=[1])
    assert find_format(ours) == "npz"
    with pytest.raises(PluginLoadError, match="cannot be imported: SystemExit: imported"):
        find_format(theirs)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (
            "import a_package_that_is_not_there",
            r"format 'aabroken' .*a_package_that_is_not_there'\. Repair or remove",
        ),
        ("raise SystemExit('gone')", "format 'aabroken' .*SystemExit: gone"),
        ("", "format 'aabroken' .*is no format"),
        (
            MODULE.format(head=b"").replace("    return path.r", "    1 / 0\n    return path.r"),
            "format 'aabroken' .*cannot tell whether a file is its own: ZeroDivisionError: ",
        ),
    ],
    ids=["import", "exit", "contract", "recognise"],
)
def test_one_that_cannot_be_asked_hinders_no_other(installed, tmp_path, caplog, code, words):
    installed(aabroken_qq=code, beam_qq=MODULE.format(head=b"one"))
    catalogue._warn_once.cache_clear()
    ours, theirs = scan_file(tmp_path, b"one", "a.qq"), scan_file(tmp_path, b"two", "b.qq")
    with caplog.at_level("WARNING", "ptycho_engine"):
        assert find_format(ours) == find_format(ours) == "beam"
    (record,) = caplog.records
    assert re.search(words, record.msg["reason"])
    with pytest.raises(PluginError, match=words) as caught:
        find_format(theirs)
    assert str(caught.value).startswith(f"{theirs}: no format claims it, and one could not be")
    assert str(caught.value).endswith(" Or name the format with scan=NAME.")


def arrays_of_a_scan(path):
    """Write a scan as PtychoPINN has it, whatever the name."""
    with path.open("wb") as stream:
        np.savez(stream, xcoords=[1.0], ycoords=[1.0], objectGuess=np.ones((4, 4)))
    return path


@pytest.mark.parametrize("name", ["scan", "scan.h5", "scan.cxi", "scan.mat", "scan.unknown"])
def test_the_content_counts_where_the_suffix_does_not_fit(tmp_path, name):
    path = arrays_of_a_scan(tmp_path / name)
    assert find_format(path) == "npz"
    assert read_scan("file", path).image.shape == (4, 4)


@pytest.mark.parametrize("name", ["scan", "scan.npz", "scan.mat", "scan.zarr"])
def test_names_that_formats_share_are_no_claim(tmp_path, name):
    """A file of pty-chi's users has names that MATLAB's users choose as well."""
    with h5py.File(tmp_path / name, "w") as file:
        file["dp"] = np.ones((2, 4, 4))
    assert find_format(tmp_path / name) == ("mat" if name == "scan.mat" else "pty_chi")
    with h5py.File(tmp_path / name, "w") as file:
        file["cxi_version"] = 160
    assert find_format(tmp_path / name) == "cxi"


def test_others_are_asked_for_their_content_last(installed, tmp_path):
    """One of another suffix that is broken, or claims all, hinders no built-in one."""
    installed(broken_zz="raise SystemExit('imported')", greedy_qq=MODULE.format(head=b""))
    assert find_format(arrays_of_a_scan(tmp_path / "a")) == "npz"
    assert find_format(scan_file(tmp_path, b"one", "b")) == "greedy"
    installed(broken_zz="raise SystemExit('imported')")
    with pytest.raises(InputFileError, match=r"no format has the suffix '', and none claims its"):
        find_format(scan_file(tmp_path, b"one", "c"))


@pytest.mark.parametrize("name", ["scan.npz", "scan", "scan.h5"])
def test_what_may_not_be_read_is_refused_in_our_words(tmp_path, monkeypatch, name):
    path = tmp_path / name
    path.write_bytes(b"PK")

    may = open

    def opened(file, *arguments, **options):
        if str(file) == str(path):
            raise PermissionError(13, "Permission denied")
        return may(file, *arguments, **options)

    monkeypatch.setattr("pathlib.Path.open", opened)  # root may read whatever its mode
    monkeypatch.setattr("builtins.open", opened)
    monkeypatch.setattr("io.open", opened)
    with pytest.raises(InputFileError, match=name):
        read_scan("file", path)


def test_an_unknown_suffix_lists_the_known(tmp_path):
    with pytest.raises(InputFileError, match=r"suffix '\.tiff'\. Expected one of .*\.npz"):
        find_format(tmp_path / "scan.tiff")


def test_a_name_is_taken_once(installed):
    installed(npz_qq=MODULE)
    with pytest.raises(
        PluginError, match=r"format name 'npz' is taken 2 times: .*format_of_a_test"
    ):
        load_format("npz")
    with pytest.raises(UnknownPluginError, match=r"format 'npy' is not known\. Did you mean 'npz'"):
        load_format("npy")


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("", r"either read\(path, options\) or make\(options\); recognise"),
        ("def read(p, o): ...\ndef make(o): ...\ndef recognise(p): ...", "either read"),
        ("def read(p, o): ...", r"Expected recognise\(path\), as it has suffixes\."),
        (
            "def read(p, o): ...\ndef recognise(p): ...\nOptions = dict",
            "a dataclass under the name",
        ),
        (
            MODULE.format(head=b"").replace("size: int", "path: int"),
            "options of other names",
        ),
    ],
)
def test_what_is_no_format_is_refused(installed, code, words):
    installed(bad_qq=code)
    with pytest.raises(PluginError, match=words):
        load_format("bad")


def test_one_that_cannot_be_imported_hurts_only_itself(installed):
    installed(bad_qq="import a_package_that_is_not_there")
    with pytest.raises(PluginLoadError, match=r"format 'bad' .*a_package_that_is_not_there"):
        load_format("bad")
    assert isinstance(read_scan("synthetic", options={"points": 3, "object_size": 32}), Scan)


def test_only_scans_come_back(installed, tmp_path):
    installed(bad="def make(options): return {}")
    with pytest.raises(PluginError, match=r"returned dict\. Expected a Scan"):
        read_scan("bad")


@given(st.lists(st.sampled_from(["h5", "CXI", "nxs", "npy"]), unique=True, max_size=4))
def test_a_file_belongs_to_a_format_just_if_its_suffix_does(endings):
    source = discovery.PluginSource(".".join(["one", *endings]), "m", "d", "1", SimpleNamespace)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(catalogue, "discover", lambda group: (source,))
        (found,) = list_formats()
        assert found.suffixes == tuple(f".{ending.lower()}" for ending in endings)
        for suffix in ("h5", "CXI", "nxs", "npy"):
            path = catalogue.Path(f"no such folder/scan.{suffix}")
            if suffix in endings:
                assert find_format(path) == "one"
            else:
                with pytest.raises(InputFileError, match="no format has the suffix"):
                    find_format(path)


@pytest.mark.parametrize("name", ["scan.h5", "scan.hdf5", "scan.nxs", "scan.qq", "scan"])
def test_nobody_waits_for_a_pipe(installed, tmp_path, name):
    installed(one_qq=MODULE.format(head=b"one"), two_qq="def read(path): pass")
    os.mkfifo(tmp_path / name)
    with pytest.raises(InputFileError, match=r"pipe|no format has the suffix"):
        find_format(tmp_path / name)


@pytest.mark.parametrize("name", ["mat", "npz", "cxi", "ptychodus"])
def test_a_reader_says_that_a_pipe_is_none_of_its_files(tmp_path, name):
    os.mkfifo(tmp_path / "scan.h5")
    with pytest.raises(InputFileError, match=r"or pipe\. Expected an? \w+ file"):
        read_scan(name, tmp_path / "scan.h5")
    assert not load_format("mat").holder.recognise(tmp_path / "scan.h5")


@pytest.mark.parametrize(("name", "expected"), [("mat", "a MATLAB file"), ("npz", "an npz file")])
def test_the_article_is_that_of_the_word(tmp_path, name, expected):
    with pytest.raises(InputFileError, match=f"Expected {expected}"):
        read_scan(name, tmp_path)
