"""The cleanup plan names what stands, and nothing that goes is missing from it."""

import ast
import functools
import re
import subprocess
from pathlib import Path

import pytest
from ptycho_engine.migrations.cleanup import CONDITIONS, WARNING_RELEASES, cleanup_plan
from ptycho_engine.migrations.inventory import (
    LIBRARIES,
    going,
    named_beside,
    names_elsewhere,
    settings_elsewhere,
    whole_files,
)
from ptycho_engine.migrations.mentions import Going, definitions

from ptycho_engine.deprecation.table import TABLE, Deprecation

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "migrations" / "cleanup-plan.md").read_text()
SECTIONS = dict(re.findall(r"^## (.+)\n\n((?:(?!## ).*\n?)*)", PAGE, re.M))
GONE = set(whole_files(ROOT, TABLE))
STAYING = [
    path
    for folder in ("ptycho_engine", "plugins", "migrations", "benchmarks")
    for path in sorted((ROOT / folder).rglob("*.py"))
    if path.relative_to(ROOT).as_posix() not in GONE
]


def listed(section):
    """What a section says of each file: its path, and the names after the colon."""
    lines = re.findall(r"^- `([^`]+)`:? ?(.*)$", SECTIONS[section], re.M)
    return {name: re.findall(r"`([^`]+)`", rest) for name, rest in lines}


# -- the page --------------------------------------------------------------------------------


def test_the_committed_plan_is_the_rendered_one():
    again = "python -m ptycho_engine.migrations.cleanup > the page"
    assert cleanup_plan() == PAGE, again


@pytest.mark.parametrize(
    "section",
    ["Whole folders and files", "Names in modules that stay", "Settings",
     "Tests, documents and files of the project that name it"],
)  # fmt: skip
def test_named_files_exist(section):
    names = list(listed(section))
    assert names
    for name in names:
        assert (ROOT / name).exists(), name


def test_the_plan_names_no_lines():
    assert "```" not in PAGE
    assert not re.search(r"\.py`?:\d|\bline \d", PAGE)


def test_each_condition_is_shown_by_something_that_stands():
    text = SECTIONS["When"]
    for condition, places in CONDITIONS:
        assert condition in text
        assert places
        for place in places:
            assert (ROOT / place).is_file(), place
            assert f"`{place}`" in text


def test_releases_that_warn_come_before_the_one_that_removes():
    versions = [tuple(map(int, v.split("."))) for v in WARNING_RELEASES]
    assert versions == sorted(versions)
    assert " and ".join(WARNING_RELEASES) in SECTIONS["When"]
    for entry in TABLE:
        assert tuple(map(int, entry.since.split("."))) <= versions[0]
        assert tuple(map(int, entry.removal.split("."))) > versions[-1]


@pytest.mark.parametrize("entry", TABLE, ids=lambda entry: entry.id)
def test_every_deprecation_is_in_the_plan_and_its_code_goes(entry):
    assert listed("Entries of the deprecation table")[entry.id] == list(entry.code)
    what = going(ROOT, TABLE)
    for code in entry.code:
        assert what.takes(code.partition(":")[0]), code
    if entry.kind == "plugin":
        assert f"`plugin={entry.old}`" in SECTIONS["Configuration groups"]
        assert f"conf/plugin/{entry.old}.yaml" in listed("Whole folders and files")


# -- what stays ------------------------------------------------------------------------------


