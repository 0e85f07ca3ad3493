"""``ptycho-engine new-plugin``: what it writes and refuses. tests/install puts it to work."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from commands import call_command
from distributions import install, plugin
from hypothesis import given, settings
from hypothesis import strategies as st

from ptycho_engine.app import plugin_project
from ptycho_engine.app.plugin_project import LONGEST, check_name, rendered
from ptycho_engine.discovery import discover
from ptycho_engine.errors import ConfigurationError

EXAMPLE = Path(__file__).parents[2] / "examples" / "numpy_plugin"


def files(folder):
    """Text of each file of a folder, by its path in it; what running leaves is left out."""
    left = ("__pycache__", ".pytest_cache", "build")
    return {
        str(path.relative_to(folder)): path.read_text(encoding="utf-8")
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not any(p in left or p.endswith(".egg-info") for p in path.parts)
    }


def test_it_writes_what_it_says_and_what_to_do_next(tmp_path):
    (tmp_path / "a folder").mkdir()
    done = call_command("new-plugin", "fast_slices", "--folder", "a folder", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "a folder/fast_slices\n"
    where = tmp_path / "a folder" / "fast_slices"
    assert done.stderr.splitlines() == [
        "Next:",
        f"  pip install --editable '{where}[testing]'",
        "  pytest 'a folder/fast_slices'",
        "  ptycho-engine plugin=fast_slices",
    ]
    assert [path.name for path in (tmp_path / "a folder").iterdir()] == ["fast_slices"]
    assert files(where) == rendered("fast_slices")


def test_the_example_is_what_it_writes():
    assert files(EXAMPLE) == rendered("numpy_slices")


words = st.from_regex(r"[a-z][a-z0-9]{0,9}(_[a-z0-9]{1,9}){0,2}", fullmatch=True).filter(
    lambda word: isinstance(yaml.safe_load(word), str)
)


@settings(max_examples=20)
@given(words)
def test_every_name_fits_wherever_it_goes(name):
    found = rendered(name)
    package = f"ptycho_{name}"
    assert set(found) == {
        "pyproject.toml", "README.md", f"src/{package}/__init__.py",
        f"src/{package}/conf/plugin/{name}.yaml", f"tests/test_{name}.py",
    }  # fmt: skip
    for path, text in found.items():
        assert "$" not in text, path
        if path.endswith(".py"):
            ast.parse(text)
    project = tomllib.loads(found["pyproject.toml"])["project"]
    assert project["name"] == package.replace("_", "-")
    points = project["entry-points"]
    assert points["ptycho_engine.plugins"] == {name: package}
    assert points["ptycho_engine.conf"] == {name: f"{package}.conf"}
    options = yaml.safe_load(found[f"src/{package}/conf/plugin/{name}.yaml"])
    assert {options.pop("name"), *options} == {name, "double_sum"}
    assert f'plugin = "{name}"' in found[f"tests/test_{name}.py"]


def test_it_is_clean(tmp_path):
    """Formatted and without a complaint, however long the name."""
    pytest.importorskip("ruff")
    call_command("new-plugin", "a" * LONGEST, cwd=tmp_path)
    for check in (["check", "--extend-select", "I,UP,B,SIM,PT"], ["format", "--check"]):
        command = [sys.executable, "-m", "ruff", *check, "--no-cache", "--isolated", "."]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("9lives", "small letters"),
        ("Fast", "small letters"),
        ("two words", "small letters"),
        ("a__b", "single underscores"),
        ("a_", "single underscores"),
        ("../up", "small letters"),
        ("größe", "small letters"),
        ("", "small letters"),
        ("a" * (LONGEST + 1), f"at most {LONGEST}"),
        ("true", "YAML or Hydra reads it as True"),
        ("null", "reads it as None"),
        ("on", "reads it as True"),
        ("nan", "reads it as nan"),
        ("inf", "reads it as inf"),
        ("auto", "is the name of a plugin already"),
        ("numba", "Expected none of auto, batched"),
        ("engine", "a package ptycho_engine"),
    ],
)
def test_a_name_that_cannot_be_one_is_refused(tmp_path, name, words):
    done = call_command("new-plugin", name, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr
    assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("Fast-Slices", "Choose fast_slices."),
        ("my cutter ", "Choose my_cutter."),
        ("NO", "Choose another name."),
        ("2fast", "Choose another name."),
    ],
)
def test_a_name_that_nearly_fits_is_mended(name, advice):
    with pytest.raises(ConfigurationError, match=re.escape(advice)):
        check_name(name)


def test_a_name_that_another_distribution_has_is_refused(tmp_path, monkeypatch):
    site, here = tmp_path / "site", tmp_path / "here"
    here.mkdir()
    install(site, "theirs", points=plugin("fast", "theirs"), theirs="raise SystemExit('imported')")
    monkeypatch.syspath_prepend(site)
    discover.cache_clear()
    try:
        done = call_command("new-plugin", "fast", cwd=here)
    finally:
        discover.cache_clear()
    assert done.returncode == 2
    assert "'fast' is the name of a plugin already" in done.stderr
    assert list(here.iterdir()) == []


@pytest.mark.parametrize("make", [Path.mkdir, Path.touch, lambda p: p.symlink_to("nowhere")])
def test_what_stands_there_is_kept(tmp_path, make):
    make(tmp_path / "fast")
    done = call_command("new-plugin", "fast", cwd=tmp_path)
    assert done.returncode == 2
    assert "fast: exists already" in done.stderr
    (kept,) = tmp_path.iterdir()
    assert kept.is_symlink() or kept.is_file() or not list(kept.iterdir())


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    done = call_command("new-plugin", "fast", "--folder", "nowhere", cwd=tmp_path)
    assert done.returncode == 2
    assert "there is no folder nowhere" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_it_appears_whole_or_not_at_all(tmp_path, monkeypatch):
    """A fault after the first file leaves nothing, not even beside its place."""
    texts = {"one.txt": "1", "no\0name": "2"}
    monkeypatch.setattr(plugin_project, "rendered", lambda name: texts)
    with pytest.raises(ValueError, match="null"):
        plugin_project.write_project("fast", tmp_path)
    assert list(tmp_path.iterdir()) == []
