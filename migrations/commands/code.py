"""``ptycho-migrate code``."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from ptycho_engine.compat.params.keys import find_key

from ..codemod.findings import Kind
from ..codemod.job import Outcome, Settings
from ..codemod.settings_files import YAML, Setting
from ..exit_codes import DONE, FAILED, PENDING
from ..rules import RULES
from . import complain, where_the_pages_are
from .tree import migrate_tree, read_settings

#: How long Git may think before its word is done without.
GIT_SECONDS = 10


def run(options: argparse.Namespace) -> int:
    """Show or make the changes; return the exit code."""
    skip, select = _numbers(options.skip), _numbers(options.select)
    known = [rule.id for rule in RULES]
    for number in sorted((skip | select) - set(known)):
        complain(f"rule {number!r} is not known. Available: {', '.join(sorted(known))}.")
        return FAILED
    settings = Settings(
        options.level,
        skip,
        select,
        options.write,
        not options.write,
        tuple(options.paths),
        tuple(options.exclude),
    )
    if options.write:
        for folder in changed_already(options.paths):
            complain(
                f"{folder} has changes that are not committed; the new ones will be among them"
            )
    try:
        outcomes = migrate_tree(options.paths, settings, options.jobs)
        beside = list(read_settings(options.paths, options.exclude))
    except FileNotFoundError as error:
        complain(error)
        return FAILED
    if not options.write and not options.check:
        for outcome in outcomes:
            sys.stdout.write(outcome.diff)
    for line in remarks(beside):
        complain(line)
    return report(outcomes, options.write, options.check)


def _numbers(given: Iterable[str]) -> frozenset[str]:
    return frozenset(number.strip().upper() for text in given for number in text.split(","))


def changed_already(paths: Iterable[Path]) -> Iterator[Path]:
    """Yield the paths in Git trees that have changes which are not committed."""
    for path in paths:
        folder = path if path.is_dir() else path.parent
        command = ["git", "-c", "core.fsmonitor=false", "-C", str(folder), "status", "--porcelain"]
        try:
            done = subprocess.run(
                [*command, "--", os.path.abspath(path)],
                capture_output=True,
                check=False,
                timeout=GIT_SECONDS,
            )
        except (OSError, subprocess.TimeoutExpired):
            continue
        if done.returncode == 0 and done.stdout.strip():
            yield path


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
            converts = path.name.endswith(YAML) and any(find_key(setting.name) for setting in found)
            how = f"ptycho-migrate {'config' if converts else 'status'} {path}"
            yield f"{path} holds legacy settings, which code leaves alone: {how}"


def report(outcomes: list[Outcome], written: bool, check: bool) -> int:
    """Say what became of the files; return the exit code."""
    failed = [outcome for outcome in outcomes if outcome.error]
    changed = [outcome for outcome in outcomes if outcome.changed]
    standing = [outcome for outcome in outcomes if outcome.todos and not outcome.changed]
    for outcome in failed:
        complain(f"{outcome.path}: {outcome.error}; left as it is")
    inside = Counter(outcome.inside for outcome in outcomes if outcome.inside)
    for folder, number in inside.items():
        complain(f"{folder} is PtychoPINN itself: all of its {number} files are left as they are")
    if check:
        for outcome in changed:
            complain(f"{outcome.path} would change")
        for outcome in standing:
            complain(f"{outcome.path}: {outcome.todos} TODO comments stand")
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
    return PENDING if check and (changed or standing) else DONE
