"""``ptycho-engine new-plugin``: a plugin's distribution that works, for its author to change."""

from __future__ import annotations

import argparse
import os
import re
import shlex
import sys
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from string import Template

import yaml

from ..discovery import discover
from ..errors import ConfigurationError, OutputError, PtychoEngineError, printable
from ..host.choice import AUTO
from ..io.staging import staged
from . import plugin_outline
from .outcomes import DONE, REFUSED

#: Where each file of the outline goes.
PLACES = {
    "pyproject.toml.in": "pyproject.toml",
    "README.md.in": "README.md",
    "hooks.py.in": "src/$package/__init__.py",
    "options.yaml.in": "src/$package/conf/plugin/$name.yaml",
    "conformance.py.in": "tests/test_$name.py",
}
#: What distributions, modules, Hydra and files take as it is, and pip does not change.
NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
LONGEST = 40


def main(arguments: list[str]) -> int:
    """Write the distribution; return 0, or 2 if it is refused."""
    parser = argparse.ArgumentParser(
        prog="ptycho-engine new-plugin",
        description="Write the distribution of a plugin that works, with its options and tests, "
        "into a new folder NAME.",
    )
    parser.add_argument("name", metavar="NAME", help="what plugin=NAME shall choose")
    parser.add_argument(
        "--folder", type=Path, default=Path(), metavar="DIR", help="where; here by default"
    )
    given = parser.parse_args(arguments)
    try:
        target = write_project(given.name, given.folder)
    except PtychoEngineError as error:
        print(f"ptycho-engine: {type(error).__name__}: {error}", file=sys.stderr)
        return REFUSED
    print(target)
    print("Next:", *next_commands(given.name, target), sep="\n  ", file=sys.stderr)
    return DONE


def next_commands(name: str, target: Path) -> tuple[str, str, str]:
    """Return what installs, tests and runs the plugin that lies in a folder."""
    return (
        f"pip install --editable {shlex.quote(f'{target.absolute()}[testing]')}",
        f"pytest {shlex.quote(str(target))}",
        f"ptycho-engine plugin={name}",
    )


def write_project(name: str, folder: Path) -> Path:
    """Write the distribution of a plugin, whole or not at all.

    Parameters
    ----------
    name : str
        That of the plugin; its distribution is called ``ptycho-NAME``, its package ``ptycho_NAME``.
    folder : Path
        The folder in which its own, of this name, is made.

    Returns
    -------
    Path
        Its folder.

    Raises
    ------
    ConfigurationError
        If the name cannot be one, or is taken.
    OutputError
        If something stands at its place, or the system refuses.
    """
    check_name(name)
    if not folder.is_dir():
        raise OutputError(
            f"--folder: there is no folder {folder}. Expected one that exists. Make it, or choose "
            "another."
        )
    target = folder / name
    if os.path.lexists(target):
        raise OutputError(
            f"{target}: exists already. Expected nothing there. Move it away, or choose another "
            "name or --folder."
        )
    with staged(target) as (place,):
        for path, text in rendered(name).items():
            file = place / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
    return target


def rendered(name: str) -> dict[str, str]:
    """Return the text of each file, by its path in the folder of the distribution."""
    package = f"ptycho_{name}"
    names = {"name": name, "package": package, "distribution": package.replace("_", "-")}
    outline = files(plugin_outline)
    return {
        Template(path).substitute(names): Template(
            (outline / source).read_text(encoding="utf-8")
        ).substitute(names)
        for source, path in PLACES.items()
    }


def is_word(name: str) -> bool:
    """Whether YAML and Hydra read a name as a text, not as a number or a truth."""
    return isinstance(_read(name), str)


def _read(name: str) -> object:
    """Read a name as YAML and the command line do: `nan` and `inf` are numbers there alone."""
    return float(name) if name in ("nan", "inf") else yaml.safe_load(name)


def check_name(name: str) -> None:
    """Refuse a name that could not choose a plugin, or chooses another one.

    Raises
    ------
    ConfigurationError
        With what is expected of one.
    """
    shown = printable(name, 60)
    if not NAME.fullmatch(name) or len(name) > LONGEST:
        near = re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_").lower()
        fits = NAME.fullmatch(near) and len(near) <= LONGEST and is_word(near)
        raise ConfigurationError(
            f"{shown!r} cannot be the name of a plugin. Expected at most {LONGEST} small letters "
            "and digits, a letter first, words joined by single underscores, as in fast_slices. "
            f"Choose {near if fits else 'another name'}."
        )
    if not is_word(name):
        raise ConfigurationError(
            f"{shown!r} cannot be the name of a plugin: YAML or Hydra reads it as {_read(name)!r}. "
            "Expected a word that stays one. Choose another name."
        )
    taken = {AUTO, *(source.name for source in discover())}
    if name in taken:
        raise ConfigurationError(
            f"{name!r} is the name of a plugin already. Expected none of "
            f"{', '.join(sorted(taken))}. Choose another name."
        )
    if find_spec(f"ptycho_{name}") is not None:
        raise ConfigurationError(
            f"{name!r} would make a package ptycho_{name}, and one of that name is installed. "
            "Choose another name, or uninstall it."
        )
