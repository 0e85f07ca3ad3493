"""What stands in a file for the values that names have: assignments, defaults, loops."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import libcst as cst
from libcst.metadata import Assignment, Scope

from .source import Source, literal

Sequence = cst.Tuple | cst.List | cst.Set
Value = cst.BaseExpression | None
#: Names, by scope, and nodes that were followed already: names may lead in circles.
Seen = set[object]


@dataclass(frozen=True)
class Entry:
    """One entry of a dictionary that stands in the file.

    Attributes
    ----------
    node : CSTNode
        The entry.
    key, value : BaseExpression
        Its two halves; the key of a keyword is its name.
    """

    node: cst.CSTNode
    key: cst.BaseExpression
    value: cst.BaseExpression

    @property
    def name(self) -> str | None:
        """The key, if it is a string that stands here."""
        if isinstance(self.node, cst.Arg):
            return self.key.value if isinstance(self.key, cst.Name) else None
        found = literal(self.key)
        return found if isinstance(found, str) else None


def values(source: Source, name: cst.Name, scope: Scope | None = None) -> list[Value]:
    """Return what a name is bound to.

    Parameters
    ----------
    source : Source
        The module.
    name : Name
        Where it is looked up.
    scope : Scope, optional
        Where it is looked up, for a name that is not in the source.

    Returns
    -------
    list of BaseExpression or None
        One for each binding but imports; None where the file does not tell.
    """
    scope = scope or source.scope(name)
    if scope is None:
        return []
    return source.once((scope, name.value), lambda: list(_values(source, scope, name.value, set())))


def _values(source: Source, scope: Scope, name: str, seen: Seen) -> Iterator[Value]:
    if (scope, name) not in seen:
        seen.add((scope, name))
        for assignment in sorted(scope[name], key=lambda found: _place(source, found)):
            if isinstance(assignment, Assignment):
                yield from _bound(source, assignment.node, seen)


def _place(source: Source, found: object) -> int:
    return source.span(found.node)[0] if isinstance(found, Assignment) else -1


def _bound(source: Source, node: cst.CSTNode, seen: Seen) -> Iterator[Value]:
    """Yield the values of one binding, by the node that binds."""
    if isinstance(node, cst.Param):
        yield node.default
        return
    parent = source.parent(node)
    above = source.parent(parent) if parent is not None else None
    if isinstance(parent, cst.AssignTarget) and isinstance(above, cst.Assign):
        yield above.value
    elif isinstance(parent, cst.AnnAssign | cst.NamedExpr):
        yield parent.value
    elif isinstance(parent, cst.For | cst.CompFor):
        yield from _elements(source, parent.iter, seen)
    elif isinstance(parent, cst.Element) and isinstance(above, cst.Tuple | cst.List):
        yield from _unpacked(source, above, above.elements.index(parent), seen)
    else:
        yield None


def _unpacked(
    source: Source, target: cst.Tuple | cst.List, index: int, seen: Seen
) -> Iterator[Value]:
    """Yield the values of one of several targets: ``a, b = c, d``, ``for k, v in d.items()``."""
    holder = source.parent(target)
    statement = source.parent(holder) if holder is not None else None
    if isinstance(holder, cst.AssignTarget) and isinstance(statement, cst.Assign):
        yield _at(statement.value, index)
        return
    if not isinstance(holder, cst.For | cst.CompFor):
        yield None
        return
    call = holder.iter
    function = call.func if isinstance(call, cst.Call) else None
    if isinstance(function, cst.Attribute) and function.attr.value == "items" and index < 2:
        found = list(_entries(source, function.value, seen))
        yield from (entry.value if index else entry.key for entry in found)
        yield from () if found else [None]
    else:
        for element in _elements(source, holder.iter, seen):
            yield None if element is None else _at(element, index)


def _at(node: cst.BaseExpression, index: int) -> Value:
    if not isinstance(node, cst.Tuple | cst.List) or index >= len(node.elements):
        return None
    return node.elements[index].value


def _elements(source: Source, node: cst.BaseExpression, seen: Seen) -> Iterator[Value]:
    """Yield the elements of a tuple, list or set, itself or by name."""
    scope = source.scope(node)
    if isinstance(node, Sequence):
        yield from (element.value for element in node.elements)
    elif isinstance(node, cst.Dict):
        yield from (entry.key for entry in _entries(source, node, seen))
    elif isinstance(node, cst.Name) and scope is not None:
        for value in _values(source, scope, node.value, seen):
            yield from [None] if value is None else _elements(source, value, seen)
    else:
        yield None


def entries(source: Source, node: cst.BaseExpression) -> Iterator[Entry]:
    """Yield the entries of a dictionary that stands in the file, itself or by name.

    Parameters
    ----------
    source : Source
        The module.
    node : BaseExpression
        ``{...}``, ``dict(...)``, one of them merged into the other, or a name for it.
    """
    return _entries(source, node, set())


def _entries(source: Source, node: cst.BaseExpression, seen: Seen) -> Iterator[Entry]:
    scope = source.scope(node)
    if isinstance(node, cst.Dict):
        for element in node.elements:
            if isinstance(element, cst.DictElement):
                yield Entry(element, element.key, element.value)
            else:
                yield from _entries(source, element.value, seen)
    elif isinstance(node, cst.Call) and is_builtin(source, node.func, "dict"):
        yield from _arguments(source, node, seen)
        for argument in node.args:
            if argument.keyword is None and not argument.star:
                yield from _entries(source, argument.value, seen)
    elif isinstance(node, cst.BinaryOperation) and isinstance(node.operator, cst.BitOr):
        yield from _entries(source, node.left, seen)
        yield from _entries(source, node.right, seen)
    elif isinstance(node, cst.Name) and scope is not None and (scope, node.value) not in seen:
        for value in list(_values(source, scope, node.value, seen)):
            yield from _entries(source, value, seen) if value is not None else ()
        yield from _added(source, node)


def arguments(source: Source, call: cst.Call) -> Iterator[Entry]:
    """Yield the keyword arguments of a call, those of ``**`` too where the file shows them."""
    return _arguments(source, call, set())


def _arguments(source: Source, call: cst.Call, seen: Seen) -> Iterator[Entry]:
    for argument in call.args:
        if argument.keyword is not None:
            yield Entry(argument, argument.keyword, argument.value)
        elif argument.star == "**":
            yield from _entries(source, argument.value, seen)


def _added(source: Source, name: cst.Name) -> Iterator[Entry]:
    """Yield ``name["key"] = value`` of the same name."""
    scope = source.scope(name)
    for item in source.find(cst.Subscript):
        if not (isinstance(item.value, cst.Name) and item.value.value == name.value):
            continue
        target = source.parent(item)
        statement = source.parent(target) if target is not None else None
        same = scope is not None and source.scope(item.value) is scope
        if same and isinstance(target, cst.AssignTarget) and isinstance(statement, cst.Assign):
            index = item.slice[0].slice
            if isinstance(index, cst.Index):
                yield Entry(item, index.value, statement.value)


def is_builtin(source: Source, node: cst.CSTNode, name: str) -> bool:
    """Tell whether a node is a built-in function that nothing in the file hides."""
    return isinstance(node, cst.Name) and node.value == name and not source.survey.bound[name]
