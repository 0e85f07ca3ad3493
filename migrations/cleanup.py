"""The cleanup plan: which files and lines a release removes, found in the checkout.

``python -m ptycho_engine.migrations.cleanup`` prints the page `migrations/cleanup-plan.md`.
"""

from __future__ import annotations

import ast
import itertools
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from ptycho_engine.deprecation.table import CATEGORIES, TABLE, Deprecation

ROOT = Path(__file__).parents[1]
RELEASE = "2.0"

#: Folders that exist for deprecated names alone.
FOLDERS = (
    "ptycho_engine/compat",
    "conf/compat",
    "migrations/codemod",
    "migrations/commands",
    "migrations/rules",
    "migrations/settings",
    "tests/compat",
    "tests/migrations",
)
FILES = ("migrations/cli.py", "benchmarks/sections/migration.py")
#: Where lines are listed, and where only files are.
SHIPPED = ("ptycho_engine", "plugins", "conf", "benchmarks", "pyproject.toml")
BESIDE = ("tests", "examples", "README.md", "DEVELOPER_GUIDE.md", "benchmarks/README.md")
SUFFIXES = (".py", ".yaml", ".toml")
#: Words that speak of what goes, beside the names in the table.
WORDS = (
    r"compat",
    r"Compat\w+",
    r"(?:ptycho_engine\.)?migrations\.\w+",
    r"migrations/rules",
    r"ptycho-migrate",
    r"libcst",
    r"ruamel\W?yaml",
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
    found |= {path for folder in FOLDERS for path in (root / folder).glob("*")}
    for entry in table:
        found |= {_file(root, code) for code in entry.code}
        if entry.kind == "plugin":
            found.add(root / "conf" / "plugin" / f"{entry.old}.yaml")
    return sorted(path.relative_to(root).as_posix() for path in found if path.is_file())


def _file(root: Path, code: str) -> Path:
    """Return the file of ``module`` or ``module:attribute``, by the layout of the checkout."""
    parts = code.partition(":")[0].split(".")
    if parts[1:2] == ["plugins"]:
        parts = parts[1:]
    path = root.joinpath(*parts)
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def lines_elsewhere(
    root: Path, table: Iterable[Deprecation], places: Iterable[str] = SHIPPED
) -> Iterator[tuple[str, int, str]]:
    """Yield the lines, in files that stay, that name what goes.

    Parameters
    ----------
    root : Path
        The checkout.
    table : iterable of Deprecation
        What is removed.
    places : iterable of str
        Files and folders to look in.

    Yields
    ------
    tuple of (str, int, str)
        Path from the root, number of the line, and its text without indentation.
    """
    entries = list(table)
    gone = set(whole_files(root, entries))
    for path in _sources(root, places):
        name = path.relative_to(root).as_posix()
        if name not in gone:
            text = path.read_text(encoding="utf-8")
            words = _words(entries, _imported(text) if path.suffix == ".py" else ())
            for number, line in enumerate(text.splitlines(), 1):
                if words.search(line):
                    yield name, number, line.strip()


def _sources(root: Path, places: Iterable[str]) -> Iterator[Path]:
    for place in places:
        path = root / place
        found = sorted(path.rglob("*")) if path.is_dir() else [path]
        yield from (p for p in found if p.is_file() and (p.suffix in SUFFIXES or p is path))


def _words(table: Iterable[Deprecation], imported: Iterable[str]) -> re.Pattern[str]:
    names = {CATEGORIES[RELEASE].__name__, *imported}
    for entry in table:
        names |= {entry.id, *([entry.old] if entry.kind == "plugin" else [])}
    alternatives = "|".join([*WORDS, *map(re.escape, sorted(names))])
    return re.compile(rf"(?<![\w.])(?:{alternatives})(?!\w)|\.compat\b")


def _imported(text: str) -> Iterator[str]:
    """Yield the names that a module imports from what goes."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom) and "compat" in (node.module or "").split("."):
            yield from (alias.asname or alias.name for alias in node.names)


def cleanup_plan(root: Path = ROOT, table: Iterable[Deprecation] = TABLE) -> str:
    """Return `migrations/cleanup-plan.md`."""
    entries = [entry for entry in table if entry.removal == RELEASE]
    files = whole_files(root, entries)
    single = [name for name in files if name.rpartition("/")[0] not in FOLDERS]
    parts = [
        f"# What goes in {RELEASE}",
        "Made from `ptycho_engine/deprecation/table.py` and the source by `python -m "
        "ptycho_engine.migrations.cleanup`; a test fails when it no longer holds.",
        f"Done once `ptycho_engine.deprecation.table.due('{RELEASE}')` is empty and this plan "
        "lists nothing. `ptycho-migrate` goes too, since its rules follow the table: late users "
        f'run it from `pip install "ptycho_engine<{RELEASE.partition(".")[0]}"`. The guide '
        "pages stay.",
        "## Whole folders and files",
        "\n".join(
            [*(f"- `{folder}/`, all of it" for folder in FOLDERS), *(f"- `{n}`" for n in single)]
        ),
        "## Lines in files that stay",
        "With what belongs to them: the body of a class, the branch that a value decides.",
    ]
    lines = lines_elsewhere(root, entries)
    for name, group in itertools.groupby(lines, key=lambda line: line[0]):
        listed = "\n".join(f"{number}: {text}" for _, number, text in group)
        parts += [f"`{name}`", f"```text\n{listed}\n```"]
    beside = sorted({name for name, _, _ in lines_elsewhere(root, entries, BESIDE)})
    parts += ["## Tests and documents that name it", "\n".join(f"- `{name}`" for name in beside)]
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    if not (ROOT / "pyproject.toml").is_file():
        sys.exit("The plan is made from a checkout: install with pip install --editable.")
    print(cleanup_plan(), end="")
