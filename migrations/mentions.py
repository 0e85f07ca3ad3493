"""Which definitions of a Python module use names that go."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Going:
    """What goes, as other modules may speak of it.

    Attributes
    ----------
    modules : frozenset of str
        Full names of modules; what lies in a package that goes, goes too.
    words : frozenset of str
        Names of classes, fields and functions, and texts such as the name of a plugin.
    """

    modules: frozenset[str]
    words: frozenset[str]

    def takes(self, module: str) -> bool:
        """Whether a module goes, by its full name."""
        parts = module.split(".")
        return any(".".join(parts[:n]) in self.modules for n in range(1, len(parts) + 1))


def definitions(text: str, package: str, going: Going) -> list[str]:
    """Return the definitions of a module that use what goes.

    Parameters
    ----------
    text : str
        The module's source.
    package : str
        Full name of the package it lies in, for relative imports.
    going : Going
        What goes.

    Returns
    -------
    list of str
        Names as one finds them in the module: an imported name, a constant, ``function``,
        ``Class``, ``Class.method``, ``Class.field``; each once, in order.
    """
    tree = ast.parse(text)
    imported = {name for node in ast.walk(tree) for name in _imported(node, package, going)}
    words = going.words | imported

    def uses(node: ast.AST) -> bool:
        return any(_speaks(part, words, going) for part in ast.walk(node))

    return list(dict.fromkeys(name for name, node in _owned(tree.body) if uses(node)))


def _imported(node: ast.AST, package: str, going: Going) -> Iterator[str]:
    """Yield the names that an import binds to something that goes."""
    if isinstance(node, ast.Import):
        yield from (a.asname or a.name for a in node.names if going.takes(a.name))
    elif isinstance(node, ast.ImportFrom):
        base = node.module or ""
        if node.level:
            parents = package.split(".")
            base = ".".join([*parents[: len(parents) - node.level + 1], *base.split(".")])
        for alias in node.names:
            full = f"{base.rstrip('.')}.{alias.name}"
            if going.takes(full) or alias.name in going.words:
                yield alias.asname or alias.name


def _speaks(node: ast.AST, words: frozenset[str] | set[str], going: Going) -> bool:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name) | ast.keyword(arg=str(name)):
            return name in words
        case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.arg(arg=name):
            return name in words
        case ast.alias(name=name, asname=other):
            return bool(words & {name, other})
        case ast.Constant(value=str(text)):
            return text in words or going.takes(text.partition(":")[0])
    return False


def _owned(body: list[ast.stmt], owner: str = "") -> Iterator[tuple[str, ast.AST]]:
    """Yield what can be told by a name, with that name."""
    for node in body:
        match node:
            case ast.ClassDef():
                yield owner + node.name, ast.ClassDef(node.name, node.bases, [], [], [])
                yield from _owned(node.body, f"{owner}{node.name}.")
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                yield owner + node.name, node
            case ast.Import() | ast.ImportFrom():
                yield from ((owner + (a.asname or a.name), a) for a in node.names)
            case ast.Assign(targets=[target, *_]) | ast.AnnAssign(target=target):
                yield owner + ast.unparse(target), node
            case ast.If() | ast.Try() | ast.With():
                blocks = (getattr(node, name, []) for name in ("body", "orelse", "finalbody"))
                for block in blocks:
                    yield from _owned(block, owner)
            case ast.Expr(value=ast.Call() as call):
                yield f"{owner}{ast.unparse(call.func)}(...)", call
