"""``python -m ptycho_engine`` is the command: its name, its exit codes, its start."""

import subprocess
import sys

import pytest
from commands import call_command
from processes import run_python


@pytest.mark.slow_cases("arguments3")
@pytest.mark.parametrize(
    "arguments",
    [
        ["--version"],
        ["new-plugin", "--help"],
        ["plugins", "--what"],
        ["patch_siez=8"],
        ["new-plugin", "9"],
    ],
)
def test_it_says_what_the_command_says(arguments, tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    expected = call_command(*arguments, cwd=tmp_path)
    done = run_python("-m", "ptycho_engine", *arguments, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (expected.returncode, expected.stdout)
    assert done.stderr.splitlines()[-1:] == expected.stderr.splitlines()[-1:]
    said = done.stdout + done.stderr
    assert "ptycho-engine" in said
    assert "__main__" not in said


def test_it_starts_with_what_the_command_starts_with():
    """So that the budget of start-up, which `benchmarks.startup` measures, holds for both."""
    code = (
        "import sys\nsys.argv[1:] = ['--version']\n{}\n"
        "print(*(name for name in sys.modules if name not in ('runpy', 'pkgutil')))"
    )
    starts = (
        "import runpy; runpy.run_module('ptycho_engine', run_name='__main__', alter_sys=True)",
        "import runpy; from ptycho_engine.app.command import main; main()",
    )
    loaded = [
        subprocess.run(
            [sys.executable, "-c", code.format(start)], capture_output=True, text=True, check=True
        ).stdout
        for start in starts
    ]
    assert loaded[0].startswith("ptycho-engine ")
    assert set(loaded[0].split()) == set(loaded[1].split())
