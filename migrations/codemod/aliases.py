"""What an expression may stand for, through other names and dynamic imports."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from .source import Source, dotted, literal
from .values import is_builtin, values

#: Functions that return the module their first argument names.
IMPORTERS = ("importlib.import_module", "pytest.importorskip", "sys.modules.get")


def candidates(source: Source, node: cst.CSTNode) -> frozenset[str]:
    """Return the dotted names that an expression may stand for.

    Parameters
    ----------
    source : Source
        The module.
    node : CSTNode
        A name, a dotted name, or what yields a module: ``import_module("ptycho.raw_data")``.

    Returns
    -------
    frozenset of str
        By imports, by assignments of what they bring, by defaults and loops over it. Empty for
        what a call returns.
    """
    return frozenset(_follow(source, node, set()))


def candidates_of(source: Source, place: cst.CSTNode, name: str) -> frozenset[str]:
    """Return the dotted names that a name may stand for at a place where it does not occur."""
    scope = source.scope(place)
    found = set() if scope is None else {n.name for n in scope.get_qualified_names_for(name)}
    local = cst.Name(name)
    for value in values(source, local, scope):
        found |= candidates(source, value) if value is not None else set()
    return frozenset(found)


def _follow(source: Source, node: cst.CSTNode, seen: set[cst.CSTNode]) -> Iterator[str]:
    if node in seen:
        return
    seen.add(node)
    if dotted(node):
        yield from source.resolve(node).names
    if isinstance(node, cst.Attribute):
        for name in _follow(source, node.value, seen):
            yield f"{name}.{node.attr.value}"
        for value in _members(source, node):
            yield from _follow(source, value, seen)
    elif isinstance(node, cst.Name):
        for found in values(source, node):
            if found is not None:
                yield from _follow(source, found, seen)
    elif isinstance(node, cst.IfExp):
        yield from _follow(source, node.body, seen)
        yield from _follow(source, node.orelse, seen)
    elif isinstance(node, cst.BooleanOperation):
        yield from _follow(source, node.left, seen)
        yield from _follow(source, node.right, seen)
    elif isinstance(node, cst.NamedExpr):
        yield from _follow(source, node.value, seen)
    elif isinstance(node, cst.Subscript):
        index = node.slice[0].slice
        if isinstance(index, cst.Index) and _is(source, node.value, "sys.modules"):
            yield from _text(index.value)
    elif isinstance(node, cst.Call):
        yield from _returned(source, node, seen)


def _returned(source: Source, call: cst.Call, seen: set[cst.CSTNode]) -> Iterator[str]:
    arguments = [a.value for a in call.args if a.keyword is None and not a.star]
    if not arguments:
        return
    if is_builtin(source, call.func, "getattr") and len(arguments) > 1:
        for leaf in _text(arguments[1]):
            yield from (f"{name}.{leaf}" for name in _follow(source, arguments[0], seen))
    elif is_builtin(source, call.func, "__import__"):
        keywords = {a.keyword.value for a in call.args if a.keyword is not None}
        whole = "fromlist" in keywords or len(arguments) > 3
        yield from (t if whole else t.partition(".")[0] for t in _text(arguments[0]))
    elif any(_is(source, call.func, name) for name in IMPORTERS):
        package = next(_text(arguments[1]), "") if len(arguments) > 1 else ""
        for name in _text(arguments[0]):
            yield package + name if name.startswith(".") else name
    elif _is(source, call.func, "importlib.reload"):
        yield from _follow(source, arguments[0], seen)


def _is(source: Source, node: cst.CSTNode, name: str) -> bool:
    return bool(dotted(node)) and source.resolve(node).name == name


def _text(node: cst.CSTNode) -> Iterator[str]:
    value = literal(node)
    if isinstance(value, str):
        yield value


def _members(source: Source, node: cst.Attribute) -> Iterator[cst.BaseExpression]:
    """Yield what ``self.name`` is assigned in the class around it."""
    if dotted(node.value) not in ("self", "cls"):
        return
    owner = class_around(source, node)
    for target in source.find(cst.AssignTarget) if owner is not None else ():
        statement = source.parent(target)
        own = dotted(target.target) in (dotted(node), node.attr.value)
        if own and isinstance(statement, cst.Assign) and class_around(source, target) is owner:
            within = isinstance(target.target, cst.Attribute) or _in_body(source, target, owner)
            if within:
                yield statement.value


def _in_body(source: Source, node: cst.CSTNode, owner: cst.CSTNode | None) -> bool:
    around = source.ancestors(node)
    return next(n for n in around if isinstance(n, cst.FunctionDef | cst.ClassDef)) is owner


def class_around(source: Source, node: cst.CSTNode) -> cst.CSTNode | None:
    """Return the innermost class that holds a node."""
    return next((n for n in source.ancestors(node) if isinstance(n, cst.ClassDef)), None)
