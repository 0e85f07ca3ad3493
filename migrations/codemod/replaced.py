"""What a file assigns, patches or names by a string, so that it may not be what its module has."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterator

from .bindings import is_builtin, is_stored, resolve
from .names import DROP_INS, GROUPING, GROUPING_CLASSES, GROUPING_FACTORIES, GROUPING_METHOD
from .namespaces import ANY, changed_names
from .source import Source, literal

#: What a call of the grouping method goes through.
GROUPING_NAMES = frozenset((GROUPING, *GROUPING_CLASSES, *GROUPING_FACTORIES))


def named(source: Source) -> Iterator[tuple[ast.AST, str]]:
    """Yield what names something of ptycho other than by reading it, with that name.

    Strings; calls with two arguments, an object and the name of its attribute; assignments, also
    into dictionaries of names. Where it does not tell which one, the name is ``module.*``.
    """
    yield from changed_names(source)
    for string in source.find(ast.Constant):
        whole = not isinstance(source.parent(string), ast.JoinedStr)
        if whole and isinstance(string.value, str) and string.value.startswith("ptycho."):
            yield string, string.value
    for call in source.find(ast.Call):
        given = [*call.args, *(keyword.value for keyword in call.keywords)]
        for first, second in itertools.pairwise(given):
            owner, leaf = resolve(source, first).name, literal(second)
            if owner is not None and owner.startswith("ptycho.") and isinstance(leaf, str):
                yield call, f"{owner}.{leaf}"
    for node in source.find(ast.Attribute):
        name = resolve(source, node).name if is_stored(node) else None
        if name is not None and name.startswith("ptycho."):
            yield node, name


def words_for(name: str) -> str:
    """Say what a file replaces: a name, or ``module.*``, of which it may be any."""
    return f"a name of {name.removesuffix(f'.{ANY}')}" if name.endswith(f".{ANY}") else name


def covered(name: str) -> list[str]:
    """Return the legacy names that a name, or ``module.*``, stands for; itself if it is none."""
    if not name.endswith(f".{ANY}"):
        return [name]
    return [n for n in (*DROP_INS, *sorted(GROUPING_NAMES)) if n.startswith(name.removesuffix(ANY))]


def replaced_names(source: Source) -> frozenset[str]:
    """Return the qualified names that a file replaces, as ``patch`` and assignments do.

    The grouping method among them if a class of the file overrides it.
    """
    return source.once("replaced", lambda: frozenset(_replaced(source)))


def _replaced(source: Source) -> Iterator[str]:
    for node, name in named(source):
        call = source.parent(node) if isinstance(node, ast.Constant) else node
        patches = isinstance(call, ast.Call) and not is_builtin(
            source, call.func, "getattr", "hasattr"
        )
        if patches or isinstance(node, ast.Attribute | ast.Subscript):
            yield from covered(name)
    for owner in source.find(ast.ClassDef):
        inherits = any(resolve(source, base).is_one_of(GROUPING_CLASSES) for base in owner.bases)
        if inherits and any(getattr(f, "name", "") == GROUPING_METHOD for f in owner.body):
            yield GROUPING
