"""Uses of the drop-ins of `ptycho_engine.compat`: found for the status, never changed."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from .findings import Finding, Kind, Rule
from .imports import imported_names
from .names import COMPAT, drop_in_leaves
from .source import Source, dotted


def check(source: Source) -> Iterator[Finding]:
    """Find ``from ptycho_engine.compat import translate`` and ``compat.translate``."""
    leaves = drop_in_leaves()
    for node in source.find(cst.ImportFrom):
        if dotted(node.module) == COMPAT and not node.relative:
            for alias in imported_names(node):
                if dotted(alias.name) in leaves:
                    yield _use(source, node, f"{COMPAT}.{dotted(alias.name)}")
    for attribute in source.find(cst.Attribute):
        name = source.resolve(attribute).name
        if attribute.attr.value in leaves and name == f"{COMPAT}.{attribute.attr.value}":
            yield _use(source, attribute, name)


def _use(source: Source, node: cst.CSTNode, name: str) -> Finding:
    return Finding("", source.span(node)[0], name, "a drop-in", Kind.NOTE)


USES = Rule("", "uses of the drop-ins", check, ("status",))
