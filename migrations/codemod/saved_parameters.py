"""Parameters that are saved, changed and put back: one by one, or all of them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from .bindings import is_builtin, resolve
from .names import parameters
from .parameters import CFG, Access, accesses, is_cfg
from .provenance import candidates, class_around, function_around
from .scopes import FUNCTIONS
from .source import Source, dotted

#: Functions that copy what they are given.
COPIERS = ("copy.copy", "copy.deepcopy")


@dataclass(frozen=True)
class Restore:
    """Parameters that a block saves and puts back.

    Attributes
    ----------
    key : str
        The parameter; `CFG` for all of them.
    first : AST
        Where it is saved.
    nodes : tuple of AST
        Its accesses in that function, or in the module outside functions.
    """

    key: str
    first: ast.AST
    nodes: tuple[ast.AST, ...]


def restores(source: Source) -> list[Restore]:
    """Return each saving of parameters that the file puts back later."""
    return source.once("restores", lambda: [*_single(source), *_collected(source), *_all(source)])


def clearings(source: Source) -> Iterator[ast.Call]:
    """Yield ``params.cfg.clear()``."""
    for call in source.find(ast.Call):
        if isinstance(call.func, ast.Attribute) and call.func.attr == "clear":
            yield from [call] if is_cfg(source, call.func.value) else []


def outermost(source: Source, node: ast.AST) -> ast.AST | None:
    """Return the outermost function or class that holds a node."""
    kinds = (*FUNCTIONS, ast.ClassDef)
    around = [n for n in source.ancestors(node) if isinstance(n, kinds)]
    return around[-1] if around else None


def put_back(source: Source) -> Iterator[ast.AST]:
    """Yield the accesses that write a copy of all parameters back."""
    saved = list(_copies(source))
    for access in accesses(source) if saved else ():
        origins = list(_origins(source, access.node))
        if any(_same(source, copy, node) for copy in saved for node in origins):
            yield access.node


# -- One by one --------------------------------------------------------------------------------


def _single(source: Source) -> Iterator[Restore]:
    """Yield each ``old = params.get(k)``, later followed by ``params.set(k, old)``."""
    for (_, key), group in _by_function(source).items():
        saved: dict[str, Access] = {}
        for access in group:
            if not access.writes:
                saved |= dict.fromkeys(_assigned_to(source, access.node), access)
        written = [a.value.id for a in group if a.writes and isinstance(a.value, ast.Name)]
        back = [saved[name] for name in written if name in saved]
        if back:
            yield Restore(key, back[0].node, tuple(a.node for a in group))


def _by_function(source: Source) -> dict[tuple[ast.AST | None, str], list[Access]]:
    groups: dict[tuple[ast.AST | None, str], list[Access]] = {}
    for access in sorted(accesses(source), key=lambda access: source.start(access.node)):
        if access.key is not None:
            function = function_around(source, access.node)
            groups.setdefault((function, access.key), []).append(access)
    return groups


def _assigned_to(source: Source, node: ast.AST) -> list[str]:
    """Return the names to which the value of an expression is assigned, conditional or not."""
    for above in source.ancestors(node):
        if isinstance(above, ast.Assign):
            return [t.id for t in above.targets if isinstance(t, ast.Name)]
        if not isinstance(above, ast.IfExp):
            break
    return []


def _collected(source: Source) -> Iterator[Restore]:
    """Yield each key of ``olds = {k: params.get(k) for k in keys}``, if ``olds`` is put back."""
    groups = _by_function(source)
    for access in accesses(source):
        made = source.parent(access.node)
        statement = source.parent(made) if made is not None else None
        if not (isinstance(made, ast.DictComp) and made.value is access.node and access.key):
            continue
        if isinstance(statement, ast.Assign) and _is_put_back(source, statement):
            group = groups[function_around(source, access.node), access.key]
            yield Restore(access.key, access.node, tuple(a.node for a in group if not a.writes))


# -- All of them -------------------------------------------------------------------------------


def _all(source: Source) -> Iterator[Restore]:
    """Yield each copy of the dictionary that is put back, by the parameters set with it."""
    for copy in _copies(source):
        if _is_put_back(source, copy):
            for key in _changed_with(source, copy.value) or [CFG]:
                yield Restore(key, copy.value, ())


def _copies(source: Source) -> Iterator[ast.Assign]:
    """Yield ``old = params.cfg.copy()``, and the same by ``dict(...)`` and ``{**params.cfg}``."""
    return (s for s in source.find(ast.Assign) if _is_copy(source, s.value))


def _is_copy(source: Source, node: ast.expr) -> bool:
    match node:
        case ast.Dict(keys=keys, values=found):
            starred = [v for key, v in zip(keys, found, strict=True) if key is None]
            return any(is_cfg(source, value) for value in starred)
        case ast.Call(func=function, args=given):
            if f"{CFG}.copy" in candidates(source, function):
                return True
            copier = is_builtin(source, function, "dict")
            if copier or resolve(source, function).name in COPIERS:
                return bool(given) and is_cfg(source, _dictionary(given[0]))
    return False


def _dictionary(node: ast.expr) -> ast.expr:
    """Return an expression, but of ``dictionary.items()`` the dictionary."""
    match node:
        case ast.Call(func=ast.Attribute(value=owner, attr="items" | "copy")):
            return owner
    return node


def _is_put_back(source: Source, copy: ast.Assign) -> bool:
    """Tell whether what a copy holds is written into the parameters again.

    By ``params.cfg.update(old)``, ``params.cfg = old``, or a loop over it that sets parameters.
    """
    written = [access for access in accesses(source) if access.writes]
    origins = [
        node
        for access in written
        for node in (_origins if access.key is None else _loops)(source, access.node)
    ]
    return any(_same(source, copy, node) for node in origins)


def _origins(source: Source, node: ast.AST) -> Iterator[ast.expr]:
    """Yield what an access puts in: its arguments, its value, and what its loops run over."""
    if isinstance(node, ast.Call):
        yield from map(_dictionary, [*node.args, *(k.value for k in node.keywords)])
    elif isinstance(node, ast.Assign | ast.AugAssign):
        yield node.value
    yield from _loops(source, node)


def _loops(source: Source, node: ast.AST) -> Iterator[ast.expr]:
    for above in source.ancestors(node):
        if isinstance(above, FUNCTIONS):
            break
        if isinstance(above, ast.For):
            yield _dictionary(above.iter)


def _same(source: Source, copy: ast.Assign, node: ast.expr) -> bool:
    """Tell whether an expression is what a copy was assigned to."""
    scope = source.scope(node)
    if isinstance(node, ast.Name):
        bindings = scope.bindings(node.id) if scope is not None else []
        return any(target in bindings for target in copy.targets)
    within = class_around(source, copy) is class_around(source, node)
    return within and dotted(node) != "" and dotted(node) in map(dotted, copy.targets)


def _changed_with(source: Source, node: ast.AST) -> list[str]:
    """Return the parameters that choose how patches are cut and are set in the same place.

    That is the outermost function or class, and the file where a fixture yields.
    """
    outer, known = outermost(source, node), parameters()
    around = [n for n in source.ancestors(node) if isinstance(n, FUNCTIONS)]
    fixture = any(n in around for found in source.find(ast.Yield) for n in source.ancestors(found))
    written = [a for a in accesses(source) if a.writes]
    if outer is not None and not fixture:
        written = [a for a in written if outer in source.ancestors(a.node)]
    return list(dict.fromkeys(a.key for a in written if a.key in known))
