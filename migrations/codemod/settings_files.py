"""Legacy settings outside Python: shell scripts and YAML files. They are reported, not changed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from ptycho_engine.compat.params.keys import LegacyKey, find_key
from ptycho_engine.deprecation.table import TABLE, Deprecation

from .names import parameters, variables

SHELL = (".sh", ".bash", ".sbatch", ".slurm")
YAML = (".yaml", ".yml")

_FLAG = re.compile(r"(?<![\w-])--([A-Za-z][\w-]*)")
_ASSIGNED = re.compile(r"(?<![\w.])([\w.+]+)[=:]\s*(\w+)")
_KEY = re.compile(r"^( *)[\"']?([\w.]+)[\"']?\s*:(?=\s|$)", re.MULTILINE)


@dataclass(frozen=True)
class Setting:
    """A legacy setting in a file: the name as it is written, and what becomes of it.

    `is_new` tells that the file is a configuration of the engine itself.
    """

    path: Path
    line: int
    name: str
    meaning: str
    deprecation: Deprecation | None = None
    is_new: bool = False


def find_settings(path: Path, text: str) -> list[Setting]:
    """Find the legacy settings of one file, by its suffix.

    None in a script that has nothing to do with ptycho, and in YAML that is no file of legacy
    parameters.
    """
    if path.suffix in SHELL:
        return list(_in_shell(path, text)) if "ptycho" in text else []
    if path.suffix in YAML:
        return list(_in_yaml(path, text))
    return []


def _in_shell(path: Path, text: str) -> Iterator[Setting]:
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith("#"):
            continue
        for match in _FLAG.finditer(line):
            row = find_key(match.group(1))
            if row is not None:
                yield Setting(path, number, match.group(), _meaning(row), _entry(row))
        yield from _assigned(path, number, line)


def _in_yaml(path: Path, text: str) -> Iterator[Setting]:
    keys = [(match, find_key(match.group(2))) for match in _KEY.finditer(text)]
    known = [(match, row) for match, row in keys if row is not None]
    top = {match.group(2) for match, _ in keys if not match.group(1)}
    if "defaults" not in top and (len(known) > 1 or any(_entry(row) for _, row in known)):
        for match, row in known:
            line = text.count("\n", 0, match.start(2)) + 1
            yield Setting(path, line, match.group(2), _meaning(row), _entry(row))
    elif top & {"plugin", "defaults", "patch_size"}:
        for number, content in enumerate(text.splitlines(), 1):
            for setting in _assigned(path, number, content.partition("#")[0]):
                yield replace(setting, is_new=True)


def _assigned(path: Path, number: int, line: str) -> Iterator[Setting]:
    """Find variables and deprecated choices: ``USE_XLA_TRANSLATE=0``, ``plugin=iterative``."""
    choices = {e.old: e for e in TABLE if e.kind == "configuration"}
    choices |= {f"plugin={e.old}": e for e in TABLE if e.kind == "plugin"}
    for match in _ASSIGNED.finditer(line):
        name = match.group(1).lstrip("+")
        entry = variables().get(name) or choices.get(f"{name}={match.group(2)}")
        if entry is not None:
            yield Setting(path, number, match.group(), f"use {entry.replacement}", entry)


def _meaning(row: LegacyKey) -> str:
    if row.target is None:
        return f"dropped: {row.reason}"
    return row.reason if row.target == "plugin" else f"is {row.target}"


def _entry(row: LegacyKey) -> Deprecation | None:
    return parameters().get(row.name)
