"""What a name or an expression is bound to at its place, as far as the file tells."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from .scopes import Scope
from .source import Import, Source, dotted, first_name, literal, module_of

Value = ast.expr | None
#: Names, by scope, and nodes that were followed already: names may lead in circles.
Seen = set[object]
#: What these return is a number, whatever they are given.
NUMBERS = ("int", "len", "round")


@dataclass(frozen=True)
class Resolution:
    """What a name stands for.

    Attributes
    ----------
    names : frozenset of str
        Dotted names that it may have been imported from.
    by_import : bool
        Whether nothing but imports binds it.
    """

    names: frozenset[str]
    by_import: bool

    @property
    def name(self) -> str | None:
        """The one dotted name it stands for, if that is certain."""
        return next(iter(self.names)) if self.by_import and len(self.names) == 1 else None

    def is_one_of(self, names: Collection[str]) -> bool:
        """Tell whether it stands for one of some names, whichever of its bindings holds."""
        return self.by_import and bool(self.names) and self.names <= set(names)


@dataclass(frozen=True)
class Entry:
    """One entry of a dictionary, or one keyword of a call.

    Attributes
    ----------
    node : AST
        Where it stands.
    key, value : expr
        Its two halves.
    """

    node: ast.AST
    key: ast.expr
    value: ast.expr

    @property
    def name(self) -> str | None:
        """The key, if it is a string that stands here."""
        found = literal(self.key)
        return found if isinstance(found, str) else None


# -- Imports alone: what rewrites ask ----------------------------------------------------------


def resolve(source: Source, node: ast.AST) -> Resolution:
    """Say what a name or dotted name stands for, by the imports of its scope."""
    root, scope = first_name(node), source.scope(node)
    if root is None or scope is None:
        return Resolution(frozenset(), False)
    return resolve_name(source, node, root.id, dotted(node)[len(root.id) :])


def resolve_name(source: Source, place: ast.AST, name: str, rest: str = "") -> Resolution:
    """Say what ``name`` with a ``.rest`` would stand for at a place."""
    scope = source.scope(place)
    bindings = scope.bindings(name) if scope is not None else []
    found = [_qualified(source, node) for node in bindings if isinstance(node, ast.alias)]
    return Resolution(frozenset(n + rest for n in found), len(found) == len(bindings))


def _qualified(source: Source, alias: ast.alias) -> str:
    statement = source.parent(alias)
    if isinstance(statement, ast.ImportFrom):
        return f"{module_of(statement)}.{alias.name}"
    return alias.name if alias.asname else alias.name.partition(".")[0]


def imports_of(source: Source, node: ast.AST, module: str) -> list[Import]:
    """Return the imports that bind the first name of a dotted name, and bring `module`."""
    root, scope = first_name(node), source.scope(node)
    if root is None or scope is None:
        return []
    found = [source.parent(n) for n in scope.bindings(root.id) if isinstance(n, ast.alias)]
    imports = [node for node in found if isinstance(node, ast.Import | ast.ImportFrom)]
    return [n for n in imports if module in source.code(n)] or imports


def is_builtin(source: Source, node: ast.AST, *names: str) -> bool:
    """Tell whether a node is one of some built-in functions that nothing in the file hides."""
    return isinstance(node, ast.Name) and node.id in names and not source.bound[node.id]


def imports_package(source: Source, package: str) -> bool:
    """Tell whether the file imports a package or something of it."""
    modules = [module_of(n) for n in source.find(ast.ImportFrom)]
    modules += [a.name for n in source.find(ast.Import) for a in n.names]
    return any(f"{module}.".startswith(f"{package}.") for module in modules)


# -- Values: assignments, defaults, loops ------------------------------------------------------


def values(source: Source, name: ast.Name) -> list[Value]:
    """Return what a name is bound to: one for each binding but imports, None for the unknown."""
    return values_of(source, name, name.id)


def values_of(source: Source, place: ast.AST, name: str) -> list[Value]:
    """Return what a name would be bound to at a place where it does not occur."""
    scope = source.scope(place)
    return [] if scope is None else list(_values(source, scope, name, set()))


def _values(source: Source, scope: Scope, name: str, seen: Seen) -> Iterator[Value]:
    holder = scope.holder(name)
    if holder is not None and (holder, name) not in seen:
        seen.add((holder, name))
        for node in holder.bound.get(name, ()):
            if not isinstance(node, ast.alias):
                yield from _bound(source, node, seen)


def _bound(source: Source, node: ast.AST, seen: Seen) -> Iterator[Value]:
    """Yield the values of one binding, by the node that binds."""
    match source.parent(node):
        case ast.arguments() as arguments if isinstance(node, ast.arg):
            yield _default(arguments, node)
        case ast.Assign(value=value) | ast.AnnAssign(value=value) | ast.NamedExpr(value=value):
            yield value
        case ast.For(iter=iterated) | ast.AsyncFor(iter=iterated):
            yield from _elements(source, iterated, seen)
        case ast.comprehension(iter=iterated):
            yield from _elements(source, iterated, seen)
        case (ast.Tuple() | ast.List()) as target if isinstance(node, ast.Name):
            yield from _unpacked(source, target, target.elts.index(node), seen)
        case _:
            yield None


def _default(arguments: ast.arguments, node: ast.arg) -> Value:
    plain = [*arguments.posonlyargs, *arguments.args]
    defaults = [None] * (len(plain) - len(arguments.defaults)) + arguments.defaults
    pairs = [*zip(plain, defaults, strict=True)]
    pairs += zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    return next((default for one, default in pairs if one is node), None)


def _unpacked(
    source: Source, target: ast.Tuple | ast.List, index: int, seen: Seen
) -> Iterator[Value]:
    """Yield the values of one of several targets: ``a, b = c, d``, ``for k, v in d.items()``."""
    holder = source.parent(target)
    if isinstance(holder, ast.Assign):
        yield _at(holder.value, index)
    elif isinstance(holder, ast.For | ast.comprehension):
        match holder.iter:
            case ast.Call(func=ast.Attribute(value=owner, attr="items")) if index < 2:
                found = list(_entries(source, owner, seen))
                yield from (entry.value if index else entry.key for entry in found)
                yield from () if found else [None]
            case iterated:
                for element in _elements(source, iterated, seen):
                    yield None if element is None else _at(element, index)
    else:
        yield None


def _at(node: ast.expr, index: int) -> Value:
    fits = isinstance(node, ast.Tuple | ast.List) and index < len(node.elts)
    return node.elts[index] if fits else None  # type: ignore[attr-defined]


def _elements(source: Source, node: ast.expr, seen: Seen) -> Iterator[Value]:
    """Yield the elements of a tuple, list, set or dictionary, itself or by name."""
    scope = source.scope(node)
    match node:
        case ast.Tuple(elts=elements) | ast.List(elts=elements) | ast.Set(elts=elements):
            yield from elements
        case ast.Dict():
            yield from (entry.key for entry in _entries(source, node, seen))
        case ast.Name(id=name) if scope is not None:
            for value in _values(source, scope, name, seen):
                yield from [None] if value is None else _elements(source, value, seen)
        case _:
            yield None


def entries(source: Source, node: ast.expr) -> Iterator[Entry]:
    """Yield the entries of a dictionary that stands in the file, itself or by name.

    Parameters
    ----------
    source : Source
        The module.
    node : expr
        ``{...}``, ``dict(...)``, one of them merged into the other, or a name for it.
    """
    return _entries(source, node, set())


def _entries(source: Source, node: ast.expr, seen: Seen) -> Iterator[Entry]:
    match node:
        case ast.Dict(keys=keys, values=found):
            for key, value in zip(keys, found, strict=True):
                if key is None:
                    yield from _entries(source, value, seen)
                else:
                    yield Entry(key, key, value)
        case ast.Call(func=function, args=given) if is_builtin(source, function, "dict"):
            yield from _keywords(source, node, seen)
            for argument in given:
                yield from _entries(source, argument, seen)
        case ast.BinOp(op=ast.BitOr(), left=left, right=right):
            yield from _entries(source, left, seen)
            yield from _entries(source, right, seen)
        case ast.Name(id=name):
            scope = source.scope(node)
            holder = scope.holder(name) if scope is not None else None
            if scope is not None and holder is not None and (holder, name) not in seen:
                for found_value in list(_values(source, scope, name, seen)):
                    if found_value is not None:
                        yield from _entries(source, found_value, seen)
                yield from _added(source, name, holder)


def _added(source: Source, name: str, holder: Scope) -> Iterator[Entry]:
    """Yield ``name["key"] = value`` of the same name."""
    for assignment in source.find(ast.Assign):
        for target in assignment.targets:
            match target:
                case ast.Subscript(value=ast.Name(id=found), slice=key) if found == name:
                    scope = source.scope(target)
                    if scope is not None and scope.holder(name) is holder:
                        yield Entry(target, key, assignment.value)


def arguments(source: Source, call: ast.Call) -> Iterator[Entry]:
    """Yield the keyword arguments of a call, those of ``**`` too where the file shows them."""
    return _keywords(source, call, set())


def _keywords(source: Source, call: ast.Call, seen: Seen) -> Iterator[Entry]:
    for keyword in call.keywords:
        if keyword.arg is not None:
            yield Entry(keyword, ast.Constant(keyword.arg), keyword.value)
        else:
            yield from _entries(source, keyword.value, seen)


def is_number(source: Source, node: ast.expr, seen: frozenset[object] = frozenset()) -> bool:
    """Tell whether an expression is surely a number, and never None.

    True for an integer, arithmetic, a length of ``x.shape``, ``int(...)`` and ``len(...)``; for
    names that are bound to nothing but these, imports, and parameters that neither default to None
    nor are annotated so.
    """
    match node:
        case ast.Constant(value=value):
            return type(value) is int
        case ast.BinOp() | ast.Subscript(value=ast.Attribute(attr="shape")):
            return True  # None fails in arithmetic, before as after
        case ast.Call(func=function):
            return is_builtin(source, function, *NUMBERS)
        case ast.Name(id=name):
            scope = source.scope(node)
            bindings = scope.bindings(name) if scope is not None else []
            return bool(bindings) and all(
                b not in seen and _binds_number(source, b, seen | {b}) for b in bindings
            )
    return False


def _binds_number(source: Source, node: ast.AST, seen: frozenset[object]) -> bool:
    parent = source.parent(node)
    if isinstance(node, ast.alias):
        return True
    if isinstance(node, ast.arg) and isinstance(parent, ast.arguments):
        written = ast.unparse(node.annotation) if node.annotation is not None else ""
        plain = node not in (parent.vararg, parent.kwarg)
        default = _default(parent, node)
        given = default is None or is_number(source, default, seen)
        return plain and given and "None" not in written and "Optional" not in written
    found = list(_bound(source, node, set()))
    return bool(found) and all(v is not None and is_number(source, v, seen) for v in found)
