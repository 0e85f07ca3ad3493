"""What a tree's own ``.gitignore`` files exclude."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path

from .files import read_file
from .text import SourceError


@dataclass(frozen=True)
class Pattern:
    """One line of a ``.gitignore``: what it matches below the folder it stands in."""

    globs: tuple[str, ...]
    folders_only: bool
    excludes: bool


def top_of(folder: Path) -> Path:
    """Return the folder of the repository that holds a folder, else that folder."""
    return next((f for f in (folder, *folder.parents) if (f / ".git").exists()), folder)


def is_ignored(path: Path, is_folder: bool, top: Path) -> bool:
    """Tell whether Git would leave out a path below `top` whose folders are not left out.

    The last line that matches decides, that of the nearest folder first.
    """
    for folder in path.parents:
        parts = path.relative_to(folder).parts
        for pattern in reversed(_patterns(folder)):
            if (is_folder or not pattern.folders_only) and _matches(parts, pattern.globs):
                return pattern.excludes
        if folder == top:
            break
    return False


def _matches(parts: Sequence[str], globs: Sequence[str]) -> bool:
    """Match a path as a whole; `reached` is how many parts of it the globs so far may match."""
    reached = {0}
    for number, glob in enumerate(globs, 1):
        if glob == "**":  # any number of folders, and at the end anything within
            first = min(reached) + (number == len(globs))
            reached = set(range(first, len(parts) + 1))
        else:
            reached = {
                index + 1
                for index in reached
                if index < len(parts) and fnmatchcase(parts[index], glob)
            }
        if not reached:
            return False
    return len(parts) in reached


def fits(path: Path, glob: str) -> bool:
    """Tell whether a path, or a folder that holds it, fits a pattern as ``.gitignore`` has them."""
    globs = _globs(glob)
    folders = (path.parts[:length] for length in range(1, len(path.parts) + 1))
    return any(_matches(parts, globs) for parts in folders)


@lru_cache(maxsize=1024)
def _patterns(folder: Path) -> tuple[Pattern, ...]:
    try:
        text = read_file(folder / ".gitignore").decode("utf-8", "replace")
    except (OSError, SourceError):
        return ()
    return tuple(_read(text))


def _read(text: str) -> Iterator[Pattern]:
    for line in text.splitlines():
        spelt = line.strip()
        glob = spelt.removeprefix("!").removeprefix("\\")
        if glob.strip("/") and not spelt.startswith("#"):
            yield Pattern(_globs(glob), glob.endswith("/"), not spelt.startswith("!"))


def _globs(glob: str) -> tuple[str, ...]:
    """Split a pattern; one without a slash within matches at any depth."""
    body = glob.rstrip("/")
    at_any_depth = [] if "/" in body else ["**"]
    return (*at_any_depth, *body.removeprefix("/").split("/"))
