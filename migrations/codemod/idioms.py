"""Parameters that are saved, changed and put back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import libcst as cst

from .names import parameters
from .parameters import CFG, Access, accesses
from .source import Source
from .whole import Copy, copies, is_put_back, outermost


@dataclass(frozen=True)
class Restore:
    """Parameters that a block saves and puts back.

    Attributes
    ----------
    key : str
        The parameter; `CFG` for all of them.
    first : CSTNode
        Where it is saved.
    nodes : tuple of CSTNode
        Its accesses in that function, or in the module outside functions.
    """

    key: str
    first: cst.CSTNode
    nodes: tuple[cst.CSTNode, ...]


def restores(source: Source) -> list[Restore]:
    """Return each saving of parameters that the file puts back later."""
    return source.once("restores", lambda: [*_single(source), *_collected(source), *_whole(source)])


def _single(source: Source) -> Iterator[Restore]:
    """Yield each ``old = params.get(k)``, later followed by ``params.set(k, old)``."""
    for (_, key), group in _by_function(source).items():
        saved: dict[str, Access] = {}
        for access in group:
            if not access.writes:
                saved |= dict.fromkeys(_assigned_to(source, access.node), access)
        written = [a.value.value for a in group if a.writes and isinstance(a.value, cst.Name)]
        back = [saved[name] for name in written if name in saved]
        if back:
            yield Restore(key, back[0].node, tuple(a.node for a in group))


def _by_function(source: Source) -> dict[tuple[cst.CSTNode, str], list[Access]]:
    groups: dict[tuple[cst.CSTNode, str], list[Access]] = {}
    for access in accesses(source):
        if access.key is not None:
            groups.setdefault((_function(source, access.node), access.key), []).append(access)
    for group in groups.values():
        group.sort(key=lambda access: source.span(access.node)[0])
    return groups


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


def _collected(source: Source) -> Iterator[Restore]:
    """Yield each key of ``olds = {k: params.get(k) for k in keys}``, if ``olds`` is put back."""
    groups = _by_function(source)
    for access in accesses(source):
        copy = _comprehension(source, access)
        if access.key is not None and copy is not None and is_put_back(source, copy):
            group = groups[_function(source, access.node), access.key]
            yield Restore(access.key, access.node, tuple(a.node for a in group if not a.writes))


def _comprehension(source: Source, access: Access) -> Copy | None:
    holder = source.parent(access.node)
    statement = source.parent(holder) if holder is not None else None
    made = isinstance(holder, cst.DictComp) and holder.value is access.node
    if made and isinstance(statement, cst.Assign) and not access.writes:
        return Copy(access.node, tuple(t.target for t in statement.targets))
    return None


def _whole(source: Source) -> Iterator[Restore]:
    """Yield each copy of the whole dictionary that is put back, by the parameters set beside."""
    for copy in copies(source):
        if is_put_back(source, copy):
            keys = _changed_beside(source, copy.node)
            yield from (Restore(key, copy.node, ()) for key in keys or [CFG])


def _changed_beside(source: Source, node: cst.CSTNode) -> list[str]:
    """Return the parameters that choose how patches are cut and are set in the same place.

    That is the outermost function or class, and the file where a fixture yields.
    """
    around = [n for n in source.ancestors(node) if isinstance(n, cst.FunctionDef | cst.ClassDef)]
    outer = outermost(source, node)
    fixture = any(
        isinstance(n, cst.FunctionDef) and n in source.ancestors(found)
        for found in source.find(cst.Yield)
        for n in around
    )
    known = parameters()
    written = [a for a in accesses(source) if a.writes]
    if outer is not None and not fixture:
        written = [a for a in written if outer in source.ancestors(a.node)]
    return list(dict.fromkeys(a.key for a in written if a.key in known))
