"""Completion: keys, choices and files; shells themselves are asked, and no usage is ever shown."""

import os
import select
import shutil
import signal
import subprocess
import sys
from contextlib import contextmanager

import pytest
from commands import call_command
from hypothesis import given
from hypothesis import strategies as st
from processes import run_python
from terminals import fork_to_terminal

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
                "scan.object_pixel_size=",
                "scan.path=",
                "scan.pixel_size=",
                "scan.quantity=",
                "scan.swapped=",
            ],
        ),
        (
            "scan=ptycho_engine scan.",
            ["scan.path=", "scan.pixel_size=", "scan.quantity="],
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
        ("new-", ["new-plugin "]),
        ("new-plugin --", ["--folder "]),
        ("new-plugin fast --folder d", ["data/"]),
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


@pytest.mark.parametrize(
    ("line", "zsh", "fish"),
    [
        ("fill=r", ["fill=reflect "], ["fill=reflect"]),
        ("scan.path=sc", ["scan.path=scan\\ 1.npz "], ["scan.path=scan 1.npz"]),
        ("--config-dir d", ["data/"], ["data/"]),
    ],
)
def test_other_shells_get_the_whole_word_and_fish_quotes_it_itself(here, line, zsh, fish):
    assert completions(f"ptycho-engine {line}", "zsh") == zsh
    assert completions(f"ptycho-engine {line}", "fish") == fish


@given(st.text(min_size=0, max_size=30))
def test_no_line_is_an_error(line):
    assert isinstance(completions(f"ptycho-engine {line}"), list)
    assert isinstance(split(line), list)


def script_of(shell, action="install"):
    return call_command("-sc", f"{action}={shell}", cwd=".").stdout


@pytest.fixture
def command(here):
    """What a shell calls, under its name."""
    path = here / "ptycho-engine"
    path.write_text(f'#!/bin/sh\nexec {sys.executable} -m ptycho_engine "$@"\n')
    path.chmod(0o755)
    return path


def has(shell):
    return pytest.mark.skipif(shutil.which(shell) is None, reason=f"needs {shell}")


@has("bash")
@pytest.mark.parametrize(
    ("words", "replies"),
    [
        (["fill", "=", "re"], ["reflect "]),
        (["plugins", "--ch"], ["--check "]),
        (["scan.path", "=", "sc"], ["scan\\ 1.npz "]),
        (["plugins", "what", "ever"], []),
    ],
)
def test_bash_completes(command, words, replies):
    """The script, in the way bash calls it: words broken at ``=``, the line as it was typed."""
    line = "ptycho-engine " + " ".join(words).replace(" = ", "=")
    program = (
        f"{script_of('bash')}\nCOMP_LINE={line!r}; COMP_POINT=${{#COMP_LINE}}\n"
        f'_ptycho_engine {command}\nprintf "%s\\n" "${{COMPREPLY[@]}}"'
    )
    done = subprocess.run(["bash", "-c", program], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert [reply for reply in done.stdout.split("\n") if reply] == replies


@has("fish")
@pytest.mark.slow
@pytest.mark.parametrize(
    ("typed", "replies"),
    [
        ("fill=re", ["fill=reflect"]),
        ("plugins --ch", ["--check"]),
        ("scan.path=sc", ["scan.path=scan 1.npz"]),
        ("plugins what ever", []),
    ],
)
def test_fish_completes(command, typed, replies):
    program = f"{script_of('fish')}\ncomplete -C '{command} {typed}'"
    done = subprocess.run(
        ["fish", "--no-config", "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    assert done.stdout.splitlines() == replies


#: Writes what stands on the line of an interactive zsh into a file, and gives the line up.
SHOW = "show() { print -r -- $BUFFER > line; zle send-break }; zle -N show; bindkey '^X' show"


@has("zsh")
@pytest.mark.slow
@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        ("fill=re", "fill=reflect "),
        ("patch_size=8 plug", "patch_size=8 plugin="),
        ("plugins --ch", "plugins --check "),
        ("scan.path=sc", "scan.path=scan\\ 1.npz "),
        ("scan.path=da", "scan.path=data/"),
        ("plugins what ever", "plugins what ever"),
    ],
)
def test_zsh_completes(command, here, typed, completed):
    """A person's zsh, at a terminal: the tabulator is typed, and the line is looked at."""
    (here / "install.zsh").write_text(script_of("zsh"))
    prepare = f"PS1='ready''> '; source ./install.zsh; {SHOW}\n"
    with zsh(here) as type_until:
        type_until(prepare, "ready> ")
        type_until(f"./ptycho-engine {typed}\t\x18", "ready> ")
    assert (here / "line").read_text() == f"./ptycho-engine {completed}\n"


@contextmanager
def zsh(folder):
    """Start an interactive zsh without settings; yield what types, and waits for a text."""
    pid, screen = fork_to_terminal()
    if pid == 0:
        os.chdir(folder)
        os.execvpe("zsh", ["zsh", "-f", "-i"], os.environ | {"TERM": "dumb", "HOME": str(folder)})

    def type_until(keys, text):
        os.write(screen, keys.encode())
        seen = ""
        while text not in seen:
            assert select.select([screen], [], [], 120)[0], f"{seen!r}, and then nothing"
            seen += os.read(screen, 65536).decode(errors="replace")

    try:
        yield type_until
    finally:
        os.kill(pid, signal.SIGHUP)
        os.waitpid(pid, 0)
        os.close(screen)


@has("zsh")
@has("fish")
@pytest.mark.slow
@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_forgets_what_it_is_told_to(here, shell):
    flags = {"bash": ["--norc"], "zsh": ["-f"], "fish": ["--no-config"]}[shell]
    program = f"{script_of(shell)}{script_of(shell, 'uninstall')}"
    done = subprocess.run(
        [shell, *flags, "-c", program], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_another_shell_is_refused(here):
    done = call_command("-sc", "install=tcsh", cwd=here)
    assert (done.returncode, done.stdout) == (2, "")
    assert "received tcsh" in done.stderr
    assert "bash, zsh, fish" in done.stderr


@pytest.mark.parametrize("before", [[], ["plugins"], ["info"], ["--what"], ["fill=zero"]])
def test_no_usage_is_dumped(here, before):
    command = ["-m", "ptycho_engine.app.command", *before, "-sc", "query=bash"]
    done = run_python(*command)
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "", "")
