"""The dictionary of parameters as a whole: copied, emptied, put back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import libcst as cst
from libcst.metadata import Assignment

from .aliases import candidates, class_around
from .parameters import CFG, Access, accesses, is_cfg
from .source import Source, dotted
from .values import is_builtin

#: Functions that copy what they are given.
COPIERS = ("copy.copy", "copy.deepcopy")


@dataclass(frozen=True)
class Copy:
    """A copy of parameters that has a name.

    Attributes
    ----------
    node : CSTNode
        What makes it.
    targets : tuple of BaseExpression
        What it is assigned to.
    """

    node: cst.CSTNode
    targets: tuple[cst.BaseExpression, ...]


def copies(source: Source) -> Iterator[Copy]:
    """Yield ``old = params.cfg.copy()``, and the same by ``dict(...)`` and ``{**params.cfg}``."""
    for statement in source.find(cst.Assign):
        if _is_copy(source, statement.value):
            yield Copy(statement.value, tuple(t.target for t in statement.targets))


def clearings(source: Source) -> Iterator[cst.Call]:
    """Yield ``params.cfg.clear()``."""
    for call in source.find(cst.Call):
        if isinstance(call.func, cst.Attribute) and call.func.attr.value == "clear":
            yield from [call] if is_cfg(source, call.func.value) else []


def outermost(source: Source, node: cst.CSTNode) -> cst.CSTNode | None:
    """Return the outermost function or class that holds a node."""
    around = [n for n in source.ancestors(node) if isinstance(n, cst.FunctionDef | cst.ClassDef)]
    return around[-1] if around else None


def _is_copy(source: Source, node: cst.BaseExpression) -> bool:
    if isinstance(node, cst.Dict):
        starred = [e for e in node.elements if isinstance(e, cst.StarredDictElement)]
        return any(is_cfg(source, e.value) for e in starred)
    if not isinstance(node, cst.Call):
        return False
    if f"{CFG}.copy" in candidates(source, node.func):
        return True
    copier = is_builtin(source, node.func, "dict") or (
        bool(dotted(node.func)) and source.resolve(node.func).name in COPIERS
    )
    return copier and bool(node.args) and any(is_cfg(source, n) for n in _within(node.args[0]))


def _within(argument: cst.Arg) -> list[cst.BaseExpression]:
    """Return an argument, and the dictionary in ``dictionary.items()``."""
    value = argument.value
    if isinstance(value, cst.Call) and isinstance(value.func, cst.Attribute):
        return [value.func.value] if value.func.attr.value in ("items", "copy") else []
    return [value]


def is_put_back(source: Source, copy: Copy) -> bool:
    """Tell whether what a copy holds is written into the parameters again.

    By ``params.cfg.update(old)``, ``params.cfg = old``, or a loop over it that sets parameters.
    """
    return any(_same(source, copy, node) for node in _written(source))


def is_whole(source: Source, access: Access) -> bool:
    """Tell whether an access puts a copy back, which another rule speaks about."""
    saved = source.once("copies", lambda: list(copies(source)))
    back = list(_origins(source, access.node)) if saved else []
    return any(_same(source, copy, node) for copy in saved for node in back)


def _written(source: Source) -> list[cst.BaseExpression]:
    """Return what is written into the parameters as a whole."""
    return source.once("written", lambda: list(_find_written(source)))


def _find_written(source: Source) -> Iterator[cst.BaseExpression]:
    for access in accesses(source):
        if access.writes and access.key is None:
            yield from _origins(source, access.node)
        elif access.writes:
            yield from _loops(source, access.node)


def _origins(source: Source, node: cst.CSTNode) -> Iterator[cst.BaseExpression]:
    if isinstance(node, cst.Call):
        for argument in node.args:
            yield from _within(argument)
    elif isinstance(node, cst.Assign | cst.AugAssign):
        yield node.value
    yield from _loops(source, node)


def _loops(source: Source, node: cst.CSTNode) -> Iterator[cst.BaseExpression]:
    """Yield what the loops around a node run over."""
    for above in source.ancestors(node):
        if isinstance(above, cst.FunctionDef):
            break
        if isinstance(above, cst.For):
            yield from _within(cst.Arg(above.iter))


def _same(source: Source, copy: Copy, node: cst.BaseExpression) -> bool:
    """Tell whether an expression is what a copy was assigned to."""
    if isinstance(node, cst.Name):
        scope = source.scope(node)
        found = scope[node.value] if scope is not None else ()
        return any(isinstance(a, Assignment) and a.node in copy.targets for a in found)
    for target in copy.targets:
        if isinstance(target, cst.Attribute) and dotted(target) == dotted(node) != "":
            return class_around(source, target) is class_around(source, node)
    return False
