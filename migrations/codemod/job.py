"""One file, from reading to writing: what a worker process does."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..rules import RULES
from .engine_names import ENGINE_NAMES
from .files import TooLargeError, read_file, replace_file
from .findings import TODO, Rule
from .folders import is_script, legacy_package
from .notebook import rewrite_notebook
from .rewrite import Place, rewrite
from .text import SourceError, decode_python, decode_text

PYTHON = (".py", ".pyi", ".pyw")
SUFFIXES = (*PYTHON, ".ipynb")


@dataclass(frozen=True)
class Settings:
    """How files are migrated.

    The level ``status`` also finds uses of the drop-ins; `skip` has the rules that are switched
    off, `select` those that alone are on, if any; `roots` the files and folders that were asked
    for, `exclude` patterns of those that are left out; `differing` the functions that their own
    PtychoPINN has in another generation.
    """

    level: str = "shim"
    skip: frozenset[str] = frozenset()
    select: frozenset[str] = frozenset()
    write: bool = False
    diff: bool = True
    roots: tuple[Path, ...] = ()
    exclude: tuple[str, ...] = ()
    differing: frozenset[str] = frozenset()

    def rules(self) -> list[Rule]:
        """Return the rules to apply."""
        if self.level == "status":
            return [ENGINE_NAMES, *(r for r in RULES if "shim" in r.levels)]
        wanted = {r.id for r in RULES if not self.select or r.id in self.select} - self.skip
        return [r for r in RULES if self.level in r.levels and r.id in wanted]


@dataclass(frozen=True)
class Outcome:
    """What became of a file: whether it differs, or would, what was found, why it failed.

    `inside` is the folder of PtychoPINN's own package, of which no file is migrated.
    """

    path: Path
    changed: bool = False
    places: tuple[Place, ...] = ()
    diff: str = ""
    error: str = ""
    skipped: str = ""
    todos: int = 0
    inside: Path | None = None


def migrate_file(path: Path, settings: Settings) -> Outcome:
    """Migrate one file; whatever goes wrong is in the outcome, and the file untouched."""
    try:
        return _migrate(path, settings)
    except TooLargeError as error:
        return Outcome(path, skipped=str(error))
    except (SourceError, OSError) as error:
        return Outcome(path, error=str(error))
    except Exception as error:  # a fault of ours must not stop the other files
        return Outcome(path, error=f"fault of ptycho-migrate: {type(error).__name__}: {error}")


def migrate_files(paths: Sequence[Path], settings: Settings) -> list[Outcome]:
    """Migrate some files, one after another."""
    return [migrate_file(path, settings) for path in paths]


def _migrate(path: Path, settings: Settings) -> Outcome:
    own = legacy_package(path)
    if own is not None and settings.level != "status":
        return Outcome(path, inside=own[0])
    rules, differing = settings.rules(), settings.differing
    if path.suffix in PYTHON or (not path.suffix and is_script(path)):
        decoded = decode_python(read_file(path))
        result = rewrite(decoded.text, rules, own[1] if own else "", differing)
    elif path.suffix == ".ipynb":
        decoded = decode_text(read_file(path))
        result = rewrite_notebook(decoded.text, rules, differing)
    else:
        raise SourceError(f"suffix {path.suffix!r} is not one of {', '.join(SUFFIXES)}")
    todos, skipped = result.text.count(TODO), "; ".join(result.unread)
    if result.text == decoded.text:
        return Outcome(path, places=result.places, todos=todos, skipped=skipped)
    data = decoded.encode(result.text)
    name = shown(path, settings.roots)
    diff = _diff(name, decoded.text, result.text) if settings.diff else ""
    if settings.write:
        replace_file(path, data)
    return Outcome(path, True, result.places, diff, todos=todos, skipped=skipped)


def shown(path: Path, roots: Sequence[Path]) -> str:
    """Return the name of a file in a difference, for ``patch -p1``.

    As it is where it begins at the working folder; else from the folder that was asked for.
    """
    if not path.is_absolute() and ".." not in path.parts:
        return path.as_posix()
    for root in roots:
        if path.is_relative_to(root):
            return path.relative_to(root).as_posix() if path != root else path.name
    return path.name


def _diff(name: str, before: str, after: str) -> str:
    old, new = (text.splitlines(keepends=True) for text in (before, after))
    lines = difflib.unified_diff(old, new, f"a/{name}", f"b/{name}")
    ended = (
        x if x.endswith(("\n", "\r")) else f"{x}\n\\ No newline at end of file\n" for x in lines
    )
    return "".join(ended)
