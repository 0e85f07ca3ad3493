"""Binding a module of the engine to a free name, once, at the top level of a source."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import libcst as cst

from .imports import add_after, imported_names
from .source import Import, Source, dotted
from .text import Edit


def bind_module(
    source: Source, target: str, wanted: str, uses: Sequence[cst.CSTNode], beside: Sequence[Import]
) -> tuple[str, tuple[Edit, ...]]:
    """Choose the name of a module, and import it if nothing does yet.

    At the top level, because an import inside a function would hide the name from what stands
    before it there.

    Parameters
    ----------
    source : Source
        The module to be changed.
    target : str
        The module to import, for instance ``ptycho_engine.compat``.
    wanted : str
        The name to bind it to, if that is free.
    uses : sequence of CSTNode
        Where the name will be used.
    beside : sequence of Import
        The imports of what is replaced.

    Returns
    -------
    str
        The name, which is bound to nothing else anywhere.
    tuple of Edit
        What imports it; empty if it is imported already.
    """
    first = min(source.span(node)[0] for node in uses)
    imports: list[Import] = [*source.find(cst.Import), *source.find(cst.ImportFrom)]
    for node in imports:
        if at_top(source, node) and source.span(node)[0] < first:
            name = _bound_to(node, target)
            if name is not None and source.survey.bound[name] == 1:
                return name, ()
    names = itertools.chain(
        [wanted, f"engine_{wanted}"], (f"{wanted}_{n}" for n in itertools.count(2))
    )
    name = next(n for n in names if not source.survey.knows(n))
    package, _, leaf = target.rpartition(".")
    statement = f"from {package} import {leaf}" if package else f"import {target}"
    statement += "" if name == leaf else f" as {name}"
    return name, (_place(source, beside or (), first, statement),)


def at_top(source: Source, node: cst.CSTNode) -> bool:
    """Tell whether a small statement stands at the top level, outside any block."""
    line = source.parent(node)
    return isinstance(line, cst.SimpleStatementLine) and source.parent(line) is source.module


def _bound_to(node: Import, target: str) -> str | None:
    """Return the name by which a statement binds a module, if it does."""
    prefix = ""
    if isinstance(node, cst.ImportFrom):
        if node.relative:
            return None
        prefix = f"{dotted(node.module)}."
    aliases = imported_names(node) if isinstance(node, cst.ImportFrom) else node.names
    for alias in aliases:
        if prefix + dotted(alias.name) == target:
            if alias.asname is not None:
                return dotted(alias.asname.name) or None
            if "." not in dotted(alias.name):
                return dotted(alias.name)
    return None


def _place(source: Source, beside: Sequence[Import], first: int, statement: str) -> Edit:
    """Put a statement beside the first of some imports, or into the block of imports on top."""
    body = source.module.body
    last_on_top = _last_on_top(body)
    holders = {_top_statement(source, node) for node in beside} - {None}
    earliest = min(
        (s for s in holders if s is not None), key=lambda s: source.span(s)[0], default=None
    )
    if earliest is not None and _is_import(earliest):
        direct = [n for n in beside if _top_statement(source, n) is earliest]
        if source.span(earliest)[0] < first:
            return add_after(source, direct[-1], statement)
    if last_on_top is not None and source.span(last_on_top)[0] < first:
        (*_, node) = last_on_top.body
        assert isinstance(node, cst.Import | cst.ImportFrom)
        return add_after(source, node, statement)
    target = next(s for s in body if not _is_docstring(s))
    return _above(source, target, statement)


def _last_on_top(body: Sequence[cst.CSTNode]) -> cst.SimpleStatementLine | None:
    """Return the last import of those that open a module."""
    last = None
    for index, statement in enumerate(body):
        if isinstance(statement, cst.SimpleStatementLine) and _is_import(statement):
            last = statement
        elif not (index == 0 and _is_docstring(statement)):
            break
    return last


def _is_import(statement: cst.CSTNode) -> bool:
    return isinstance(statement, cst.SimpleStatementLine) and isinstance(
        statement.body[-1], cst.Import | cst.ImportFrom
    )


def _is_docstring(statement: cst.CSTNode) -> bool:
    return (
        isinstance(statement, cst.SimpleStatementLine)
        and isinstance(statement.body[0], cst.Expr)
        and isinstance(statement.body[0].value, cst.BaseString)
    )


def _top_statement(source: Source, node: cst.CSTNode) -> cst.CSTNode | None:
    chain = [node, *source.ancestors(node)]
    return chain[-2] if len(chain) > 1 else None


def _above(source: Source, statement: cst.CSTNode, text: str) -> Edit:
    """Put a line above a statement and the comments on it, but below those that open the file."""
    start = source.line_start(source.statement(statement))
    comments = start
    while comments > 0:
        above = source.line_start(comments - 1)
        if source.text[comments - 2 : comments] == "\r\n":
            above = source.line_start(comments - 2)
        if not source.text[above:comments].lstrip().startswith("#"):
            break
        comments = above
    place = start if comments == 0 else comments
    return Edit(place, place, text + source.newline)