@functools.cache
def resolved(path):
    """Full names of what a file imports, also inside functions; an import of its own reading."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    package = [*(("ptycho_engine",) if parts[0] in ("plugins", "migrations") else ()), *parts][:-1]
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found += [(alias.name, alias.asname or alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            base = [*above, *(node.module or "").split(".")]
            for alias in node.names:
                full = ".".join([*filter(None, base), alias.name])
                found.append((full, alias.asname or alias.name))
    return found


def test_what_stays_needs_nothing_that_goes_but_where_the_plan_says():
    """Whoever imports or uses something that goes is named with it, function by function."""
    what, plan, checked = going(ROOT, TABLE), listed("Names in modules that stay"), 0
    for path in STAYING:
        name = path.relative_to(ROOT).as_posix()
        bound = {alias for full, alias in resolved(path) if what.takes(full)}
        for node in ast.parse(path.read_text()).body:
            own = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
            if bound & own:
                assert node.name in {entry.partition(".")[0] for entry in plan[name]}
                checked += 1
        if bound:
            assert name in plan
    assert checked >= 1


def test_libraries_that_go_are_imported_by_nothing_that_stays():
    for path in STAYING:
        tops = {full.partition(".")[0] for full, _ in resolved(path)}
        assert not tops & set(LIBRARIES), path
    named = " ".join(listed("Settings")["pyproject.toml"])
    for distribution in LIBRARIES.values():
        assert f"project.dependencies: {distribution}" in named


def test_what_only_goes_uses_goes_too():
    """A module of the engine that nothing which stays imports is asked for by name alone."""
    everything = [ROOT / name for name in GONE if name.endswith(".py")]
    users = {}
    for path in [*everything, *STAYING]:
        name = path.relative_to(ROOT).as_posix()
        if not name.startswith("tests/"):
            for full, _ in resolved(path):
                users.setdefault(full, set()).add(name)
    for path in STAYING:
        name = path.relative_to(ROOT)
        module = ".".join(name.with_suffix("").parts)
        if name.parts[0] == "ptycho_engine" and name.stem != "__init__":
            near = {
                u for full, by in users.items() if f"{full}.".startswith(f"{module}.") for u in by
            }
            assert not near or near - GONE, module


def test_no_installed_module_is_left_in_a_package_that_goes():
    packages = {Path(name).parent for name in GONE if name.startswith("ptycho_engine/compat")}
    assert packages
    for path in STAYING:
        assert path.relative_to(ROOT).parent not in packages


# -- how it is found -------------------------------------------------------------------------

SLOW = Deprecation("PED900", "plugin", "slow", "fast", "0001.md", code=("engine.plugins.slow",))


def test_a_tree_of_its_own(tmp_path):
    for name, text in {
        "plugins/slow.py": "compat\n",
        "migrations/__init__.py": "",
        "migrations/README.md": "slow\n",
        "migrations/rules/one.md": "slow\n",
        "conf/plugin/slow.yaml": "name: slow\n",
        "conf/other.yaml": "a: 1\nb: {c: slow}  # to go\nslower: 2\nd: [compat: none]\n",
        "ptycho_engine/a.py": "from .compat.b import c as d\nx = 1\ndef f():\n    return d\n",
        "ptycho_engine/slower.py": "slower = 'slowest'\n",
        "tests/test_a.py": "a = 'slow'\n",
        "tests/test_b.py": "a = 'slower'\n",
        "pyproject.toml": '[project]\ndependencies = ["ruamel-yaml>=1", "numpy"]\n',
        "CHANGELOG.md": "slow\n",
        "docs/how-to/choose.md": "plugin=slow\n",
        "docs/project/CHANGELOG.md": "slow, as the site repeats it\n",
        "requirements.lock": "ruamel-yaml==1\n",
        "ptycho_engine/compat/b.py": "c = 1\n",
    }.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (tmp_path / "examples").mkdir()
    assert whole_files(tmp_path, [SLOW]) == [
        "conf/plugin/slow.yaml", "migrations/rules/one.md", "plugins/slow.py",
        "ptycho_engine/compat/b.py",
    ]  # fmt: skip
    assert names_elsewhere(tmp_path, [SLOW]) == {"ptycho_engine/a.py": ["d", "f"]}
    assert settings_elsewhere(tmp_path, [SLOW]) == {
        "pyproject.toml": ["project.dependencies: ruamel-yaml"],
        "conf/other.yaml": ["b.c", "d.compat"],
    }
    assert named_beside(tmp_path, [SLOW]) == [
        "tests/test_a.py", "CHANGELOG.md", "docs/how-to/choose.md", "requirements.lock",
    ]  # fmt: skip


def test_every_committed_file_that_speaks_of_what_goes_is_in_the_plan():
    listing = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listing.returncode:
        pytest.skip("no checkout of git")
    speaks = re.compile(r"ptycho-migrate|ptycho_engine\.compat\b|compat=legacy|ruamel")
    pages = ("migrations/", "docs/project/")
    code = (*STAYING, ROOT / "conf" / "train.yaml", ROOT / "pyproject.toml")
    for name in listing.stdout.splitlines():
        path = ROOT / name
        if name in GONE or name.startswith(pages) or path in code or not path.is_file():
            continue
        if speaks.search(path.read_bytes().decode(errors="ignore")):
            assert f"- `{name}`" in PAGE, name


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("from .old import f\nx = f", ["f", "x"]),
        ("from . import old as o\ndef g():\n    return o.f", ["o", "g"]),
        ("def g():\n    from ..app.old import f as h\n    return 1", ["g"]),
        ("import app.old.deep\nx = 1", ["app.old.deep"]),
        ("if x:\n    from app.old import f\nelse:\n    f = None", ["f"]),
        ("class A:\n    a: int\n    b: Gone\n    def c(self): return self.gone", ["A.b", "A.c"]),
        ("class B(Gone): ...", ["B"]),
        ("class Gone: ...", ["Gone"]),
        ("store(group='gone')\nstore(group='going')", ["store(...)"]),
        ("CODE = 'app.old:f'", ["CODE"]),
        ("'''gone'''\nfrom .older import f\nx = 'gone too', f", []),
    ],
)
def test_definitions_that_use_what_goes(text, names):
    what = Going(frozenset({"app.old"}), frozenset({"Gone", "gone"}))
    assert definitions(text, "app", what) == names
