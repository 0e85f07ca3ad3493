"""Where names imported from elsewhere are read."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

import libcst as cst

from .attributes import is_stored
from .imports import imported_names
from .names import COMPAT
from .source import Source, dotted


@dataclass(frozen=True)
class Reference:
    """A name or dotted name that is read.

    Attributes
    ----------
    node : Name or Attribute
        Where it stands.
    name : str
        What it stands for, or may.
    certain : bool
        Whether nothing else can be meant.
    """

    node: cst.Name | cst.Attribute
    name: str
    certain: bool


def references(source: Source, names: Collection[str]) -> Iterator[Reference]:
    """Yield the places that read one of some qualified names.

    Parameters
    ----------
    source : Source
        The module.
    names : collection of str
        The qualified names.

    Yields
    ------
    Reference
        Names first, then dotted names; of these none that are PE010's.
    """
    leaves = {name.rpartition(".")[2] for name in names}
    bound = {
        dotted(alias.asname.name if alias.asname else alias.name)
        for node in source.find(cst.ImportFrom)
        for alias in imported_names(node)
        if dotted(alias.name) in leaves
    }
    for node in source.find(cst.Name):
        if node.value in bound and not _is_part(source, node):
            yield from _reference(source, node, names)
    for attribute in source.find(cst.Attribute):
        if attribute.attr.value in leaves and dotted(attribute):
            for found in _reference(source, attribute, names):
                if found.certain or found.name.startswith(COMPAT):
                    yield found


def _reference(
    source: Source, node: cst.Name | cst.Attribute, names: Collection[str]
) -> Iterator[Reference]:
    resolution = source.resolve(node)
    found = sorted(resolution.names & set(names))
    if found and not is_stored(source, node):
        yield Reference(node, found[0], resolution.is_one_of(names))


def _is_part(source: Source, node: cst.Name) -> bool:
    """Tell whether an identifier is no expression: bound, a keyword, or behind a dot."""
    parent = source.parent(node)
    if isinstance(parent, cst.Attribute):
        return parent.attr is node
    if isinstance(parent, cst.Arg):
        return parent.keyword is node
    return isinstance(parent, cst.ImportAlias | cst.AsName | cst.NameItem) or (
        isinstance(parent, cst.Param | cst.FunctionDef | cst.ClassDef) and parent.name is node
    )
