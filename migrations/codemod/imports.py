"""Edits of import statements."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import libcst as cst

from .source import Import, Source, dotted
from .text import Edit, line_end


def imported_names(node: cst.ImportFrom) -> list[cst.ImportAlias]:
    """Return the names of ``from m import a, b``; none for a star."""
    return [] if isinstance(node.names, cst.ImportStar) else list(node.names)


def move_names(source: Source, node: cst.ImportFrom, moved: Mapping[str, str]) -> list[Edit]:
    """Import some names of a statement from elsewhere.

    Parameters
    ----------
    source : Source
        The module.
    node : ImportFrom
        The statement.
    moved : mapping of str to str
        New qualified name by imported name; all in one module. Names that are not among them
        stay where they are.

    Returns
    -------
    list of Edit
        Of one statement, or a second one behind it where some names stay.
    """
    aliases = imported_names(node)
    going = [a for a in aliases if dotted(a.name) in moved]
    module = next(iter(moved.values())).rpartition(".")[0]
    if len(going) == len(aliases) and node.module is not None:
        edits = [Edit(*source.span(node.module), module)]
        for alias in going:
            old, new = dotted(alias.name), moved[dotted(alias.name)].rpartition(".")[2]
            if old != new:
                suffix = "" if alias.asname else f" as {old}"
                edits.append(Edit(*source.span(alias.name), new + suffix))
        return edits
    names = ", ".join(_renamed(source, alias, moved) for alias in going)
    return [
        remove_names(source, node, set(moved)),
        add_after(source, node, f"from {module} import {names}", _comments(source, going)),
    ]


def remove_names(source: Source, node: cst.ImportFrom, gone: set[str]) -> Edit:
    """Take names out of a statement that keeps others."""
    aliases = imported_names(node)
    kept = [a for a in aliases if dotted(a.name) not in gone]
    if kept[-1] is not aliases[-1]:
        kept[-1] = _last(source, kept[-1], aliases[-1])
    bare = node.with_changes(names=kept, semicolon=cst.MaybeSentinel.DEFAULT)
    code = _indented(source, node, source.module.code_for_node(bare))
    return Edit(*source.span(node), code)


def _last(source: Source, alias: cst.ImportAlias, before: cst.ImportAlias) -> cst.ImportAlias:
    """Put a name in the place of the last one: what follows its comma is the end of the list."""
    if not _comments(source, [alias]):
        return alias.with_changes(comma=before.comma)
    end = getattr(before.comma, "whitespace_after", None)
    if not isinstance(alias.comma, cst.Comma) or not isinstance(end, cst.ParenthesizedWhitespace):
        return alias
    space = alias.comma.whitespace_after
    if not isinstance(space, cst.ParenthesizedWhitespace):
        return alias
    space = space.with_changes(indent=end.indent, last_line=end.last_line)
    return alias.with_changes(comma=alias.comma.with_changes(whitespace_after=space))


def _indented(source: Source, node: cst.ImportFrom, code: str) -> str:
    """Give the lines of a statement the indentation of its block, which libcst does not know."""
    first, *lines = code.splitlines(keepends=True)
    blanks = source.indentation(source.statement(node))
    before = [line for line in source.code(node).splitlines()[1:] if line.strip()]
    if not all(line.startswith(blanks) for line in before):
        return code
    return first + "".join(blanks + line if line.strip() else line for line in lines)


def _renamed(source: Source, alias: cst.ImportAlias, moved: Mapping[str, str]) -> str:
    old = dotted(alias.name)
    new = moved[old].rpartition(".")[2]
    name = alias.asname.name if alias.asname else None
    bound = name.value if isinstance(name, cst.Name) else old
    return new if new == bound else f"{new} as {bound}"


def _comments(source: Source, aliases: Iterable[cst.ImportAlias]) -> str:
    """Return the comments behind the commas of some names, so that none is lost."""
    code = "".join(
        source.module.code_for_node(a.comma) for a in aliases if isinstance(a.comma, cst.Comma)
    )
    found = re.findall(r"#[^\r\n]*", code)
    return "".join(f"  {comment}" for comment in found)


def add_after(source: Source, node: Import, statement: str, comment: str = "") -> Edit:
    """Return the edit that puts a statement behind an import, in the same block."""
    start, stop = source.span(node)
    line = source.parent(node)
    if isinstance(line, cst.SimpleStatementLine) and len(line.body) == 1:
        end = line_end(source.text, stop)
        added = source.newline + source.indentation(start) + statement + comment
        return Edit(end, end, added)
    return Edit(stop, stop, f"; {statement}")
