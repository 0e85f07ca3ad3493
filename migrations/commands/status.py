"""``ptycho-migrate status``."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ptycho_engine.deprecation.table import GUIDES, TABLE, Deprecation

from ..codemod.job import Outcome, Settings
from ..codemod.names import GROUPING, GROUPING_METHOD, drop_in
from ..codemod.settings_files import SHELL, YAML, Setting
from ..exit_codes import DONE, FAILED
from . import complain, where_the_pages_are
from .tree import migrate_tree, read_settings


@dataclass(frozen=True)
class Use:
    """One use of a deprecated name at a place; or, without an entry, a remark worth knowing."""

    name: str
    place: str
    entry: Deprecation | None
    remark: str = ""


def run(options: argparse.Namespace) -> int:
    """Print what a tree still uses; return the exit code."""
    sources = [path for path in options.paths if path.suffix not in SHELL + YAML]
    try:
        outcomes = migrate_tree(sources, Settings("status", diff=False), options.jobs)
        settings = list(read_settings(options.paths))
    except FileNotFoundError as error:
        complain(error)
        return FAILED
    failed = [outcome for outcome in outcomes if outcome.error]
    for outcome in failed:
        complain(f"{outcome.path}: {outcome.error}")
    uses = list(uses_in(outcomes, settings))
    for line in listing(uses):
        print(line)
    if uses:
        print(where_the_pages_are())
    return FAILED if failed else DONE


def uses_in(outcomes: Iterable[Outcome], settings: Iterable[Setting]) -> Iterator[Use]:
    """Yield what rules found in sources, and what stands in other files."""
    for outcome in outcomes:
        for place in outcome.places:
            cell = f"cell {place.cell}, line " if place.cell else ""
            where = f"{outcome.path}:{cell}{place.line}"
            entry = _entry(place.name)
            yield Use(place.name, where, entry, "" if entry else f"{place.rule}: {place.message}")
    for setting in settings:
        where = f"{setting.path}:{setting.line}"
        yield Use(setting.name, where, setting.deprecation, setting.meaning)


def _entry(name: str) -> Deprecation | None:
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        head = ".".join(parts[:length])
        found = drop_in(head) or next((e for e in TABLE if head in (e.old, *e.legacy)), None)
        if found is not None:
            return found
    return drop_in(GROUPING) if name == GROUPING_METHOD else None  # of what may be a RawData


def listing(found: Iterable[Use]) -> Iterator[str]:
    """Yield the lines of the report: by deprecated name, then the rest."""
    uses = list(found)
    for entry in TABLE:
        of_entry = [use for use in uses if use.entry is entry]
        if of_entry:
            yield f"{entry.id} {entry.old}: removed in {entry.removal}, use {entry.replacement}"
            yield f"  guide: {GUIDES}/{entry.guide}"
            yield from (f"  {use.place}: {use.name}" for use in of_entry)
    rest = [use for use in uses if use.entry is None]
    if rest:
        yield "Not deprecated, but legacy:"
        yield from (f"  {use.place}: {use.name}: {use.remark}" for use in rest)
    if not uses:
        yield "No deprecated name is used."
