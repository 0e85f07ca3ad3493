"""What an expression may stand for through other names, and what an object was made from."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from enum import Enum, auto

from .bindings import Seen, is_builtin, resolve, resolve_name, values, values_of
from .names import GROUPING_CLASSES, GROUPING_FACTORIES
from .scopes import FUNCTIONS, Function
from .source import Source, dotted, literal

#: Functions that return the module their first argument names.
IMPORTERS = ("importlib.import_module", "pytest.importorskip", "sys.modules.get")


class Origin(Enum):
    """Whose class an object belongs to."""

    LEGACY = auto()
    OTHER = auto()
    UNKNOWN = auto()


def candidates(source: Source, node: ast.AST) -> frozenset[str]:
    """Return the dotted names that an expression may stand for.

    Parameters
    ----------
    source : Source
        The module.
    node : AST
        A name, a dotted name, or what yields a module: ``import_module("ptycho.raw_data")``.

    Returns
    -------
    frozenset of str
        By imports, by assignments of what they bring, by defaults and loops over it. Empty for
        what a call returns.
    """
    return frozenset(_follow(source, node, set()))


def candidates_of(source: Source, place: ast.AST, name: str) -> frozenset[str]:
    """Return the dotted names that a name may stand for at a place where it does not occur."""
    found = set(resolve_name(source, place, name).names)
    for value in values_of(source, place, name):
        found |= candidates(source, value) if value is not None else set()
    return frozenset(found)


def _follow(source: Source, node: ast.AST, seen: Seen) -> Iterator[str]:
    if node in seen:
        return
    seen.add(node)
    yield from resolve(source, node).names
    match node:
        case ast.Attribute(value=owner, attr=attr):
            for name in _follow(source, owner, seen):
                yield f"{name}.{attr}"
            for binding in members(source, node):
                yield from _follow(source, binding.value, seen) if binding.value else ()
        case ast.Name():
            for value in values(source, node):
                yield from _follow(source, value, seen) if value is not None else ()
        case ast.IfExp(body=one, orelse=other):
            yield from _follow(source, one, seen)
            yield from _follow(source, other, seen)
        case ast.BoolOp(values=several):
            for value in several:
                yield from _follow(source, value, seen)
        case ast.NamedExpr(value=value):
            yield from _follow(source, value, seen)
        case ast.Subscript(value=owner, slice=key):
            if resolve(source, owner).name == "sys.modules":
                yield from _text(key)
        case ast.Call():
            yield from _returned(source, node, seen)


def _returned(source: Source, call: ast.Call, seen: Seen) -> Iterator[str]:
    given = [a for a in call.args if not isinstance(a, ast.Starred)]
    if not given:
        return
    function = resolve(source, call.func).name
    if is_builtin(source, call.func, "getattr") and len(given) > 1:
        for leaf in _text(given[1]):
            yield from (f"{name}.{leaf}" for name in _follow(source, given[0], seen))
    elif is_builtin(source, call.func, "__import__"):
        deep = len(given) > 3 or any(k.arg == "fromlist" for k in call.keywords)
        yield from (t if deep else t.partition(".")[0] for t in _text(given[0]))
    elif function in IMPORTERS:
        package = next(_text(given[1]), "") if len(given) > 1 else ""
        for name in _text(given[0]):
            yield package + name if name.startswith(".") else name
    elif function == "importlib.reload":
        yield from _follow(source, given[0], seen)


def _text(node: ast.AST) -> Iterator[str]:
    value = literal(node)
    if isinstance(value, str):
        yield value


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
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            if any(dotted(target) == name for target in targets):
                yield Member(statement.value, getattr(statement, "annotation", None))


# -- Objects -----------------------------------------------------------------------------------


def origin(
    source: Source,
    node: ast.expr,
    classes: Collection[str] = GROUPING_CLASSES,
    factories: Collection[str] = GROUPING_FACTORIES,
) -> Origin:
    """Say what an expression was made from.

    Parameters
    ----------
    source : Source
        The module.
    node : expr
        A name, an attribute of ``self``, or what makes an object.
    classes, factories : collection of str
        Legacy classes, and other functions that make their objects.

    Returns
    -------
    Origin
        LEGACY for ``RawData(...)`` and its like, for names and attributes that are bound to
        nothing else, for what is annotated so, and where ``isinstance`` was asked; OTHER for what
        another module made.
    """
    return _Objects(source, classes, factories).origin(node, frozenset())


@dataclass(frozen=True)
class _Objects:
    """Objects of some legacy classes."""

    source: Source
    classes: Collection[str]
    factories: Collection[str]

    def origin(self, node: ast.expr | None, seen: frozenset[ast.AST]) -> Origin:
        if node is None or node in seen:
            return Origin.UNKNOWN
        seen = seen | {node}
        if self._was_asked(node):
            return Origin.LEGACY
        match node:
            case ast.Call():
                return self._made_by(node)
            case ast.Name(id=name):
                scope = self.source.scope(node)
                bindings = scope.bindings(name) if scope is not None else []
                return _common(self._of_binding(binding, seen) for binding in bindings)
            case ast.Attribute():
                return _common(
                    self._annotated(m.annotation) if m.annotation else self.origin(m.value, seen)
                    for m in members(self.source, node)
                )
        return Origin.UNKNOWN

    def _of_binding(self, node: ast.AST, seen: frozenset[ast.AST]) -> Origin:
        """Look at one place that binds a name: an assignment, an annotation."""
        if isinstance(node, ast.arg):
            return self._annotated(node.annotation)
        parent = self.source.parent(node)
        if isinstance(parent, ast.AnnAssign):
            return self._annotated(parent.annotation)
        return self.origin(parent.value, seen) if isinstance(parent, ast.Assign) else Origin.UNKNOWN

    def _annotated(self, annotation: ast.expr | None) -> Origin:
        """Look at a type; ``X | None`` and ``Optional[X]`` are X, whose methods None lacks."""
        match annotation:
            case ast.BinOp(op=ast.BitOr(), left=left, right=ast.Constant(value=None)):
                return self._annotated(left)
            case ast.Subscript(value=generic, slice=inner):
                optional = resolve(self.source, generic).name == "typing.Optional"
                return self._annotated(inner) if optional else Origin.UNKNOWN
            case ast.Constant(value=str(name)) if name.isidentifier():
                legacy = resolve_name(self.source, annotation, name).is_one_of(self.classes)
            case None:
                return Origin.UNKNOWN
            case _:
                legacy = resolve(self.source, annotation).is_one_of(self.classes)
        return Origin.LEGACY if legacy else Origin.UNKNOWN

    def _made_by(self, call: ast.Call) -> Origin:
        """Look at a call: of a class, of what makes its objects, of a function of the file."""
        name = resolve(self.source, call.func).name
        if name is None:
            return _common(self._annotated(f.returns) for f in self._functions(call.func))
        if name in (*self.classes, *self.factories):
            return Origin.LEGACY
        # Other functions of the package may return one: load_data does.
        return Origin.UNKNOWN if name.startswith("ptycho.") else Origin.OTHER

    def _functions(self, node: ast.expr) -> list[Function]:
        """Return the functions of the file that a call may be of; none if it may be another."""
        bound: list[ast.AST] = []
        scope = self.source.scope(node)
        if isinstance(node, ast.Name) and scope is not None:
            bound = scope.bindings(node.id)
        elif isinstance(node, ast.Attribute) and dotted(node.value) in ("self", "cls"):
            owner = class_around(self.source, node)
            body = owner.body if owner is not None else []
            bound = [f for f in body if isinstance(f, FUNCTIONS) and f.name == node.attr]
        functions = [f for f in bound if isinstance(f, FUNCTIONS)]
        return functions if len(functions) == len(bound) else []

    def _was_asked(self, node: ast.expr) -> bool:
        """Tell whether ``if isinstance(node, RawData):`` or an ``assert`` of it holds a place."""
        name = dotted(node)
        if not name:
            return False
        chain: list[ast.AST] = [node, *self.source.ancestors(node)]
        for above in chain[1:]:
            tests = []
            if isinstance(above, ast.If) and any(part in chain for part in above.body):
                tests = [above.test]
            elif isinstance(above, FUNCTIONS):
                earlier = [s for s in above.body if isinstance(s, ast.Assert)]
                tests = [s.test for s in earlier if s.lineno < node.lineno]
            if any(self._asks(test, name) for test in tests):
                return True
        return False

    def _asks(self, test: ast.expr, name: str) -> bool:
        match test:
            case ast.Call(func=function, args=[ast.Name() | ast.Attribute() as asked, kind]):
                legacy = resolve(self.source, kind).is_one_of(self.classes)
                called = is_builtin(self.source, function, "isinstance")
                return called and legacy and dotted(asked) == name
        return False


def _common(found: Iterable[Origin]) -> Origin:
    kinds = set(found)
    return kinds.pop() if len(kinds) == 1 else Origin.UNKNOWN
