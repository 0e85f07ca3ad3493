"""Legacy settings outside Python: scripts, YAML and JSON files. They are reported, not changed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from ptycho_engine.compat.params.keys import LegacyKey, find_key
from ptycho_engine.deprecation.table import TABLE, Deprecation

from .names import PARAMETERS, VARIABLES
from .yaml_entries import yaml_entries

#: What names end in: of scripts and of files that set variables; of YAML, of which JSON is a part.
SHELL = (
    *(".sh", ".bash", ".sbatch", ".slurm", ".env", ".mk"),
    *("Makefile", "Dockerfile", "Containerfile"),
)
YAML = (".yaml", ".yml", ".json")

_FLAG = re.compile(r"(?<![\w-])--([A-Za-z][\w-]*)")
_ASSIGNED = re.compile(r"(?<![\w.])([\w.+]+)(?:\s*[:?]?=|:)\s*(\w+)")
#: How a container file may set a variable: ``ENV NAME value``.
_ENV = re.compile(r"^\s*ENV\s+(\w+)\s+(?=[^\s=])")

#: Keys of YAML whose texts are commands: what runs a job calls them so.
COMMANDS = frozenset(("run", "script", "before_script", "after_script", "command", "commands"))
#: Names of legacy parameters that any file may use: they alone make no file a legacy one.
COMMON_WORDS = frozenset(
    ["C", "N", "architecture", "backend", "batch_size", "data_source", "debug", "h", "label",
     "learning_rate", "model_path", "model_type", "n_groups", "nepochs", "offset", "output_dir",
     "output_suffix", "padded_size", "probe", "size", "test_data_file", "timestamp",
     "train_data_file", "w", "x_bounds", "y_bounds"]
)  # fmt: skip


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

    YAML is a file of legacy parameters if it has one that nothing else would call so; of others, as
    of continuous integration, the variables and commands count.
    """
    if path.name.endswith(SHELL):
        return list(_in_shell(path, text))
    if path.name.endswith(YAML):
        return list(_in_yaml(path, text))
    return []


def _in_shell(path: Path, text: str, first: int = 1) -> Iterator[Setting]:
    """Find the variables of a script, and where it has to do with ptycho its flags and choices."""
    for number, line in enumerate(text.splitlines(), first):
        if line.lstrip().startswith("#"):
            continue
        for match in _FLAG.finditer(line) if "ptycho" in text else ():
            row = find_key(match.group(1))
            if row is not None:
                yield Setting(path, number, match.group(), _meaning(row), _entry(row))
        for match in _ASSIGNED.finditer(_ENV.sub(r"\1=", line)):
            key, value = match.groups()
            yield from _chosen(path, number, key.lstrip("+"), value, match.group())


def _in_yaml(path: Path, text: str) -> Iterator[Setting]:
    entries = list(yaml_entries(text))
    known = [(entry, row) for entry in entries if (row := find_key(entry.key)) is not None]
    top = {entry.sections[0] for entry in entries}
    if "defaults" not in top and any(row.name not in COMMON_WORDS for _, row in known):
        for entry, row in known:
            yield Setting(path, entry.line, entry.key, _meaning(row), _entry(row))
    elif top & {"plugin", "defaults", "patch_size"}:
        for entry in entries:
            key = entry.key.removeprefix("override ")
            key = "plugin" if entry.sections[-2:] == ("plugin", "name") else key
            spelt = entry.spelt or f"{key}: {entry.value}"
            found = _chosen(path, entry.line, key, entry.value, spelt)
            yield from (replace(setting, is_new=True) for setting in found)
    for entry in entries:
        if entry.key in VARIABLES:
            yield from _chosen(path, entry.line, entry.key, entry.value, entry.key)
        elif COMMANDS & set(entry.sections):
            yield from _in_shell(path, entry.value, entry.text_line)


def _chosen(path: Path, number: int, key: str, value: str, spelt: str) -> Iterator[Setting]:
    """Find a variable or a deprecated choice: ``USE_XLA_TRANSLATE=0``, ``plugin=iterative``."""
    choices = {e.old: e for e in TABLE if e.kind == "configuration"}
    choices |= {f"plugin={e.old}": e for e in TABLE if e.kind == "plugin"}
    entry = VARIABLES.get(key) or choices.get(f"{key}={value}")
    if entry is not None:
        yield Setting(path, number, spelt, f"use {entry.replacement}", entry)


def _meaning(row: LegacyKey) -> str:
    if row.target is None:
        return f"dropped: {row.reason}"
    if row.target == "plugin":
        return row.reason
    return f"is {row.target}" + (f", {row.reason}" if row.of_groups and row.reason else "")


def _entry(row: LegacyKey) -> Deprecation | None:
    return PARAMETERS.get(row.name)
