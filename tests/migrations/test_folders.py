"""Which files of a folder are read and changed, and what of them is kept."""

import os
import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ptycho_engine.migrations import cli, exit_codes
from ptycho_engine.migrations.codemod import files, ignored
from ptycho_engine.migrations.codemod.folders import find_files

OLD = b"from ptycho.raw_data import get_image_patches\n"
NEW = b"from ptycho_engine.compat import get_image_patches\n"


def write(*arguments):
    with pytest.raises(SystemExit) as stop:
        cli.main(["code", *map(str, arguments), "--write", "--jobs=1"])
    return stop.value.code


def test_links_of_a_folder_are_not_followed(tmp_path):
    tree, outside = tmp_path / "tree", tmp_path / "outside"
    for folder in (tree, outside):
        folder.mkdir()
        (folder / "a.py").write_bytes(OLD)
    (tree / "b.py").symlink_to(outside / "a.py")
    (tree / "sub").symlink_to(outside)
    (tree / "round.py").symlink_to(tree / "again.py")
    (tree / "again.py").symlink_to(tree / "round.py")
    (tree / "up").symlink_to(tree)
    assert write(tree) == exit_codes.DONE
    assert (outside / "a.py").read_bytes() == OLD
    assert (tree / "a.py").read_bytes() == NEW
    assert (tree / "b.py").is_symlink()


@pytest.mark.parametrize("name", ["pipe.py", "pipe.ipynb", "pipe", "pipe.yaml", "pipe.sh"])
def test_pipes_are_never_opened(tmp_path, name, capsys):
    os.mkfifo(tmp_path / name)
    (tmp_path / ".gitignore").unlink(missing_ok=True)
    os.mkfifo(tmp_path / ".gitignore")
    assert write(tmp_path) == exit_codes.DONE
    assert "0 files read" in capsys.readouterr().err
    write(tmp_path / name)
    assert "is no regular file" in capsys.readouterr().err


def test_a_loop_of_links_is_no_file(tmp_path, capsys):
    (tmp_path / "a.py").symlink_to(tmp_path / "a.py")
    assert write(tmp_path / "a.py") == exit_codes.FAILED
    assert "a.py: no such file" in capsys.readouterr().err


def test_large_files_are_skipped_with_a_word(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(files, "LARGEST", len(OLD))
    (tmp_path / "a.py").write_bytes(OLD)
    (tmp_path / "b.py").write_bytes(OLD + b"#")
    assert write(tmp_path) == exit_codes.DONE
    assert (tmp_path / "a.py").read_bytes() == NEW
    assert (tmp_path / "b.py").read_bytes() == OLD + b"#"
    assert "b.py: larger than" in capsys.readouterr().err


def test_other_names_of_a_file_and_its_mode_are_kept(tmp_path):
    path, other = tmp_path / "a.py", tmp_path / "other"
    path.write_bytes(OLD + b"# and a longer end\n" * 9)
    path.chmod(0o640)
    os.link(path, other)
    assert write(path) == exit_codes.DONE
    assert other.samefile(path)
    assert other.read_bytes() == NEW + b"# and a longer end\n" * 9
    assert path.stat().st_mode & 0o777 == 0o640
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.py", "other"]


def test_failure_within_a_file_of_two_names_restores_it(tmp_path, monkeypatch, capsys):
    path = tmp_path / "a.py"
    path.write_bytes(OLD)
    os.link(path, tmp_path / "other")
    synced = []

    def fail_once(descriptor):
        synced.append(descriptor)
        if len(synced) == 2:  # after the copy beside it
            raise OSError("disk full")

    monkeypatch.setattr(files.os, "fsync", fail_once)
    assert write(path) == exit_codes.FAILED
    assert "disk full" in capsys.readouterr().err
    assert path.read_bytes() == OLD
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.py", "other"]


def test_read_only_files_are_refused_with_a_word(tmp_path, capsys):
    path = tmp_path / "a.py"
    path.write_bytes(OLD)
    path.chmod(0o444)
    assert write(path) == exit_codes.FAILED
    assert "a.py: is read-only; left as it is" in capsys.readouterr().err
    assert path.read_bytes() == OLD


@pytest.mark.parametrize("folder", ["build/lib", "dist", "x.egg-info", ".hidden", "node_modules"])
def test_copies_and_what_tools_made_are_left_alone(tmp_path, folder):
    path = tmp_path / folder / "a.py"
    path.parent.mkdir(parents=True)
    path.write_bytes(OLD)
    assert write(tmp_path) == exit_codes.DONE
    assert path.read_bytes() == OLD
    assert write(path) == exit_codes.DONE
    assert path.read_bytes() == NEW


NAMES = ["a.py", "b.py", "sub/a.py", "sub/c.py", "sub/deep/a.py", "sub/deep/d1.py", "gen/e.py"]
LINES = ["a.py", "/a.py", "sub/", "*.py", "!a.py", "sub/*.py", "deep/", "gen/", "**/d?.py", "# a",
         "sub/**", "!sub/c.py", "d[0-9].py", "", "sub/**/a.py", "**/deep/**", "/gen"]  # fmt: skip


@pytest.mark.skipif(shutil.which("git") is None, reason="Git says what it ignores")
@given(
    upper=st.lists(st.sampled_from(LINES), max_size=4),
    lower=st.lists(st.sampled_from(LINES), max_size=2),
)
def test_what_git_ignores_is_left_alone(tmp_path_factory, upper, lower):
    tree = tmp_path_factory.mktemp("repository")
    subprocess.run(["git", "init", "-q", tree], check=True)
    for name in NAMES:
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).touch()
    (tree / ".gitignore").write_text("\n".join(upper))
    (tree / "sub" / ".gitignore").write_text("\n".join(lower))
    ignored._patterns.cache_clear()
    listing = ["git", "-C", tree, "ls-files", "--others", "--exclude-standard", "*.py"]
    listed = subprocess.run(listing, check=True, capture_output=True, text=True).stdout.split()
    found = [path.relative_to(tree).as_posix() for path in find_files([tree], [".py"])]
    assert sorted(found) == sorted(listed)
    below = [path.relative_to(tree).as_posix() for path in find_files([tree / "gen"], [".py"])]
    assert set(below) <= {"gen/e.py"}


@pytest.mark.parametrize("name", ["a.pyi", "a.pyw", "tool"])
def test_stubs_windows_and_scripts_are_read(tmp_path, name):
    first = b"" if "." in name else b"#!/usr/bin/env python3\n"
    (tmp_path / name).write_bytes(first + OLD)
    assert write(tmp_path) == exit_codes.DONE
    assert (tmp_path / name).read_bytes() == first + NEW


@pytest.mark.parametrize("first", [b"", b"#!/bin/sh\n", b"# python\n", b"\xff\xfe"])
def test_other_files_without_a_suffix_are_not_read(tmp_path, first):
    (tmp_path / "tool").write_bytes(first + OLD)
    assert write(tmp_path) == exit_codes.DONE
    assert (tmp_path / "tool").read_bytes() == first + OLD


def test_patterns_of_many_stars_take_no_time(tmp_path):
    deep = tmp_path.joinpath(*"a" * 40)
    deep.mkdir(parents=True)
    (deep / "b.py").write_bytes(OLD)
    (tmp_path / ".gitignore").write_text("**/a/" * 30 + "c\n" + "*a*" * 40 + "c\n")
    assert write(tmp_path) == exit_codes.DONE
    assert (deep / "b.py").read_bytes() == NEW
