"""Outputs read back: under other names, and arrays that are not there."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from ptycho_engine import read_output
from ptycho_engine.errors import InputFileError
from ptycho_engine.io.outputs import is_output
from ptycho_engine.io.specs import ArraySpec
from ptycho_engine.io.store import Store


def write(path, name="patches"):
    with Store.create(path, {name: ArraySpec((2, 3, 3), np.dtype("f4"))}) as store:
        store.write(name, (), np.arange(18, dtype="f4").reshape(2, 3, 3))


@pytest.mark.parametrize("suffix", [".npz", ".h5", ".zarr"])
@pytest.mark.parametrize("name", ["current", "current.dat", "current.npz", "current.h5"])
def test_a_link_is_read_as_what_it_leads_to(tmp_path, monkeypatch, suffix, name):
    monkeypatch.chdir(tmp_path)
    write(f"t{suffix}")
    Path(name).symlink_to(f"t{suffix}")
    assert is_output(Path(name))
    with read_output(name) as output:
        np.testing.assert_array_equal(output.patches[1, 2], [15, 16, 17])


@pytest.mark.parametrize(("suffix", "other"), [(".npz", ".bin"), (".h5", ".hdf"), (".zarr", "")])
def test_another_suffix_hides_no_output(tmp_path, suffix, other):
    write(tmp_path / f"t{suffix}")
    shutil.move(tmp_path / f"t{suffix}", tmp_path / f"t{other}")
    with read_output(tmp_path / f"t{other}") as output:
        assert output.patches.shape == (2, 3, 3)


def test_names_that_say_no_format_and_hold_no_output(tmp_path):
    (tmp_path / "text.dat").write_text("text")
    (tmp_path / "folder").mkdir()
    (tmp_path / "nowhere").symlink_to(tmp_path / "gone.h5")
    for name in ("text.dat", "folder", "nowhere"):
        assert not is_output(tmp_path / name)
        with pytest.raises(InputFileError, match="unknown suffix"):
            read_output(tmp_path / name)
    (tmp_path / "bad.h5").write_text("text")
    (tmp_path / "to_bad").symlink_to(tmp_path / "bad.h5")
    with pytest.raises(InputFileError, match="cannot be read as an output"):
        read_output(tmp_path / "to_bad")


def test_an_array_that_is_not_there_is_named_with_those_that_are(tmp_path):
    write(tmp_path / "t.npz", "Y")
    write(tmp_path / "t.h5", "object")
    with read_output(tmp_path / "t.npz") as output:
        with pytest.raises(InputFileError, match=r"patches: .*It has Y\..*patches are 'Y'"):
            _ = output.patches
        with pytest.raises(InputFileError, match=r"positions: .*output\.keys=native"):
            _ = output.positions
    words = r"It has object\..*output\.arrays\[NAME\]\.$"
    with read_output(tmp_path / "t.h5") as output, pytest.raises(InputFileError, match=words):
        _ = output.patches
