"""Swapping ``module.function`` for ``compat.function``."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import libcst as cst

from .findings import Finding, Kind
from .names import COMPAT, drop_in, drop_in_leaves
from .new_imports import bind_module
from .source import Source, dotted
from .text import Edit


def is_stored(source: Source, node: cst.CSTNode) -> bool:
    """Tell whether a name is assigned to or deleted, rather than read."""
    parent = source.parent(node)
    return isinstance(parent, cst.AssignTarget | cst.Del) or (
        isinstance(parent, cst.AnnAssign | cst.AugAssign) and parent.target is node
    )


def attributes(source: Source) -> Iterator[tuple[cst.Attribute, str]]:
    """Yield every dotted name that surely stands for a legacy function, with that function."""
    leaves = drop_in_leaves()
    for node in source.find(cst.Attribute):
        if node.attr.value in leaves and dotted(node):
            name = source.resolve(node).name
            if name is not None and drop_in(name) is not None:
                yield node, name


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
        if wanted(name) and not is_stored(source, node)
    ]
    if not places:
        return
    beside = [i for node, name in places for i in source.bindings(node, name.rpartition(".")[0])]
    alias, imports = bind_module(source, COMPAT, "compat", [node for node, _ in places], beside)
    for node, name in places:
        entry = drop_in(name)
        assert entry is not None
        new = f"{alias}.{entry.old.rpartition('.')[2]}"
        edits = (Edit(*_bare_span(source, node), new), *imports)
        yield Finding(rule, source.span(node)[0], name, f"is now {new}", Kind.REWRITE, edits)


def _bare_span(source: Source, node: cst.Attribute) -> tuple[int, int]:
    """Return the range of a dotted name without the parentheses around it."""
    root: cst.BaseExpression = node
    while isinstance(root, cst.Attribute):
        root = root.value
    return source.span(root)[0], source.span(node.attr)[1]
