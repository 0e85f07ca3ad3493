"""What stands in a dictionary, in any of the forms that a source may write one."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from .bindings import bindings, is_builtin
from .source import Source, literal


@dataclass(frozen=True)
class Entry:
    """One entry, and where it stands; without a key, what cannot be told from the source."""

    node: ast.AST
    key: str | None = None
    value: ast.expr | None = None


def entries(source: Source, node: ast.expr) -> Iterator[Entry]:
    """Yield the entries of what stands here for a dictionary.

    That is one in braces, ``dict(...)``, pairs, what ``|`` joins, or a name that is bound to
    nothing but one of the first two.
    """
    match node:
        case ast.Name(id=name):
            bound = bindings(source, node, name)
            value = value_given(source, bound[0]) if len(bound) == 1 else None
            if value is not None and is_dictionary(source, value):
                yield from _written(source, value)
            else:
                yield Entry(node)
        case _:
            yield from _written(source, node)


def is_dictionary(source: Source, node: ast.expr) -> bool:
    """Tell whether an expression writes a dictionary: in braces, or by ``dict``."""
    made = isinstance(node, ast.Call) and is_builtin(source, node.func, "dict")
    return made or isinstance(node, ast.Dict)


def named_entries(source: Source, keywords: Iterable[ast.keyword]) -> Iterator[Entry]:
    """Yield what the keywords of a call give by name; ``**`` of a dictionary gives its entries."""
    for keyword in keywords:
        if keyword.arg is not None:
            yield Entry(keyword, keyword.arg, keyword.value)
        else:
            yield from _written(source, keyword.value)


def _written(source: Source, node: ast.expr) -> Iterator[Entry]:
    match node:
        case ast.Dict():
            for key, value in zip(node.keys, node.values, strict=True):
                yield from _written(source, value) if key is None else [_entry(key, value)]
        case ast.Call() if is_dictionary(source, node):
            for argument in node.args:
                yield from _written(source, argument)
            yield from named_entries(source, node.keywords)
        case ast.List(elts=pairs) | ast.Tuple(elts=pairs):
            for pair in pairs:
                match pair:
                    case ast.List(elts=[key, value]) | ast.Tuple(elts=[key, value]):
                        yield _entry(key, value)
                    case _:
                        yield Entry(pair)
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            yield from _written(source, left)
            yield from _written(source, right)
        case _:
            yield Entry(node)


def _entry(key: ast.expr, value: ast.expr) -> Entry:
    name = literal(key)
    return Entry(key, name if isinstance(name, str) else None, value)


def value_given(source: Source, target: ast.AST) -> ast.expr | None:
    """Return the expression that a target is assigned, if one stands there for it alone."""
    above = source.parent(target)
    if isinstance(above, ast.Assign | ast.AnnAssign | ast.NamedExpr):
        return above.value
    if not isinstance(above, ast.Tuple | ast.List):
        return None
    match value_given(source, above):
        case ast.Tuple(elts=values) | ast.List(elts=values):
            starred = any(isinstance(e, ast.Starred) for e in (*above.elts, *values))
            if not starred and len(values) == len(above.elts):
                return values[next(i for i, e in enumerate(above.elts) if e is target)]
    return None
