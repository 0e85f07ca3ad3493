"""What goes with the names of the deprecation table, found in the checkout by name."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml

from ptycho_engine.deprecation.table import Deprecation

from .mentions import Going, definitions

#: Folders that exist for deprecated names alone; of `migrations/` the guide pages stay.
FOLDERS = (
    "ptycho_engine/compat",
    "conf/compat",
    "tests/compat",
    "tests/migrations",
    "tests/data/migration",
)
FILES = (
    "migrations/cleanup-plan.md",
    "benchmarks/sections/migration.py",
    "tests/app/test_legacy.py",
)
#: Configuration groups that go whole; those of plugins follow from the table.
GROUPS = ("compat",)
#: Names in modules that stay, beside those that go with the table.
NAMES = ("CompatConfig", "CompatError")
#: Distributions that only what goes imports, by the module imported.
LIBRARIES = {"ruamel": "ruamel-yaml"}
#: Where names are looked up, and which files are only named; not what building the site makes.
SHIPPED = ("ptycho_engine", "plugins", "benchmarks", "migrations")
BESIDE = (
    *("tests/**/*.py", "examples/**/*.py", "*.md", "benchmarks/README.md"),
    *("docs/*.md", "docs/explanation/*.md", "docs/how-to/*.md", "docs/reference/*.md"),
    *("docs/tutorial/*.md", "docs/*.py", "docs/gallery/*.py", "docs/machinery/*.py"),
    *(".pre-commit-hooks.yaml", "requirements.lock", ".ci/*", ".github/*/*.yml"),
    *("packaging/conda/meta.yaml", "packaging/container/Containerfile"),
)


def whole_files(root: Path, table: Iterable[Deprecation]) -> list[str]:
    """Return the files that go as a whole, in order.

    Parameters
    ----------
    root : Path
        The checkout.
    table : iterable of Deprecation
        What is removed.

    Returns
    -------
    list of str
        Paths from the root.
    """
    found = {root / file for file in FILES}
    found |= {path for folder in FOLDERS for path in (root / folder).rglob("*")}
    pages = root / "migrations"
    found |= {p for p in pages.rglob("*") if p.parent != pages or p.suffix == ".py"}
    found.discard(pages / "__init__.py")
    for entry in table:
        found |= {_file(root, code) for code in entry.code}
        if entry.kind == "plugin":
            found.add(root / "conf" / "plugin" / f"{entry.old}.yaml")
    files = (p for p in found if p.is_file() and "__pycache__" not in p.parts)
    return sorted(path.relative_to(root).as_posix() for path in files)


def _file(root: Path, code: str) -> Path:
    """Return the file of ``module`` or ``module:attribute``, by the layout of the checkout."""
    parts = code.partition(":")[0].split(".")
    if parts[1:2] == ["plugins"]:
        parts = parts[1:]
    path = root.joinpath(*parts)
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def going(root: Path, table: Iterable[Deprecation]) -> Going:
    """Return what goes, by the names under which other modules may speak of it."""
    entries = list(table)
    files = whole_files(root, entries)
    plugins = {entry.old for entry in entries if entry.kind == "plugin"}
    sections = {Path(f).stem for f in files if f.startswith("benchmarks/sections/")}
    names = {*NAMES, *(entry.category.__name__ for entry in entries)}
    modules = {_module(f) for f in files if f.endswith(".py")}
    return Going(frozenset(modules), frozenset({*names, *plugins, *GROUPS, *sections}))


def _module(file: str) -> str:
    parts = file.removesuffix(".py").removesuffix("/__init__").split("/")
    inside = parts[0] in ("plugins", "conf", "migrations")
    return ".".join(["ptycho_engine", *parts] if inside else parts)


def names_elsewhere(root: Path, table: Iterable[Deprecation]) -> dict[str, list[str]]:
    """Return the definitions, in modules that stay, that use what goes.

    By path from the root: imported names, functions, ``Class.field``, in order.
    """
    entries = list(table)
    what = going(root, entries)
    modules = (p for place in SHIPPED for p in sorted((root / place).rglob("*.py")))
    texts = _staying(root, entries, modules)
    found = {name: definitions(text, _package(name), what) for name, text in texts}
    return {name: names for name, names in found.items() if names}


def _package(file: str) -> str:
    return _module(f"{file.rpartition('/')[0]}/__init__.py")


def settings_elsewhere(root: Path, table: Iterable[Deprecation]) -> dict[str, list[str]]:
    """Return the keys of `pyproject.toml` and of configuration that stays, that name what goes.

    By path from the root: dotted keys, followed by the item where the value is a list.
    """
    entries = list(table)
    words = _pattern(entries)
    files = [root / "pyproject.toml", *sorted((root / "conf").rglob("*.yaml"))]
    found = {}
    for name, text in _staying(root, entries, files):
        tree = tomllib.loads(text) if name.endswith(".toml") else yaml.safe_load(text)
        found[name] = list(dict.fromkeys(_settings(tree, words)))
    return {name: keys for name, keys in found.items() if keys}


def named_beside(root: Path, table: Iterable[Deprecation]) -> list[str]:
    """Return the tests, documents and files of the project that stay and speak of what goes."""
    entries = list(table)
    words = _pattern(entries)
    files = (path for pattern in BESIDE for path in sorted(root.glob(pattern)) if path.is_file())
    return [name for name, text in _staying(root, entries, files) if words.search(text)]


def _staying(
    root: Path, table: Iterable[Deprecation], paths: Iterable[Path]
) -> Iterator[tuple[str, str]]:
    """Yield path from the root, and text, of the files among some that stay."""
    gone = set(whole_files(root, table))
    for path in paths:
        name = path.relative_to(root).as_posix()
        if name not in gone:
            yield name, path.read_text(encoding="utf-8")


def _pattern(table: Iterable[Deprecation]) -> re.Pattern[str]:
    plugins = [entry.old for entry in table if entry.kind == "plugin"]
    words = map(re.escape, [*GROUPS, *plugins, *LIBRARIES.values(), "ptycho-migrate"])
    modules = r"ptycho_engine\.compat", r"ptycho_engine\.migrations(?=\.\w)", "migrations/rules"
    return re.compile(rf"(?<![\w./])(?:{'|'.join([*modules, *words])})(?!\w)")


def _settings(tree: Any, words: re.Pattern[str], path: str = "") -> Iterator[str]:
    for key, value in tree.items() if isinstance(tree, dict) else ():
        here = f"{path}.{key}".lstrip(".")
        if words.search(key):
            yield here
        elif isinstance(value, list):
            for item in value:
                yield from _item(item, words, here)
        elif isinstance(value, str) and words.search(value):
            yield here
        else:
            yield from _settings(value, words, here)


def _item(item: Any, words: re.Pattern[str], path: str) -> Iterator[str]:
    match = words.search(item) if isinstance(item, str) else None
    if match is None:
        yield from _settings(item, words, path)
    else:
        package = match.group().startswith("ptycho_engine.")
        yield f"{path}: {match.group()}{'.*' if package else ''}"
