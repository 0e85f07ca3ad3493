"""Finding the files to be read under some paths."""

from __future__ import annotations

import importlib.util
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from .files import read_start
from .ignored import fits, is_ignored, top_of

#: Folders that hold no sources of their own, but copies and what tools made.
SKIPPED = frozenset({"__pycache__", "node_modules", "site-packages", "build", "dist"})
#: Hidden folders that people keep sources in: those of continuous integration.
SHOWN = frozenset({".github", ".gitlab", ".circleci", ".ci", ".buildkite"})
_PYTHON = re.compile(rb"#!.*\bpython[\d.]*\b")


def find_files(
    paths: Iterable[Path],
    suffixes: Iterable[str],
    *,
    scripts: bool = False,
    exclude: Sequence[str] = (),
) -> Iterator[Path]:
    """Yield the files under some paths, each once, in order.

    Files are taken whatever their suffix; in folders, regular files of some suffixes and, if asked
    for, those without a suffix whose first line names Python. Links in folders are not followed.
    What hidden folders (but those of continuous integration), virtual environments, builds and
    caches hold is left out, and what ``.gitignore`` or a pattern of `exclude` excludes. Raises
    FileNotFoundError if a path does not exist.
    """
    wanted = tuple(suffixes)
    seen: set[str] = set()
    for path in paths:
        if not path.exists():
            raise FileNotFoundError(f"{path}: no such file or folder")
        for file in sorted(_below(path, wanted, scripts)) if path.is_dir() else [path]:
            if any(fits(file.relative_to(path) if file != path else file, g) for g in exclude):
                continue
            real = os.path.realpath(file)
            if real not in seen:
                seen.add(real)
                yield file


def _below(folder: Path, suffixes: tuple[str, ...], scripts: bool) -> Iterator[Path]:
    root = folder.resolve()
    top = top_of(root)
    for place, folders, files in os.walk(folder):
        here = root / Path(place).relative_to(folder)
        folders[:] = [name for name in folders if _holds_sources(here / name, top)]
        for name in files:
            path = here / name
            suited = name.endswith(suffixes) or (scripts and "." not in name)
            if (
                not suited
                or path.is_symlink()
                or not path.is_file()
                or is_ignored(path, False, top)
            ):
                continue
            if name.endswith(suffixes) or is_script(path):
                yield Path(place, name)


def _holds_sources(folder: Path, top: Path) -> bool:
    left_out = folder.name.startswith(".") and folder.name not in SHOWN
    left_out = left_out or folder.name.endswith(".egg-info")
    left_out = left_out or folder.name in SKIPPED or (folder / "pyvenv.cfg").exists()
    return not left_out and not is_ignored(folder, True, top)


def legacy_package(path: Path) -> tuple[Path, str] | None:
    """Return the folder of PtychoPINN's own package that holds a file, and the package it is in."""
    folder = Path(os.path.abspath(path)).parent
    names: list[str] = []
    while (folder / "__init__.py").is_file():
        names.insert(0, folder.name)
        if folder.name == "ptycho" and _is_legacy(folder):
            return folder, ".".join(names)
        folder = folder.parent
    return None


def packages_above(path: Path) -> Iterator[Path]:
    """Yield the folders of PtychoPINN's package beside a path, up to its repository's top."""
    here = Path(os.path.abspath(path))
    for folder in (here, *here.parents):
        beside = (folder / "ptycho", folder / "src" / "ptycho")
        yield from (package for package in beside if _is_legacy(package))
        if (folder / ".git").exists():
            break


def installed_packages() -> list[Path]:
    """Return the folder of PtychoPINN's package where this Python would import it from, if any."""
    try:
        found = importlib.util.find_spec("ptycho")
    except (ImportError, ValueError):  # half imported, or replaced by something else
        return []
    folders = found.submodule_search_locations if found is not None else None
    return [Path(folder) for folder in folders or () if _is_legacy(Path(folder))]


def _is_legacy(package: Path) -> bool:
    """Tell PtychoPINN's package from others of its name; the oldest lack raw_data."""
    has_modules = any((package / name).is_file() for name in ("raw_data.py", "tf_helper.py"))
    return has_modules and all((package / n).is_file() for n in ("__init__.py", "params.py"))


def is_script(path: Path) -> bool:
    """Tell whether the first line of a regular file has Python run it."""
    try:
        return _PYTHON.match(read_start(path, 128)) is not None
    except OSError:
        return False
