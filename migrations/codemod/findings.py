"""What a rule finds, and the form every rule has."""

from __future__ import annotations

import ast
import itertools
import re
import textwrap
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from .source import Source
from .text import Edit, newline_of

LEVELS = ("shim", "native")
#: The columns of a comment.
WIDTH = 99
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


def todo(source: Source, rule: str, node: ast.AST, name: str, text: str) -> Finding:
    """Make a finding that is left to the reader, with a comment above its statement.

    Without an edit if the comment stands there already; a note once the reader took its TODO away.
    """
    statement = source.statement(node)
    edits: tuple[Edit, ...] = ()
    kind = Kind.TODO
    if not mentioned(source, rule, statement):
        edits = (comment_above(source, statement, _todo_text(rule, text)),)
    elif f"TODO(ptycho-migrate {rule})" not in "".join(_comments_above(source, statement)):
        kind = Kind.NOTE
    return Finding(rule, source.start(node), name, text, kind, edits)


def _todo_text(rule: str, text: str) -> str:
    return f"TODO(ptycho-migrate {rule}): {text}; see ptycho-migrate explain {rule}"


def comment_above(source: Source, statement: int, text: str) -> Edit:
    """Return the edit that puts a comment on lines of its own above a statement."""
    start = source.line_start(statement)
    lines = _wrapped(text, source.indentation(statement), source.newline)
    return Edit(start, start, lines, rank=1)


def _wrapped(text: str, indentation: str, newline: str) -> str:
    # Further left where a name would not fit behind the indentation.
    room = min(WIDTH // 2, WIDTH - len("#   ") - max(map(len, text.split())))
    if len(indentation.expandtabs()) > room:
        indentation = " " * max(room, 0)
    width = WIDTH - len(indentation.expandtabs())
    lines = textwrap.wrap(
        text,
        width,
        initial_indent="# ",
        subsequent_indent="#   ",
        break_long_words=False,
        break_on_hyphens=False,
    )
    return "".join(f"{indentation}{line}{newline}" for line in lines)


def mentioned(source: Source, rule: str, statement: int) -> bool:
    """Tell whether the comments right above a statement name a rule."""
    names = re.compile(rf"ptycho-migrate (explain )?{rule}\b")
    return any(names.search(line) for line in _comments_above(source, statement))


def _comments_above(source: Source, statement: int) -> list[str]:
    """Return the comments right above a statement, the nearest first."""
    above = re.split(r"\r\n|\r|\n", source.text[: source.line_start(statement)])[:-1]
    return list(itertools.takewhile(lambda line: line.strip().startswith("#"), reversed(above)))


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
        indentation = edit.replacement.partition("#")[0]
        newline = newline_of(edit.replacement)
        comment = _wrapped(_todo_text(rule, _joined(texts)), indentation, newline)
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
