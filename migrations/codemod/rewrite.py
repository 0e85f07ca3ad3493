"""Applying the rules to the text of a module."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from .findings import Finding, Rule, one_per_statement
from .names import may_concern
from .source import Source, check_syntax
from .text import Edit, SourceError, apply_edits, overlap

T = TypeVar("T")


class ResultError(SourceError):
    """What the rules made of a source does not parse: a fault of theirs, not of the source."""


@dataclass(frozen=True)
class Place:
    """A finding without its edits, by line and, in a notebook, by cell; both count from 1."""

    line: int
    rule: str
    name: str
    message: str
    kind: str
    cell: int | None = None


@dataclass(frozen=True)
class Rewritten:
    """What the rules made of a module: its new source, and what was found in the old one.

    `unread` says which cells of a notebook could not be read, and why.
    """

    text: str
    places: tuple[Place, ...] = ()
    unread: tuple[str, ...] = ()


def rewrite(
    text: str,
    rules: Sequence[Rule],
    package: str = "",
    differing: frozenset[str] = frozenset(),
) -> Rewritten:
    """Apply rules, in their order, to the source of a module.

    All edits that do not overlap are made at once. Where some do, those of the earlier rule are
    made, and the others in another round, which parses what the first one made. Relative imports
    count as those of `package`, for the status, which edits nothing; functions that are `differing`
    stay. Raises SourceError if the
    source cannot be parsed, and ResultError if the result cannot.
    """
    if not may_concern(f"{package}\n{text}"):  # a relative import does not name the package
        check_syntax(text)
        return Rewritten(text)
    source = Source(text, package, differing)
    places: tuple[Place, ...] = ()
    for number in range(len(rules)):  # each round completes one rule at least
        found = _found(source, rules)
        if number == 0:
            places = _places(source, found)
        edits, complete = _compatible(found)
        if not edits:
            return Rewritten(source.text, places)
        made = apply_edits(source.text, edits)
        if complete:
            _result(check_syntax, made)
            return Rewritten(made, places)
        source = _result(lambda text: Source(text, package, differing), made)
    return Rewritten(source.text, places)


def _found(source: Source, rules: Sequence[Rule]) -> list[list[Finding]]:
    """Return what each rule finds."""
    try:
        return [one_per_statement(rule.check(source)) for rule in rules]
    except RecursionError as error:
        raise SourceError("nested too deeply to be analysed") from error


def _compatible(found: list[list[Finding]]) -> tuple[list[Edit], bool]:
    """Return the edits that overlap none of an earlier rule, and whether those are all."""
    edits: list[Edit] = []
    complete = True
    for findings in found:
        more = [edit for finding in findings for edit in finding.edits]
        if edits and overlap([*edits, *more]):
            complete = False
        else:
            edits += more
    return edits, complete


def _places(source: Source, found: list[list[Finding]]) -> tuple[Place, ...]:
    """Return the places of findings, each once, in the order of the source."""
    places = {
        (f.offset, Place(source.line(f.offset), f.rule, f.name, f.message, f.kind)): None
        for findings in found
        for f in findings
    }
    return tuple(sorted((place for _, place in places), key=lambda p: (p.line, p.rule)))


def _result(parse: Callable[[str], T], text: str) -> T:
    """Parse what rules made, and say whose fault it is if that fails."""
    try:
        return parse(text)
    except SourceError as error:
        raise ResultError(
            f"what a rule made of it does not parse ({error}), so nothing was changed; leave the "
            "rule out with --skip, and report this"
        ) from error
