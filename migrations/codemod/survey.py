"""What a module holds, by Python's own parser: quick, so that libcst sees only what matters."""

from __future__ import annotations

import ast
import itertools
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from .names import GROUPING_METHOD, drop_in_leaves, parameters, variables
from .text import NEWLINE, line_starts


@dataclass
class Statement:
    """Names and strings of one statement of the top level.

    Attributes
    ----------
    first, last : int
        Its lines, from 1.
    is_import : bool
        Whether it is an import itself.
    names : set of str
        Every identifier bound or looked up in it.
    strings : set of str
        Every string in it.
    legacy : set of str
        Names that it imports from a package whose name begins with ``ptycho``.
    calls_method : bool
        Whether the legacy method is in it.
    """

    first: int
    last: int
    is_import: bool
    names: set[str] = field(default_factory=set)
    strings: set[str] = field(default_factory=set)
    legacy: set[str] = field(default_factory=set)
    calls_method: bool = False


@dataclass(frozen=True)
class Survey:
    """The top level of a module.

    Attributes
    ----------
    statements : list of Statement
        Its statements.
    bound : Counter of str
        How often each name is bound, in any scope.
    """

    statements: list[Statement]
    bound: Counter[str]

    def knows(self, name: str) -> bool:
        """Tell whether an identifier occurs anywhere; attributes and keywords are none."""
        return any(name in statement.names for statement in self.statements)


def survey(tree: ast.Module) -> Survey:
    """Look at every statement of a module."""
    bound: Counter[str] = Counter()
    statements = []
    for node in tree.body:
        decorators = [d.lineno for d in getattr(node, "decorator_list", [])]
        statement = Statement(
            min([node.lineno, *decorators]),
            node.end_lineno or node.lineno,
            isinstance(node, ast.Import | ast.ImportFrom),
        )
        for part in ast.walk(node):
            if isinstance(part, ast.Constant):
                if isinstance(part.value, str):
                    statement.strings.add(part.value)
                continue
            binding = set(_bound_by(part))
            bound.update(binding)
            statement.names |= binding
            if isinstance(part, ast.Name):
                statement.names.add(part.id)
            elif isinstance(part, ast.Attribute):
                statement.calls_method |= part.attr == GROUPING_METHOD
            elif isinstance(part, ast.Import | ast.ImportFrom):
                statement.legacy |= _legacy(part)
        statements.append(statement)
    return Survey(statements, bound)


def _bound_by(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Name):
        if not isinstance(node.ctx, ast.Load):
            yield node.id
    elif isinstance(node, ast.arg):
        yield node.arg
    elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield node.name
    elif isinstance(node, ast.alias):
        yield node.asname or node.name.partition(".")[0]
    elif isinstance(node, ast.Global | ast.Nonlocal):
        yield from node.names
    elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar):
        if node.name is not None:
            yield node.name
    elif isinstance(node, ast.MatchMapping) and node.rest is not None:
        yield node.rest


def _legacy(node: ast.Import | ast.ImportFrom) -> set[str]:
    if isinstance(node, ast.ImportFrom):
        if node.level or not (node.module or "").startswith("ptycho"):
            return set()
        return set().union(*map(_bound_by, node.names))
    return {name for a in node.names if a.name.startswith("ptycho") for name in _bound_by(a)}


def reduce_text(text: str, found: Survey) -> str:
    """Comment out the statements that can have nothing to do with a legacy name.

    Parameters
    ----------
    text : str
        Source of the module.
    found : Survey
        What is in it.

    Returns
    -------
    str
        A source of the same length, in which every other character stays at its place.
    """
    if any(s.calls_method for s in found.statements):
        return text  # whatever binds the object may tell what it is
    legacy = set().union(*(s.legacy for s in found.statements)) | drop_in_leaves()
    strings = {*parameters(), *variables()}
    kept: set[int] = set()
    for s in found.statements:
        if (
            s.is_import
            or s.names & legacy
            or s.strings & strings
            or any(string.startswith("ptycho.") for string in s.strings)
        ):
            kept.update(range(s.first, s.last + 1))
    # Statements that share a line stay or go together, in either direction.
    for s in [*found.statements, *reversed(found.statements)]:
        if s.first in kept or s.last in kept:
            kept.update(range(s.first, s.last + 1))
    gone = {n for s in found.statements for n in range(s.first, s.last + 1)} - kept
    starts = [*line_starts(text), len(text)]
    lines = [text[a:b] for a, b in itertools.pairwise(starts)]
    return "".join(
        _commented(line) if number in gone else line for number, line in enumerate(lines, 1)
    )


def _commented(line: str) -> str:
    newline = NEWLINE.search(line)
    end = newline.start() if newline else len(line)
    return "#" * end + line[end:]  # blanks alone would not survive libcst
