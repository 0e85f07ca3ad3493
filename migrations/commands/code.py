"""``ptycho-migrate code``."""

from __future__ import annotations

import argparse
import sys

from ptycho_engine.errors import one_of

from ..cli import DONE, FAILED, PENDING
from ..codemod.findings import Kind
from ..codemod.job import Outcome, Settings
from ..codemod.settings_files import SHELL
from ..rules import RULES
from . import complain
from .scan import read_settings, scan


def run(options: argparse.Namespace) -> int:
    """Show or make the changes; return the exit code."""
    skip = {number.strip().upper() for text in options.skip for number in text.split(",")}
    known = [rule.id for rule in RULES]
    for number in sorted(skip - set(known)):
        complain(one_of("rule", number, known))
        return FAILED
    settings = Settings(options.level, frozenset(skip), options.write, not options.write)
    try:
        outcomes = scan(options.paths, settings, options.jobs)
        beside = {setting.path for setting in read_settings(options.paths)}
    except FileNotFoundError as error:
        complain(error)
        return FAILED
    if not options.write and not options.check:
        for outcome in outcomes:
            sys.stdout.write(outcome.diff)
    for path in sorted(beside):
        how = f"ptycho-migrate {'status' if path.suffix in SHELL else 'config'} {path}"
        complain(f"{path} holds legacy settings, which code leaves alone: {how}")
    return report(outcomes, options.write, options.check)


def report(outcomes: list[Outcome], written: bool, check: bool) -> int:
    """Say what became of the files; return the exit code."""
    failed = [outcome for outcome in outcomes if outcome.error]
    changed = [outcome for outcome in outcomes if outcome.changed]
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
    if failed:
        return FAILED
    return PENDING if check and changed else DONE
