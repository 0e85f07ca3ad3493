"""``ptycho-migrate code``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from ..codemod.findings import Kind
from ..codemod.job import Outcome, Settings
from ..codemod.settings_files import SHELL, Setting
from ..exit_codes import DONE, FAILED, PENDING
from ..rules import RULES
from . import complain, where_the_pages_are
from .tree import migrate_tree, read_settings


def run(options: argparse.Namespace) -> int:
    """Show or make the changes; return the exit code."""
    skip = {number.strip().upper() for text in options.skip for number in text.split(",")}
    known = [rule.id for rule in RULES]
    for number in sorted(skip - set(known)):
        complain(f"rule {number!r} is not known. Available: {', '.join(sorted(known))}.")
        return FAILED
    settings = Settings(
        options.level, frozenset(skip), options.write, not options.write, tuple(options.paths)
    )
    try:
        outcomes = migrate_tree(options.paths, settings, options.jobs)
        beside = list(read_settings(options.paths))
    except FileNotFoundError as error:
        complain(error)
        return FAILED
    if not options.write and not options.check:
        for outcome in outcomes:
            sys.stdout.write(outcome.diff)
    for line in remarks(beside):
        complain(line)
    return report(outcomes, options.write, options.check)


def remarks(settings: Iterable[Setting]) -> Iterator[str]:
    """Say once of each file outside Python what is to be done with it."""
    by_path: dict[Path, list[Setting]] = {}
    for setting in settings:
        by_path.setdefault(setting.path, []).append(setting)
    for path, found in sorted(by_path.items()):
        if all(setting.is_new for setting in found):
            chosen = ", ".join(dict.fromkeys(f"{s.name} ({s.meaning})" for s in found))
            yield f"{path} holds deprecated choices, which code leaves alone. Change {chosen}"
        else:
            how = f"ptycho-migrate {'status' if path.suffix in SHELL else 'config'} {path}"
            yield f"{path} holds legacy settings, which code leaves alone: {how}"


def report(outcomes: list[Outcome], written: bool, check: bool) -> int:
    """Say what became of the files; return the exit code."""
    failed = [outcome for outcome in outcomes if outcome.error]
    changed = [outcome for outcome in outcomes if outcome.changed]
    for outcome in outcomes:
        if outcome.skipped:
            complain(f"{outcome.path}: {outcome.skipped}; skipped")
    for outcome in failed:
        complain(f"{outcome.path}: {outcome.error}; left as it is")
    if check:
        for outcome in changed:
            complain(f"{outcome.path} would change")
    places = [place for outcome in outcomes for place in outcome.places]
    rewritten, todo = (
        sum(place.kind == kind for place in places) for kind in (Kind.REWRITE, Kind.TODO)
    )
    verb = "changed" if written else "would change"
    complain(
        f"{len(outcomes)} files read, {len(changed)} {verb}, {len(failed)} failed; "
        f"{rewritten} places rewritten, {todo} left to you with a TODO comment."
    )
    if places:
        complain(where_the_pages_are())
    if failed:
        return FAILED
    return PENDING if check and changed else DONE
