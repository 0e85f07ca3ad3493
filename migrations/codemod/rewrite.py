"""Applying the rules to the text of a module."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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
    """A finding without its edits, by line.

    Attributes
    ----------
    line : int
        Number of the line, from 1, in the source as it was.
    rule, name, message, kind : str
        As in `Finding`.
    cell : int, optional
        Number of the cell, from 1, in a notebook; lines then count within it.
    """

    line: int
    rule: str
    name: str
    message: str
    kind: str
    cell: int | None = None


@dataclass(frozen=True)
class Rewritten:
    """What the rules made of a module.

    Attributes
    ----------
    text : str
        Its new source.
    places : tuple of Place
        What was found.
    """

    text: str
    places: tuple[Place, ...] = ()


def rewrite(text: str, rules: Sequence[Rule], magics: Mapping[str, str] | None = None) -> Rewritten:
    """Apply rules, one after another, to the source of a module.

    Parameters
    ----------
    text : str
        The source.
    rules : sequence of Rule
        The rules, in the order in which they are applied.
    magics : mapping of str to str, optional
        What names stand for that take the place of lines that are not Python.

    Returns
    -------
    Rewritten
        With the text unchanged if no rule found anything to change.

    Raises
    ------
    SourceError
        If the source cannot be parsed.
    ResultError
        If the result cannot.
    """
    if not may_concern("\n".join([text, *(magics or {}).values()])):
        check_syntax(text)
        return Rewritten(text)
    source = Source(text, magics)
    try:
        found = {(f.offset, _place(source, f)): None for rule in rules for f in rule.check(source)}
    except RecursionError as error:
        raise SourceError("nested too deeply to be analysed") from error
    places = [place for _, place in found]
    if not places:
        return Rewritten(text)
    for _ in rules:  # each run completes one rule at least
        edits, complete = _edits(source, rules)
        text = apply_edits(source.text, edits)
        if complete:
            break
        source = _result(lambda made: Source(made, magics), text)
    _result(check_syntax, text)
    return Rewritten(text, tuple(sorted(places, key=lambda p: (p.line, p.rule))))


def _result(parse: Callable[[str], T], text: str) -> T:
    """Parse what rules made, and say whose fault it is if that fails."""
    try:
        return parse(text)
    except SourceError as error:
        raise ResultError(
            f"what a rule made of it does not parse ({error}), so nothing was changed; leave the "
            "rule out with --skip, and report this"
        ) from error


def _edits(source: Source, rules: Sequence[Rule]) -> tuple[list[Edit], bool]:
    """Return the edits of the first rules that do not get in each other's way.

    And whether those are all: parsing takes most of the time, so that it is done again only where
    a rule must see what another made.
    """
    edits: list[Edit] = []
    for rule in rules:
        findings = one_per_statement(rule.check(source))
        more = [edit for finding in findings for edit in finding.edits]
        if edits and overlap([*edits, *more]):
            return edits, False
        edits += more
    return edits, True


def _place(source: Source, finding: Finding) -> Place:
    line = source.line(finding.offset)
    return Place(line, finding.rule, finding.name, finding.message, finding.kind)
