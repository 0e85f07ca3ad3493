"""The cleanup plan names what stands, and nothing that goes is missing from it."""

import re
from pathlib import Path

import pytest
from ptycho_engine.migrations.cleanup import FOLDERS, cleanup_plan, lines_elsewhere, whole_files

from ptycho_engine.deprecation.table import TABLE, Deprecation

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "migrations" / "cleanup-plan.md").read_text()


def test_the_committed_plan_is_the_rendered_one():
    again = "python -m ptycho_engine.migrations.cleanup > the page"
    assert cleanup_plan() == PAGE, again


@pytest.mark.parametrize("name", re.findall(r"^- `([^`]+)`", PAGE, re.M))
def test_named_files_exist(name):
    assert (ROOT / name).exists()


def test_named_lines_hold_what_the_plan_says():
    blocks = re.findall(r"^`([^`]+)`\n\n```text\n(.*?)\n```", PAGE, re.M | re.S)
    assert {name for name, _ in blocks} >= {"ptycho_engine/app/legacy.py", "pyproject.toml"}
    for name, block in blocks:
        lines = (ROOT / name).read_text().splitlines()
        for listed in block.splitlines():
            number, _, text = listed.partition(": ")
            assert lines[int(number) - 1].strip() == text, name


@pytest.mark.parametrize("entry", TABLE, ids=lambda entry: entry.id)
def test_code_of_each_deprecation_is_in_the_plan(entry):
    for code in entry.code:
        module = code.partition(":")[0].removeprefix("ptycho_engine.")
        if module.startswith("plugins."):
            assert f"- `{module.replace('.', '/')}.py`" in PAGE
        else:
            assert module.startswith("compat")
            assert "- `ptycho_engine/compat/`, all of it" in PAGE


def test_what_stays_needs_nothing_that_goes_but_where_the_plan_says():
    """An import of something that goes is a line of the plan."""
    gone = set(whole_files(ROOT, TABLE))
    folders = "|".join(re.escape(f.rpartition("/")[2]) for f in FOLDERS if "tests" not in f)
    pattern = re.compile(rf"^\s*from [\w.]*\.(?:{folders})[\w.]* import ")
    listed = {(name, number) for name, number, _ in lines_elsewhere(ROOT, TABLE)}
    checked = 0
    for folder in ("ptycho_engine", "plugins"):
        for path in (ROOT / folder).rglob("*.py"):
            name = path.relative_to(ROOT).as_posix()
            for number, line in enumerate(path.read_text().splitlines(), 1):
                if name not in gone and pattern.match(line):
                    assert (name, number) in listed
                    checked += 1
    assert checked >= 1


def test_a_tree_of_its_own(tmp_path):
    entry = Deprecation(
        "PED900", "plugin", "slow", "fast", "0001.md", code=("engine.plugins.slow",)
    )
    for name, text in {
        "plugins/slow.py": "compat\n",
        "conf/plugin/slow.yaml": "name: slow\n",
        "conf/other.yaml": "a: 1\n  b: slow  # to go\nslower: 2\n",
        "ptycho_engine/a.py": "from .compat.b import c as d\nx = 1\nprint(d)\n",
        "pyproject.toml": "",
    }.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    assert whole_files(tmp_path, [entry]) == ["conf/plugin/slow.yaml", "plugins/slow.py"]
    assert list(lines_elsewhere(tmp_path, [entry])) == [
        ("ptycho_engine/a.py", 1, "from .compat.b import c as d"),
        ("ptycho_engine/a.py", 3, "print(d)"),
        ("conf/other.yaml", 2, "b: slow  # to go"),
    ]
