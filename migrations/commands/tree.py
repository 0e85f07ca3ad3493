"""Finding files, and running the rules on the sources among them, with a bar on a terminal."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, nullcontext
from dataclasses import replace
from pathlib import Path

from ..codemod.files import read_file
from ..codemod.folders import find_files, installed_packages, legacy_package, packages_above
from ..codemod.generations import differing_names
from ..codemod.job import SUFFIXES, Outcome, Settings
from ..codemod.pool import migrate_all
from ..codemod.settings_files import SHELL, YAML, Setting, find_settings
from ..codemod.text import SourceError
from . import complain


def migrate_tree(paths: Sequence[Path], settings: Settings, jobs: int | None) -> list[Outcome]:
    """Run the rules on every source under some paths; return outcomes in the order of the files.

    In as many processes as `jobs`, one per CPU if None. Raises FileNotFoundError if a path does not
    exist.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    files = list(find_files(paths, SUFFIXES, scripts=True, exclude=settings.exclude))
    own = {package[0] for file in files if (package := legacy_package(file))}
    own |= {package for path in paths for package in packages_above(path)}
    whose = "this tree" if own else "the installed PtychoPINN"
    settings = replace(settings, differing=differing_names(own or installed_packages()))
    for name in sorted(settings.differing):
        complain(f"{name} of {whose} is of another version than the drop-in, and stays")
    console = Console(stderr=True)
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
    progress = Progress(*columns, console=console, transient=True)
    with (
        progress if console.is_terminal else nullcontext(),  # never started, it shows nothing
        closing(migrate_all(files, settings, jobs or os.cpu_count() or 1)) as outcomes,
    ):
        found = list(progress.track(outcomes, total=len(files), description="files"))
    place = {path: index for index, path in enumerate(files)}
    found.sort(key=lambda outcome: place[outcome.path])
    for outcome in found:
        if outcome.skipped:
            complain(f"{outcome.path}: {outcome.skipped}; skipped")
    return found


def read_settings(paths: Iterable[Path], exclude: Sequence[str] = ()) -> Iterator[Setting]:
    """Yield the legacy settings of scripts, YAML and JSON files."""
    for path in find_files(paths, SHELL + YAML, exclude=exclude):
        if path.name.endswith(SHELL + YAML):
            try:
                text = read_file(path).decode("utf-8", "replace")
            except (SourceError, OSError) as error:
                complain(f"{path}: {error}; not read")
                continue
            yield from find_settings(path, text)
