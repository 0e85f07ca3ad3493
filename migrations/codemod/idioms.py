"""Parameters that are saved, changed and put back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import libcst as cst

from .parameters import Access, accesses
from .source import Source


@dataclass(frozen=True)
class Restore:
    """A parameter that a block saves and puts back.

    Attributes
    ----------
    key : str
        The parameter.
    first : CSTNode
        Where it is saved.
    nodes : tuple of CSTNode
        Its accesses in that function, or in the module outside functions.
    """

    key: str
    first: cst.CSTNode
    nodes: tuple[cst.CSTNode, ...]


def restores(source: Source) -> Iterator[Restore]:
    """Yield each ``old = params.get(k)``, later followed by ``params.set(k, old)``."""
    groups: dict[tuple[cst.CSTNode, str], list[Access]] = {}
    for access in accesses(source):
        if access.key is not None:
            groups.setdefault((_function(source, access.node), access.key), []).append(access)
    for (_, key), group in groups.items():
        group.sort(key=lambda access: source.span(access.node)[0])
        saved: dict[str, Access] = {}
        for access in group:
            if not access.writes:
                saved |= dict.fromkeys(_assigned_to(source, access.node), access)
        written = [a.value.value for a in group if a.writes and isinstance(a.value, cst.Name)]
        back = [saved[name] for name in written if name in saved]
        if back:
            yield Restore(key, back[0].node, tuple(a.node for a in group))


def _function(source: Source, node: cst.CSTNode) -> cst.CSTNode:
    inside = (n for n in source.ancestors(node) if isinstance(n, cst.FunctionDef))
    return next(inside, source.module)


def _assigned_to(source: Source, node: cst.CSTNode) -> list[str]:
    """Return the names to which the value of an expression is assigned, conditional or not."""
    for above in source.ancestors(node):
        if isinstance(above, cst.Assign):
            targets = [t.target for t in above.targets]
            return [t.value for t in targets if isinstance(t, cst.Name)]
        if not isinstance(above, cst.IfExp):
            break
    return []
