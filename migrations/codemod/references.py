"""Legacy functions as they are reached in a source: by module, by name, stored or read."""

from __future__ import annotations

import ast
from collections.abc import Callable, Collection, Iterator

from .bindings import imports_of, resolve
from .findings import Finding, Kind
from .imports import bind_module, imported_names
from .names import COMPAT, drop_in, drop_in_leaves
from .source import Source
from .text import Edit


def attributes(source: Source) -> Iterator[tuple[ast.Attribute, str]]:
    """Yield every dotted name that surely stands for a legacy function, with that function."""
    leaves = drop_in_leaves()
    for node in source.find(ast.Attribute):
        if node.attr in leaves:
            name = resolve(source, node).name
            if name is not None and drop_in(name) is not None:
                yield node, name


def is_stored(node: ast.Attribute) -> bool:
    """Tell whether a name is assigned to or deleted, rather than read."""
    return not isinstance(node.ctx, ast.Load)


def read_names(source: Source, names: Collection[str]) -> Iterator[tuple[ast.Name, str]]:
    """Yield the names imported from elsewhere that are read, with what they may stand for."""
    leaves = {name.rpartition(".")[2] for name in names}
    bound = {
        alias.asname or alias.name
        for node in source.find(ast.ImportFrom)
        for alias in imported_names(node)
        if alias.name in leaves
    }
    for node in source.find(ast.Name):
        if node.id in bound and isinstance(node.ctx, ast.Load):
            found = sorted(resolve(source, node).names & set(names))
            if found:
                yield node, found[0]


def swap_attributes(source: Source, rule: str, wanted: Callable[[str], bool]) -> Iterator[Finding]:
    """Find the dotted names to swap, with the edits that import what replaces them.

    Parameters
    ----------
    source : Source
        The module.
    rule : str
        Number of the rule that asks.
    wanted : callable
        Which qualified names it is about.

    Yields
    ------
    Finding
        One for each place.
    """
    places = [
        (node, name)
        for node, name in attributes(source)
        if wanted(name) and not is_stored(node) and source.is_placed(node)
    ]
    if not places:
        return
    replaced = [
        i for node, name in places for i in imports_of(source, node, name.rpartition(".")[0])
    ]
    alias, imports = bind_module(source, COMPAT, "compat", [node for node, _ in places], replaced)
    for node, name in places:
        entry = drop_in(name)
        assert entry is not None
        new = f"{alias}.{entry.old.rpartition('.')[2]}"
        edits = (Edit(*source.span(node), new), *imports)
        yield Finding(rule, source.start(node), name, f"is now {new}", Kind.REWRITE, edits)
