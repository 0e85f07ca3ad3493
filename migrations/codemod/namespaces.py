"""Names of ptycho that a file changes through a dictionary of them, several at once, or unseen."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from .accesses import ITEM_PATCHES, METHODS, How
from .bindings import is_builtin, resolve
from .entries import entries, named_entries
from .source import Source, literal

#: Stands for all names of a module or class, where a file does not tell which one.
ANY = "*"
#: Functions that change an attribute whose name they are given.
CHANGERS = ("setattr", "delattr", "object", "patch")
#: Keywords of ``patch.multiple`` and ``patch.dict`` that are no names.
OPTIONS = ("target", "spec", "create", "spec_set", "autospec", "new_callable", "clear")


def changed_names(source: Source) -> Iterator[tuple[ast.AST, str]]:
    """Yield what changes names of ptycho so, with each name; ``module.*`` for any of a module."""
    for call in source.find(ast.Call):
        for owner, name in (*_through_dictionary(source, call), *_by_call(source, call)):
            yield from _of_ptycho(call, owner, name)
    for item in source.find(ast.Subscript):
        if not isinstance(item.ctx, ast.Load):
            yield from _of_ptycho(item, _namespace(source, item.value), _text(item.slice))


def _of_ptycho(node: ast.AST, owner: str, name: str | None) -> Iterator[tuple[ast.AST, str]]:
    if owner.startswith("ptycho."):
        yield node, f"{owner}.{name or ANY}"


def _namespace(source: Source, node: ast.AST) -> str:
    """Return the module or class whose names ``X.__dict__`` or ``vars(X)`` holds, else nothing."""
    match node:
        case ast.Constant(value=str(text)) if text.endswith(".__dict__"):
            return text.removesuffix(".__dict__")
        case ast.Attribute(value=owner, attr="__dict__"):
            return resolve(source, owner).name or ""
        case ast.Call(func=function, args=[owner]) if is_builtin(source, function, "vars"):
            return resolve(source, owner).name or ""
    return ""


def _through_dictionary(source: Source, call: ast.Call) -> Iterator[tuple[str, str | None]]:
    """Look at ``vars(hh).update(...)``, ``patch.dict(hh.__dict__, ...)`` and their like."""
    if not isinstance(call.func, ast.Attribute):
        return
    method, given = call.func.attr, call.args
    names: Iterable[str | None] = ()
    if owner := _namespace(source, call.func.value):
        if method == "update":
            names = _entered(source, given, call.keywords)
        elif METHODS.get(method, How.READ) is not How.READ:
            names = map(_text, given[:1])
    elif given and (owner := _namespace(source, given[0])):
        if method == "dict":
            names = _entered(source, given[1:2], call.keywords)
        elif method in ITEM_PATCHES:
            names = map(_text, given[1:2])
    yield from ((owner, name) for name in names)


def _by_call(source: Source, call: ast.Call) -> Iterator[tuple[str, str | None]]:
    """Look at ``patch.multiple``, and at changers of a name that does not stand there."""
    leaf = getattr(call.func, "attr", getattr(call.func, "id", ""))
    given = [*(k.value for k in call.keywords if k.arg == "target"), *call.args]
    if not given:
        return
    target, more = given[0], given[1:]
    owner = resolve(source, target).name or _text(target) or ""
    if leaf == "multiple":
        yield from ((owner, name) for name in _entered(source, [], call.keywords))
    elif leaf in CHANGERS:
        begun = _beginning(target)
        if begun.startswith("ptycho."):
            yield begun.rpartition(".")[0], None
        elif more and resolve(source, target).name and not isinstance(more[0], ast.Constant):
            yield owner, None


def _entered(
    source: Source, given: list[ast.expr], keywords: list[ast.keyword]
) -> Iterator[str | None]:
    for dictionary in given:
        yield from (entry.key for entry in entries(source, dictionary))
    named = [keyword for keyword in keywords if keyword.arg not in OPTIONS]
    yield from (entry.key for entry in named_entries(source, named))


def _text(node: ast.AST | None) -> str | None:
    value = literal(node)
    return value if isinstance(value, str) else None


def _beginning(node: ast.expr) -> str:
    """Return how a text begins that is put together."""
    match node:
        case ast.JoinedStr(values=[first, *_]) | ast.BinOp(left=first, op=ast.Add()):
            return _text(first) or ""
    return ""
