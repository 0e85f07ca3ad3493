"""Whether an expression is surely a number, as far as its file tells, and never None."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from functools import lru_cache

import libcst as cst

from .source import Source, check_syntax
from .survey import survey

#: What these return is a number, whatever they are given.
_FUNCTIONS = ("int", "len", "round")

Binding = tuple[str, ast.expr | None]


def is_number(source: Source, node: cst.BaseExpression) -> bool:
    """Tell whether an expression is a number wherever it is evaluated.

    Parameters
    ----------
    source : Source
        The module.
    node : BaseExpression
        The expression.

    Returns
    -------
    bool
        True for an integer, arithmetic, a length of ``x.shape``, ``int(...)`` and ``len(...)``;
        for an attribute, unless the file sets one of that name to something else, in a class or
        as an option of a command line too; for a name that is bound to nothing but these,
        imports, and parameters that neither default to None nor are annotated so. Those of the
        innermost function that binds it count, with the functions inside it, else those of the
        file outside functions. False for all else: it may be None.
    """
    tree = _parsed(source.text)
    code = source.module.code_for_node(node)
    try:
        expression = ast.parse(f"(\n{code}\n)", mode="eval").body
    except SyntaxError:
        return False
    line = source.line(source.span(node)[0])
    functions = [f for f in _functions(tree) if f.lineno <= line <= (f.end_lineno or line)]
    inside_out: list[ast.Module] = [ast.Module([f], []) for f in reversed(functions)]
    outside = [s for s in tree.body if not isinstance(s, ast.FunctionDef | ast.AsyncFunctionDef)]
    return _Judge(tree).is_number(expression, [*inside_out, ast.Module(outside, [])])


@lru_cache(maxsize=1)
def _parsed(text: str) -> ast.Module:
    return check_syntax(text)


def _functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Yield the functions of a file, outer ones before inner ones."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


class _Judge:
    """Judges expressions by the bindings of their names; a circle of names is no number."""

    def __init__(self, tree: ast.Module) -> None:
        self._tree = tree
        self._judged: dict[str, bool] = {}

    def is_number(self, node: ast.expr, scopes: Sequence[ast.Module]) -> bool:
        match node:
            case ast.Constant(value=value):
                return type(value) is int
            case ast.BinOp():  # None fails in arithmetic, before as after
                return True
            case ast.Attribute(attr=name):
                found = [v for n in ast.walk(self._tree) for k, v in _attributes(n) if k == name]
                return self._all(f".{name}", found, scopes)
            case ast.Subscript(value=ast.Attribute(attr="shape")):
                return True
            case ast.Call(func=ast.Name(id=function)):
                return function in _FUNCTIONS
            case ast.Name(id=name):
                return self._name(name, scopes)
        return False

    def _name(self, name: str, scopes: Sequence[ast.Module]) -> bool:
        for index, scope in enumerate(scopes):
            count = survey(scope).bound[name]
            if count:
                found = [v for n in ast.walk(scope) for k, v in _bound(n) if k == name]
                return (
                    len(found) == count
                    and not _is_global(self._tree, name)
                    and self._all(name, found, scopes[index:])
                )
        return False

    def _all(
        self, name: str, values: Sequence[ast.expr | None], scopes: Sequence[ast.Module]
    ) -> bool:
        if name not in self._judged:
            self._judged[name] = False
            self._judged[name] = all(v is None or self.is_number(v, scopes) for v in values)
        return self._judged[name]


def _is_global(tree: ast.AST, name: str) -> bool:
    """Tell whether a function may bind the name of another scope."""
    declared = ast.Global | ast.Nonlocal
    return any(isinstance(node, declared) and name in node.names for node in ast.walk(tree))


def _bound(node: ast.AST) -> Iterator[Binding]:
    """Yield the bindings that can be judged, each with its value; None for one that will do."""
    match node:
        case ast.Assign(targets=targets, value=value):
            for target in targets:
                yield from _paired(target, value)
        case ast.AnnAssign(target=ast.Name(id=name), annotation=annotation, value=value):
            if not _may_be_none(annotation):
                yield name, value
        case ast.NamedExpr(target=ast.Name(id=name), value=value):
            yield name, value
        case ast.AugAssign(target=ast.Name(id=name)):
            yield name, None
        case (ast.For() | ast.comprehension()) as loop if isinstance(loop.target, ast.Name):
            if _holds_integers(loop.iter):
                yield loop.target.id, None
        case ast.arguments():
            yield from _parameters(node)
        case ast.alias(name=name, asname=renamed):
            yield renamed or name.partition(".")[0], None


def _attributes(node: ast.AST) -> Iterator[Binding]:
    """Yield what ``self.n = ...``, the fields of a class and an option set an attribute to."""
    match node:
        case ast.Assign(targets=targets, value=value):
            for target in targets:
                if isinstance(target, ast.Attribute):
                    yield target.attr, value
        case ast.AnnAssign(target=ast.Attribute(attr=name), annotation=annotation, value=value):
            yield name, ast.Constant(None) if _may_be_none(annotation) else value
        case ast.ClassDef(body=body):
            for line in body:
                if isinstance(line, ast.AnnAssign) and _may_be_none(line.annotation):
                    yield ast.unparse(line.target), ast.Constant(None)
                elif isinstance(line, ast.Assign | ast.AnnAssign):
                    yield from _bound(line)
        case ast.Call(func=ast.Attribute(attr="add_argument"), args=flags, keywords=keywords):
            given = {keyword.arg: keyword.value for keyword in keywords}
            if not (isinstance(r := given.get("required"), ast.Constant) and r.value):
                for flag in flags:
                    if isinstance(flag, ast.Constant) and str(flag.value).startswith("-"):
                        name = str(flag.value).lstrip("-").replace("-", "_")
                        yield name, given.get("default", ast.Constant(None))


def _paired(target: ast.expr, value: ast.expr) -> Iterator[Binding]:
    """Pair the names of a target with their values, also in ``n, m = 1, 2 = a.shape``."""
    if isinstance(target, ast.Name):
        yield target.id, value
    elif isinstance(target, ast.Tuple) and not any(isinstance(t, ast.Starred) for t in target.elts):
        if isinstance(value, ast.Tuple) and len(value.elts) == len(target.elts):
            for one, its in zip(target.elts, value.elts, strict=True):
                yield from _paired(one, its)
        elif isinstance(value, ast.Attribute) and value.attr == "shape":
            yield from ((one.id, None) for one in target.elts if isinstance(one, ast.Name))


def _holds_integers(values: ast.expr) -> bool:
    match values:
        case ast.Call(func=ast.Name(id="range")):
            return True
        case ast.Tuple(elts=elements) | ast.List(elts=elements):
            return all(isinstance(e, ast.Constant) and type(e.value) is int for e in elements)
    return False


def _parameters(node: ast.arguments) -> Iterator[Binding]:
    plain = [*node.posonlyargs, *node.args]
    defaults = [None] * (len(plain) - len(node.defaults)) + node.defaults
    pairs = [*zip(plain, defaults, strict=True)]
    pairs += zip(node.kwonlyargs, node.kw_defaults, strict=True)
    for parameter, default in pairs:
        if parameter.annotation is None or not _may_be_none(parameter.annotation):
            yield parameter.arg, default


def _may_be_none(annotation: ast.expr) -> bool:
    written = ast.unparse(annotation)
    return "None" in written or "Optional" in written
