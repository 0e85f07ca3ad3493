"""What an object was made from: other names, attributes of self, annotations, ``isinstance``."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum, auto

from .bindings import bindings, is_builtin, resolve, resolve_name
from .names import GROUPING_CLASSES, GROUPING_FACTORIES
from .scopes import FUNCTIONS, Function
from .source import Source, dotted, targets


class Origin(Enum):
    """Whose class an object belongs to."""

    LEGACY = auto()
    OTHER = auto()
    UNKNOWN = auto()


# -- Attributes of self, and classes -----------------------------------------------------------


@dataclass(frozen=True)
class Member:
    """One place that sets ``self.name``: its value and its annotation, where there are any."""

    value: ast.expr | None
    annotation: ast.expr | None = None


def class_around(source: Source, node: ast.AST) -> ast.ClassDef | None:
    """Return the innermost class that holds a node."""
    return next((n for n in source.ancestors(node) if isinstance(n, ast.ClassDef)), None)


def function_around(source: Source, node: ast.AST) -> Function | None:
    """Return the innermost function that holds a node."""
    return next((n for n in source.ancestors(node) if isinstance(n, FUNCTIONS)), None)


def members(source: Source, node: ast.Attribute) -> Iterator[Member]:
    """Yield what ``self.name`` is set to in the class around it, in any method and in its body."""
    owner = class_around(source, node) if dotted(node.value) in ("self", "cls") else None
    if owner is None:
        return
    statements: list[ast.Assign | ast.AnnAssign | ast.AugAssign] = [
        *source.find(ast.Assign),
        *source.find(ast.AnnAssign),
        *source.find(ast.AugAssign),
    ]
    for statement in statements:
        if class_around(source, statement) is owner:
            name = node.attr if source.parent(statement) is owner else dotted(node)
            if name in map(dotted, targets(statement)):
                yield Member(statement.value, getattr(statement, "annotation", None))


# -- Objects -----------------------------------------------------------------------------------


def origin(source: Source, node: ast.expr) -> Origin:
    """Say what an expression was made from.

    LEGACY for ``RawData(...)`` and its like, for names and attributes that are bound to nothing
    else, for what is annotated so, and where ``isinstance`` was asked; OTHER for what another
    module made.
    """
    return _origin(source, node, frozenset())


def _origin(source: Source, node: ast.expr | None, seen: frozenset[ast.AST]) -> Origin:
    if node is None or node in seen:
        return Origin.UNKNOWN
    seen = seen | {node}
    if _was_asked(source, node):
        return Origin.LEGACY
    match node:
        case ast.Call():
            return _made_by(source, node)
        case ast.Name(id=name):
            return _common(_of_binding(source, b, seen) for b in bindings(source, node, name))
        case ast.Attribute():
            return _common(
                _annotated(source, m.annotation) if m.annotation else _origin(source, m.value, seen)
                for m in members(source, node)
            )
    return Origin.UNKNOWN


def _of_binding(source: Source, node: ast.AST, seen: frozenset[ast.AST]) -> Origin:
    """Look at one place that binds a name: an assignment, an annotation."""
    if isinstance(node, ast.arg):
        return _annotated(source, node.annotation)
    parent = source.parent(node)
    if isinstance(parent, ast.AnnAssign):
        return _annotated(source, parent.annotation)
    return _origin(source, parent.value, seen) if isinstance(parent, ast.Assign) else Origin.UNKNOWN


def _annotated(source: Source, annotation: ast.expr | None) -> Origin:
    """Look at a type; ``X | None`` and ``Optional[X]`` are X, whose methods None lacks."""
    match annotation:
        case None:
            return Origin.UNKNOWN
        case ast.BinOp(op=ast.BitOr(), left=left, right=ast.Constant(value=None)):
            return _annotated(source, left)
        case ast.Subscript(value=generic, slice=inner):
            optional = resolve(source, generic).name == "typing.Optional"
            return _annotated(source, inner) if optional else Origin.UNKNOWN
        case ast.Constant(value=str(name)) if name.isidentifier():
            found = resolve_name(source, annotation, name)
        case _:
            found = resolve(source, annotation)
    return Origin.LEGACY if found.is_one_of(GROUPING_CLASSES) else Origin.UNKNOWN


def _made_by(source: Source, call: ast.Call) -> Origin:
    """Look at a call: of a class, of what makes its objects, of a function of the file."""
    name = resolve(source, call.func).name
    if name is None:
        return _common(_annotated(source, f.returns) for f in _functions(source, call.func))
    if name in (*GROUPING_CLASSES, *GROUPING_FACTORIES):
        return Origin.LEGACY
    # Other functions of the package may return one: load_data does.
    return Origin.UNKNOWN if name.startswith("ptycho.") else Origin.OTHER


def _functions(source: Source, node: ast.expr) -> list[Function]:
    """Return the functions of the file that a call may be of; none if it may be another."""
    bound: list[ast.AST] = []
    if isinstance(node, ast.Name):
        bound = bindings(source, node, node.id)
    elif isinstance(node, ast.Attribute) and dotted(node.value) in ("self", "cls"):
        owner = class_around(source, node)
        body = owner.body if owner is not None else []
        bound = [f for f in body if isinstance(f, FUNCTIONS) and f.name == node.attr]
    functions = [f for f in bound if isinstance(f, FUNCTIONS)]
    return functions if len(functions) == len(bound) else []


def _was_asked(source: Source, node: ast.expr) -> bool:
    """Tell whether ``if isinstance(node, RawData):`` or an ``assert`` of it holds a place."""
    name = dotted(node)
    chain: list[ast.AST] = [node, *source.ancestors(node)] if name else []
    for above in chain[1:]:
        tests = []
        if isinstance(above, ast.If) and any(part in chain for part in above.body):
            tests = [above.test]
        elif isinstance(above, FUNCTIONS):
            earlier = [s for s in above.body if isinstance(s, ast.Assert)]
            tests = [s.test for s in earlier if s.lineno < node.lineno]
        if any(_asks(source, test, name) for test in tests):
            return True
    return False


def _asks(source: Source, test: ast.expr, name: str) -> bool:
    match test:
        case ast.Call(func=function, args=[ast.Name() | ast.Attribute() as asked, kind]):
            legacy = resolve(source, kind).is_one_of(GROUPING_CLASSES)
            return is_builtin(source, function, "isinstance") and legacy and dotted(asked) == name
    return False


def _common(found: Iterable[Origin]) -> Origin:
    kinds = set(found)
    return kinds.pop() if len(kinds) == 1 else Origin.UNKNOWN
