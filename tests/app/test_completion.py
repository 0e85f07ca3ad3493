"""Completion: keys, choices and files; bash itself is asked, and no usage is ever shown."""

import shutil
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from processes import run_python

from ptycho_engine.app.completion import completions, split


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("scan 1.npz", "größe(2).npz", "plain.npz", ".hidden.npz"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "x.npz").write_bytes(b"")
    return tmp_path


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("inf", ["info "]),
        ("patch", ["patch_size="]),
        ("output.over", ["output.overwrite="]),
        ("fill=", ["edge ", "error ", "reflect ", "zeros "]),
        ("patch_size=8 fill=r", ["reflect "]),
        ("-m fill=edge,r", ["edge,reflect "]),
        ("output.overwrite=", ["false ", "true "]),
        ("plugin=n", ["numba "]),
        ("plugin=numba plugin.", ["plugin.threads="]),
        ("extract plugin=numba plugin.t", ["plugin.threads="]),
        (
            "scan=npz scan.",
            [
                "scan.anchor=",
                "scan.centre=",
                "scan.path=",
                "scan.pixel_size=",
                "scan.quantity=",
                "scan.swapped=",
            ],
        ),
        ("scan=s", ["synthetic "]),
        ("runner.log_format=", ["auto ", "json ", "people ", "text "]),
        ("scan.path=", ["data/", "größe\\(2\\).npz ", "plain.npz ", "scan\\ 1.npz "]),
        ("scan.path=./data/", ["./data/x.npz "]),
        ("output.path=.h", [".hidden.npz "]),
        ("pla", ["plain.npz ", "plan "]),
        ("plan ext", ["extract "]),
        ("plan plugin=n", ["numba "]),
        ("scan\\ ", ["scan\\ 1.npz "]),
        ("'scan ", ["scan\\ 1.npz "]),
        ("--config-dir d", ["data/"]),
        ("plugins --", ["--check ", "--json "]),
        ("info --j", ["--json "]),
        ("inspect --j", ["--json "]),
        ("inspect pi", ["picture="]),
        ("inspect picture=./data/", ["./data/x.npz "]),
        ("inspect patch", ["patch_size="]),
        ("inspect fill=", []),
        ("inspect scan=s", ["synthetic "]),
        ("simulate sc", ["scan\\ 1.npz "]),
        ("simulate object=c", ["cells "]),
        ("simulate object=field object.f", ["object.feature="]),
        ("train groups.y", ["groups.y_bounds="]),
        ("train gri", ["gridsize="]),
        ("reassemble wei", ["weight="]),
        ("reassemble weight=p", ["probe "]),
        ("reassemble patches.pos", ["patches.positions=", "patches.positions_path="]),
        ("reassemble patches.positions_path=pl", ["plain.npz "]),
        ("--mul", ["--multirun "]),
        ("nothing.of.this", []),
        ("plugin=nothing", []),
        ("scan.path=nowhere/", []),
        ("scan=nothing scan.seed=", []),
    ],
)
def test_what_could_come_next(here, line, expected):
    assert completions(f"ptycho-engine {line}") == expected


def test_everything_could_come_first(here):
    found = completions("ptycho-engine ")
    assert {"extract ", "plugins ", "info ", "patch_size=", "plugin=", "plain.npz "} <= set(found)
    assert not any("schema" in word for word in found)


def test_other_shells_get_the_whole_word(here):
    assert completions("ptycho-engine fill=r", rest_only=False) == ["fill=reflect "]


@given(st.text(min_size=0, max_size=30))
def test_no_line_is_an_error(line):
    assert isinstance(completions(f"ptycho-engine {line}"), list)
    assert isinstance(split(line), list)


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
@pytest.mark.parametrize(
    ("words", "replies"),
    [
        (["fill", "=", "re"], ["reflect "]),
        (["plugins", "--ch"], ["--check "]),
        (["scan.path", "=", "sc"], ["scan\\ 1.npz "]),
        (["plugins", "what", "ever"], []),
    ],
)
def test_bash_completes(here, words, replies):
    """The script, in the way bash calls it: words broken at ``=``, the line as it was typed."""
    script = run_python("-m", "ptycho_engine.app.command", "-sc", "install=bash").stdout
    line = "ptycho-engine " + " ".join(words).replace(" = ", "=")
    command = here / "ptycho-engine"
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m ptycho_engine.app.command "$@"\n')
    command.chmod(0o755)
    program = (
        f"{script}\nCOMP_LINE={line!r}; COMP_POINT=${{#COMP_LINE}}\n"
        f'_ptycho_engine {command}\nprintf "%s\\n" "${{COMPREPLY[@]}}"'
    )
    done = subprocess.run(["bash", "-c", program], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert [reply for reply in done.stdout.split("\n") if reply] == replies


@pytest.mark.parametrize("before", [[], ["plugins"], ["info"], ["--what"], ["fill=zero"]])
def test_no_usage_is_dumped(here, before):
    command = ["-m", "ptycho_engine.app.command", *before, "-sc", "query=bash"]
    done = run_python(*command)
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "", "")
