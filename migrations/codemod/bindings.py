"""What a name is bound to at its place: imports, and whether it is surely a number."""

from __future__ import annotations

import ast
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import TypeVar

from .names import DROP_INS, LEAVES
from .source import Import, Source, dotted, first_name, module_of

Found = TypeVar("Found")
#: What these return is a number, whatever they are given.
NUMBERS = ("int", "len", "round")


@dataclass(frozen=True)
class Resolution:
    """The dotted names that a name may stand for, and whether nothing but imports binds it."""

    names: frozenset[str]
    by_import: bool

    @property
    def name(self) -> str | None:
        """The one dotted name it stands for, if that is certain."""
        return next(iter(self.names)) if self.by_import and len(self.names) == 1 else None

    def is_one_of(self, names: Collection[str]) -> bool:
        """Tell whether it stands for one of some names, whichever of its bindings holds."""
        return self.by_import and bool(self.names) and self.names <= set(names)


def resolve(source: Source, node: ast.AST) -> Resolution:
    """Say what a name or dotted name stands for, by the imports of its scope."""
    root = first_name(node)
    if root is None or source.scope(node) is None:
        return Resolution(frozenset(), False)
    return resolve_name(source, node, root.id, dotted(node)[len(root.id) :])


def resolve_name(source: Source, place: ast.AST, name: str, rest: str = "") -> Resolution:
    """Say what ``name`` with a ``.rest`` would stand for at a place."""
    found, by_import = of_bindings(
        source, place, name, "imported", lambda bound: _imported(source, bound)
    )
    return Resolution(frozenset(n + rest for n in found), by_import)


def _imported(source: Source, bound: list[ast.AST]) -> tuple[set[str], bool]:
    aliases = [node for node in bound if isinstance(node, ast.alias)]
    return {_qualified(source, alias) for alias in aliases}, len(aliases) == len(bound)


def of_bindings(
    source: Source, place: ast.AST, name: str, what: str, find: Callable[[list[ast.AST]], Found]
) -> Found:
    """Return what is found out about all that binds a name: once for all places that mean it."""
    scope = source.scope(place)
    holder = None if scope is None else scope.holder(name)
    if holder is None:
        return find([])
    return source.once((what, holder, name), lambda: find(holder.bound.get(name, [])))


def bindings(source: Source, place: ast.AST, name: str) -> list[ast.AST]:
    """Return the nodes that bind a name as it is looked up at a place."""
    scope = source.scope(place)
    return [] if scope is None else scope.bindings(name)


def _qualified(source: Source, alias: ast.alias) -> str:
    statement = source.parent(alias)
    if isinstance(statement, ast.ImportFrom):
        return f"{module_of(statement)}.{alias.name}"
    return alias.name if alias.asname else alias.name.partition(".")[0]


def imports_of(source: Source, node: ast.AST, module: str) -> list[Import]:
    """Return the imports that bind the first name of a dotted name, and bring `module`."""
    root = first_name(node)
    bound = [] if root is None else bindings(source, root, root.id)
    found = [source.parent(n) for n in bound if isinstance(n, ast.alias)]
    imports = [node for node in found if isinstance(node, ast.Import | ast.ImportFrom)]
    return [n for n in imports if module in source.code(n)] or imports


def attributes(source: Source) -> Iterator[tuple[ast.Attribute, str]]:
    """Yield every dotted name that surely stands for a legacy function, with that function."""
    for node in source.find(ast.Attribute):
        if node.attr in LEAVES:
            name = resolve(source, node).name
            if name in DROP_INS:
                yield node, name


def is_stored(node: ast.Attribute) -> bool:
    """Tell whether a name is assigned to or deleted, rather than read."""
    return not isinstance(node.ctx, ast.Load)


def is_builtin(source: Source, node: ast.AST, *names: str) -> bool:
    """Tell whether a node is one of some built-in functions that nothing in the file hides."""
    return isinstance(node, ast.Name) and node.id in names and not source.bound[node.id]


def imports_package(source: Source, package: str) -> bool:
    """Tell whether the file imports a package or something of it."""
    modules = [module_of(n) for n in source.find(ast.ImportFrom)]
    modules += [a.name for n in source.find(ast.Import) for a in n.names]
    return any(f"{module}.".startswith(f"{package}.") for module in modules)


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
            bound = bindings(source, node, name)
            return bool(bound) and all(
                b not in seen and _binds_number(source, b, seen | {b}) for b in bound
            )
    return False


def _binds_number(source: Source, node: ast.AST, seen: frozenset[object]) -> bool:
    match source.parent(node):
        case ast.arguments() as arguments if isinstance(node, ast.arg):
            written = ast.unparse(node.annotation) if node.annotation is not None else ""
            plain = node not in (arguments.vararg, arguments.kwarg)
            default = _default(arguments, node)
            given = default is None or is_number(source, default, seen)
            return plain and given and "None" not in written and "Optional" not in written
        case ast.Assign(value=value) | ast.AnnAssign(value=value) | ast.NamedExpr(value=value):
            return value is not None and is_number(source, value, seen)
    return isinstance(node, ast.alias)


def _default(arguments: ast.arguments, node: ast.arg) -> ast.expr | None:
    plain = [*arguments.posonlyargs, *arguments.args]
    defaults = [None] * (len(plain) - len(arguments.defaults)) + arguments.defaults
    pairs = [*zip(plain, defaults, strict=True)]
    pairs += zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    return next((default for one, default in pairs if one is node), None)
