"""What a rule finds, and the form every rule has."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from ptycho_engine.deprecation.table import GUIDES

from .source import Source
from .text import Edit

LEVELS = ("shim", "native")
#: How a comment begins that leaves something to the reader.
TODO = "# TODO(ptycho-migrate PE"


class Kind(StrEnum):
    """What becomes of a finding."""

    REWRITE = "rewrite"
    TODO = "todo"
    NOTE = "note"


@dataclass(frozen=True)
class Finding:
    """One place that a rule speaks about: an offset in the source, and a legacy name.

    The message says what was done, or is left to do, with the edits that do it.
    """

    rule: str
    offset: int
    name: str
    message: str
    kind: Kind = Kind.REWRITE
    edits: tuple[Edit, ...] = ()


@dataclass(frozen=True)
class Rule:
    """A numbered rule, with ``rules/<id>.md`` as its page.

    `check` finds its places in a source, without changing anything.
    """

    id: str
    title: str
    check: Callable[[Source], Iterable[Finding]]
    levels: tuple[str, ...] = LEVELS


def page(rule: str) -> str:
    """Return the path of a rule's page in the installed package, as comments name it."""
    return f"{GUIDES}/rules/{rule}.md"


def todo(source: Source, rule: str, node: ast.AST, name: str, text: str) -> Finding:
    """Make a finding that is left to the reader, with a comment above its statement.

    Without an edit if the comment stands there already.
    """
    statement = source.statement(node)
    edits: tuple[Edit, ...] = ()
    if not mentioned(source, rule, statement):
        edits = (comment_above(source, statement, _comment(rule, text)),)
    return Finding(rule, source.start(node), name, text, Kind.TODO, edits)


def _comment(rule: str, text: str) -> str:
    return f"# TODO(ptycho-migrate {rule}): {text}; see {page(rule)}"


def comment_above(source: Source, statement: int, comment: str) -> Edit:
    """Return the edit that puts a comment on a line of its own above a statement."""
    start = source.line_start(statement)
    return Edit(start, start, source.indentation(statement) + comment + source.newline, rank=1)


def mentioned(source: Source, rule: str, statement: int) -> bool:
    """Tell whether the comments right above a statement name a rule."""
    above = re.split(r"\r\n|\r|\n", source.text[: source.line_start(statement)])[:-1]
    for line in reversed(above):
        if not line.strip().startswith("#"):
            return False
        if f"ptycho-migrate {rule}" in line:
            return True
    return False


def one_per_statement(findings: Iterable[Finding]) -> list[Finding]:
    """Put what findings of one rule say of one statement into one comment."""
    found = list(findings)
    places: dict[tuple[str, int], list[int]] = {}
    for index, finding in enumerate(found):
        if finding.kind is Kind.TODO and finding.edits:
            places.setdefault((finding.rule, finding.edits[0].start), []).append(index)
    for (rule, _), (first, *others) in places.items():
        (edit,) = found[first].edits
        texts = [found[index].message for index in (first, *others)]
        comment = edit.replacement.replace(_comment(rule, texts[0]), _comment(rule, _joined(texts)))
        found[first] = replace(found[first], edits=(replace(edit, replacement=comment),))
        for index in others:
            found[index] = replace(found[index], edits=())
    return found


def _joined(texts: list[str]) -> str:
    """Say each clause of some texts once, and last what ends them all."""
    parts = [text.split("; ") for text in texts]
    common = [c for c in parts[0][1:] if all(c in clauses for clauses in parts)]
    own = [c for clauses in parts for c in clauses if c not in common]
    return "; ".join(dict.fromkeys([*own, *common]))
