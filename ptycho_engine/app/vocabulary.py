"""What can be said to the command: keys and groups, with the meaning that their files give them.

A configuration file is read as it was written: the comment above a key says what the key means, and
its last line, if it reads ``one | other``, the choices. So do those of any plugin. The options of a
format are the fields of its dataclass, and ``Attributes`` of its docstring says what they mean.
"""

from __future__ import annotations

import dataclasses
import importlib.util
import inspect
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..discovery import contributed_folders, discover
from ..errors import PtychoEngineError
from ..io.catalogue import list_formats, load_format
from ..io.objects.urls import Location, location

#: Keys whose values are paths.
PATHS = (
    "scan.path",
    "output.path",
    "compat.params",
    "picture",
    "object.path",
    "probe.path",
    "patches.path",
    "patches.positions_path",
)
#: Keys of Hydra whose values are folders.
FOLDERS = ("hydra.run.dir", "hydra.sweep.dir")
#: Keys that say which choice of a group was made.
CHOSEN = {
    "plugin": "name",
    "compat": "mode",
    "runner": "kind",
    "object": "kind",
    "probe": "kind",
    "trajectory": "kind",
}
_ENTRY = re.compile(r"(?:  - )?([\w.]+):(?: +(.*))?$")
_CHOICES = re.compile(r"[\w.]+( \| [\w.]+)+$")


@dataclass(frozen=True)
class Key:
    """A key of the configuration.

    Attributes
    ----------
    name : str
        In full, with dots.
    default : str
        Its value in the file; ``"???"`` if it has to be given.
    meaning : str
        One or more sentences; may be empty.
    choices : tuple of str
        The values that it takes, if it is one of a few.
    """

    name: str
    default: str
    meaning: str = ""
    choices: tuple[str, ...] = ()


def expanded(path: str) -> Location:
    """Read a URL, or a path as a shell would: ``~`` is home, unless no user has that name."""
    return location(os.path.expanduser(path))


def configuration_folders() -> list[Path]:
    """List the folders of configuration files: ours, then those of other distributions."""
    own = importlib.util.find_spec("ptycho_engine.conf")
    folders = [Path(place) for place in (own and own.submodule_search_locations) or ()]
    return folders + [folder for _, folder in contributed_folders() if folder]


def groups(root: str = "config") -> list[Key]:
    """List the groups of a root configuration, each with its default and what can be chosen."""
    found = []
    for key in _entries(configuration_folders()[0] / f"{root}.yaml", "  - "):
        names = {path.stem for path in _choice_files(key.name)}
        if key.name == "plugin":
            names |= {source.name for source in discover()}
        if key.name == "scan":
            names |= {source.name for source in list_formats()}
        if key.name == "output":  # what other jobs write is none of its choices
            names = {key.default}
        found.append(dataclasses.replace(key, choices=tuple(sorted(names))))
    return found


def plain_keys(root: str = "config") -> list[Key]:
    """List the keys of a root configuration that are in no group."""
    return list(_entries(configuration_folders()[0] / f"{root}.yaml", ""))


def meaning_of(group: str, choice: str) -> str:
    """Return what a file says of itself in its first lines; for a format, its suffixes."""
    if group == "scan":
        return " ".join(end for s in list_formats() if s.name == choice for end in s.suffixes)
    for path in _choice_files(group):
        if path.stem == choice:
            lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
            return _comment(lines, 0)[0]
    return ""


def keys_of(group: str, choice: str) -> list[Key]:
    """List the keys of a choice of a group.

    Parameters
    ----------
    group, choice : str
        As in ``group=choice``. A format is imported for its options.

    Raises
    ------
    PluginError
        If it is a format that cannot be used.
    """
    if group == "scan":
        return list(_format_keys(choice))
    for path in _choice_files(group):
        if path.stem == choice:
            return [
                dataclasses.replace(key, name=f"{group}.{key.name}")
                for key in _entries(path, "")
                if key.name != CHOSEN.get(group)
            ]
    return []


def every_key(chosen: dict[str, str], root: str = "config") -> list[Key]:
    """List the keys of a configuration in which these choices are made, as far as they exist."""
    found = plain_keys(root)
    for group in groups(root):
        try:
            found += keys_of(group.name, chosen.get(group.name, group.default))
        except PtychoEngineError:  # of which the run, or the listing, complains
            continue
    return found


def _choice_files(group: str) -> Iterator[Path]:
    for folder in configuration_folders():
        yield from sorted((folder / group).glob("*.yaml"))


def _entries(path: Path, indent: str) -> Iterator[Key]:
    """Read the keys at one place: those of the file, or the groups among its defaults."""
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    for number, line in enumerate(lines):
        found = _ENTRY.match(line)
        if found and line.startswith(indent or found[1]) and found[1] not in ("defaults", "hydra"):
            start = number
            while start and lines[start - 1].lstrip().startswith("#"):
                start -= 1
            meaning, choices = _comment(lines, start)
            default = (found[2] or "").partition(" #")[0].strip()
            yield Key(found[1], default, meaning, choices)


def _comment(lines: list[str], start: int) -> tuple[str, tuple[str, ...]]:
    """Read a comment: a meaning, and the choices if its last line lists them."""
    said = []
    for line in lines[start:]:
        if not line.lstrip().startswith("#"):
            break
        said.append(line.lstrip().lstrip("#").strip())
    choices: tuple[str, ...] = ()
    if said and _CHOICES.match(said[-1]):
        choices = tuple(said.pop().split(" | "))
    return " ".join(said), choices


def _format_keys(name: str) -> Iterator[Key]:
    chosen = load_format(name)
    if chosen.needs_file:
        yield Key("scan.path", "???", "The file.")
    if chosen.options is None:
        return
    said = dict(re.findall(r"^(\w+) : .*\n((?:    .*\n?)+)", _document(chosen.options), re.M))
    for option in dataclasses.fields(chosen.options):
        default = "???" if option.default is dataclasses.MISSING else _written(option.default)
        meaning = " ".join(said.get(option.name, "").split())
        choices = ("true", "false") if isinstance(option.default, bool) else ()
        yield Key(f"scan.{option.name}", default, meaning, choices)


def _document(options: type) -> str:
    return inspect.cleandoc(options.__doc__ or "")


def _written(value: object) -> str:
    """Write a value as a configuration file does."""
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    return str(value)
