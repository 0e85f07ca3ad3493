"""``ptycho-migrate status``."""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ptycho_engine.deprecation.table import GUIDES, TABLE, Deprecation

from ..codemod.job import Outcome, Settings
from ..codemod.names import DROP_INS, GROUPING, GROUPING_METHOD
from ..codemod.settings_files import SHELL, YAML, Setting
from ..exit_codes import DONE, FAILED
from . import complain, where_the_pages_are
from .tree import migrate_tree, read_settings


@dataclass(frozen=True)
class Use:
    """One use of a deprecated name at a place; or, without an entry, a remark worth knowing.

    By a rule in code, of which the empty one is the engine's own; in settings by none.
    """

    name: str
    path: Path
    line: int
    entry: Deprecation | None
    remark: str = ""
    rule: str | None = None
    cell: int | None = None

    @property
    def place(self) -> str:
        """File and line, within a cell of a notebook."""
        cell = f"cell {self.cell}, line " if self.cell else ""
        return f"{self.path}:{cell}{self.line}"


def run(options: argparse.Namespace) -> int:
    """Print what a tree still uses; return the exit code."""
    sources = [p for p in options.paths if p.is_dir() or not p.name.endswith(SHELL + YAML)]
    try:
        settings = Settings("status", diff=False, exclude=tuple(options.exclude))
        outcomes = migrate_tree(sources, settings, options.jobs)
        beside = list(read_settings(options.paths, options.exclude))
    except FileNotFoundError as error:
        complain(error)
        return FAILED
    failed = [outcome for outcome in outcomes if outcome.error]
    for outcome in failed:
        complain(f"{outcome.path}: {outcome.error}")
    uses = list(uses_in(outcomes, beside))
    if options.json:
        print(json.dumps(as_json(uses), indent=1))
        return FAILED if failed else DONE
    for line in [*listing(uses), *counts(uses)]:
        print(line)
    if uses:
        print(where_the_pages_are())
    return FAILED if failed else DONE


def uses_in(outcomes: Iterable[Outcome], settings: Iterable[Setting]) -> Iterator[Use]:
    """Yield what rules found in sources, and what stands in other files."""
    for outcome in outcomes:
        for p in outcome.places:
            entry = _entry(p.name)
            remark = "" if entry else f"{p.rule}: {p.message}"
            yield Use(p.name, outcome.path, p.line, entry, remark, p.rule, p.cell)
    for s in settings:
        yield Use(s.name, s.path, s.line, s.deprecation, s.meaning)


def as_json(uses: Iterable[Use]) -> list[dict[str, Any]]:
    """Return each use as an object: its kind is ``code`` or ``settings``."""
    return [
        {
            "kind": "settings" if use.rule is None else "code",
            "rule": use.rule or None,
            "path": str(use.path),
            "cell": use.cell,
            "line": use.line,
            "name": use.name,
            "deprecation": use.entry and use.entry.id,
            "removal": use.entry and use.entry.removal,
            "replacement": use.entry and use.entry.replacement,
            "remark": use.remark,
        }
        for use in uses
    ]


def counts(uses: Sequence[Use]) -> Iterator[str]:
    """Say how much stands in code, by rule, and in settings, by file."""
    rules = Counter(use.rule or "drop-ins" for use in uses if use.rule is not None)
    if rules:
        by_rule = ", ".join(f"{rule} {number}" for rule, number in sorted(rules.items()))
        yield f"In code: {rules.total()} places ({by_rule})."
    files = Counter(use.path for use in uses if use.rule is None)
    if files:
        yield f"In settings: {files.total()} places in {len(files)} files."


def _entry(name: str) -> Deprecation | None:
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        head = ".".join(parts[:length])
        found = DROP_INS.get(head) or next((e for e in TABLE if head in (e.old, *e.legacy)), None)
        if found is not None:
            return found
    return DROP_INS.get(GROUPING) if name == GROUPING_METHOD else None  # of what may be a RawData


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
