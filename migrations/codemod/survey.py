"""What a module holds, by Python's own parser: quick, so that libcst sees only what matters."""

from __future__ import annotations

import ast
import itertools
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from .names import GROUPING_METHOD, drop_in_leaves, parameters, plugins, variables
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
    spelt : set of str
        Every attribute and keyword in it.
    renamed : dict of str to str
        Names bound to plain names in it, by theirs: ``new = old``.
    """

    first: int
    last: int
    is_import: bool
    names: set[str] = field(default_factory=set)
    strings: set[str] = field(default_factory=set)
    legacy: set[str] = field(default_factory=set)
    spelt: set[str] = field(default_factory=set)
    renamed: dict[str, str] = field(default_factory=dict)


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
                statement.spelt.add(part.attr)
            elif isinstance(part, ast.keyword):
                statement.spelt.add(part.arg or "")
            elif isinstance(part, ast.Assign):
                statement.renamed |= _renamed(part)
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


def _renamed(node: ast.Assign) -> dict[str, str]:
    value = node.value
    if isinstance(value, ast.Call) and value.args:
        value = value.args[0]
    elif isinstance(value, ast.Subscript):
        value = value.slice
    if isinstance(value, ast.Constant):  # perhaps a module by its name
        root = str(value.value).partition(".")[0]
    else:
        value = node.value
        while isinstance(value, ast.Attribute):
            value = value.value
        root = value.id if isinstance(value, ast.Name) else ""
    return {t.id: root for t in node.targets if isinstance(t, ast.Name) and root}


def reduce_text(text: str, found: Survey, more: Iterable[str] = ()) -> str:
    """Comment out the statements that can have nothing to do with a legacy name.

    Parameters
    ----------
    text : str
        Source of the module.
    found : Survey
        What is in it.
    more : iterable of str
        Names whose statements matter too.

    Returns
    -------
    str
        A source of the same length, in which every other character stays at its place.
    """
    methods = {GROUPING_METHOD, *parameters()}
    if any(s.spelt & methods for s in found.statements):
        return text  # whatever binds the object may tell what it is
    legacy = _legacy_names(found).union(more)
    spelt = drop_in_leaves() | variables().keys()
    kept: set[int] = set()
    for s in found.statements:
        if s.is_import or s.names & legacy or s.spelt & spelt or any(map(_may_matter, s.strings)):
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


def _legacy_names(found: Survey) -> set[str]:
    """Return the names that legacy modules and what they hold may have."""
    legacy = set().union(*(s.legacy for s in found.statements)) | drop_in_leaves() | {"ptycho"}
    renamed = [pair for s in found.statements for pair in s.renamed.items()]
    while more := {new for new, old in renamed if old in legacy} - legacy:
        legacy |= more
    return legacy


def _may_matter(string: str) -> bool:
    return (
        string in parameters()
        or string in drop_in_leaves()
        or string in plugins()
        or string == "ptycho"
        or string.startswith("ptycho.")
        or any(name in string for name in variables())
    )


def _commented(line: str) -> str:
    newline = NEWLINE.search(line)
    end = newline.start() if newline else len(line)
    return "#" * end + line[end:]  # blanks alone would not survive libcst
