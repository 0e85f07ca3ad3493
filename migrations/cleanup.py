"""The cleanup plan: what a release removes, by name, and the conditions under which it may.

``python -m ptycho_engine.migrations.cleanup`` prints the page `migrations/cleanup-plan.md`. It
names no lines: it changes when something that goes gets another name or another user.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from ptycho_engine.deprecation.table import TABLE, Deprecation

from .inventory import (
    FOLDERS,
    GROUPS,
    named_beside,
    names_elsewhere,
    settings_elsewhere,
    whole_files,
)

ROOT = Path(__file__).parents[1]
RELEASE = "2.0"
#: Releases that must have warned of every name before it goes.
WARNING_RELEASES = ("1.0", "1.1")

#: What else must hold before the removal, and what shows it.
CONDITIONS = (
    (
        "Equal numbers: with `rounding=legacy` every plugin that stays repeats the stored outputs "
        "of PtychoPINN to 1e-6 of their largest value.",
        ("tests/plugins/test_golden.py", "tests/plugins/test_agreement.py"),
    ),
    (
        "Speed: `python -m benchmarks --only throughput` shows `chunked_xla` and `numba` within "
        "twice the first touch of a fresh output, and a hundred times faster than `iterative`.",
        ("benchmarks/sections/throughput.py",),
    ),
    (
        "A way over: a project that `ptycho-migrate` has rewritten gives the patches it gave.",
        ("tests/migrations/test_project.py",),
    ),
    (
        "Nothing else needs it: the engine and the command work without `ptycho_engine.compat`.",
        ("tests/app/test_legacy.py",),
    ),
)


def cleanup_plan(root: Path = ROOT, table: Iterable[Deprecation] = TABLE) -> str:
    """Return `migrations/cleanup-plan.md`.

    Parameters
    ----------
    root : Path
        The checkout.
    table : iterable of Deprecation
        What is deprecated; entries of other releases are left out.

    Returns
    -------
    str
        The page, in Markdown.
    """
    entries = [entry for entry in table if entry.removal == RELEASE]
    groups = [*GROUPS, *(f"plugin={entry.old}" for entry in entries if entry.kind == "plugin")]
    parts = [
        f"# What goes in {RELEASE}",
        "Made from `ptycho_engine/deprecation/table.py` and the source by `python -m "
        "ptycho_engine.migrations.cleanup`; a test fails when it no longer holds.",
        "## When",
        "The old way goes once all of this holds:",
        _conditions(),
        f"Done once `ptycho_engine.deprecation.table.due('{RELEASE}')` is empty and this plan "
        "lists nothing. `ptycho-migrate` goes too, since its rules follow the table: late users "
        f'run it from `pip install "ptycho_engine<{RELEASE.partition(".")[0]}"`. The guide '
        "pages stay.",
        "## Whole folders and files",
        _files(root, entries),
        "## Configuration groups",
        _bullets(groups),
        "## Names in modules that stay",
        "The imports and definitions that use what goes: each is removed, or loses the use.",
        _by_file(names_elsewhere(root, entries)),
        "## Settings",
        _by_file(settings_elsewhere(root, entries)),
        "## Entries of the deprecation table",
        _by_file({entry.id: entry.code for entry in entries}),
        "## Tests, documents and files of the project that name it",
        _bullets(named_beside(root, entries)),
    ]
    return "\n\n".join(parts) + "\n"


def _conditions() -> str:
    releases = " and ".join(WARNING_RELEASES)
    warned = f"Warned long enough: {releases} are released, and warn of every entry below."
    rest = [f"{text} Shown by {_coded(places)}." for text, places in CONDITIONS]
    return "\n".join(f"{number}. {text}" for number, text in enumerate([warned, *rest], 1))


def _files(root: Path, entries: Sequence[Deprecation]) -> str:
    inside = tuple(f"{folder}/" for folder in (*FOLDERS, "migrations"))
    single = [name for name in whole_files(root, entries) if not name.startswith(inside)]
    folders = [f"- `{folder}/`, all of it" for folder in FOLDERS]
    migrations = "- `migrations/`, all but `__init__.py` and the guide pages; this plan goes last"
    return "\n".join([*folders, migrations, *(f"- `{name}`" for name in single)])


def _by_file(found: Mapping[str, Sequence[str]]) -> str:
    return "\n".join(f"- `{name}`: {_coded(items)}" for name, items in found.items())


def _bullets(names: Iterable[str]) -> str:
    return "\n".join(f"- `{name}`" for name in names)


def _coded(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


if __name__ == "__main__":
    if not (ROOT / "pyproject.toml").is_file():
        sys.exit("The plan is made from a checkout: install with pip install --editable.")
    print(cleanup_plan(), end="")
