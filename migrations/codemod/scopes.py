"""Where each name of a module is bound: functions, classes, comprehensions, and the module."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

Function = ast.FunctionDef | ast.AsyncFunctionDef
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


@dataclass(eq=False)
class Scope:
    """What one function, class, comprehension or module binds.

    `bound` has the nodes that bind each name, in the order of the source, `outside` the scopes of
    names that are declared ``global`` or ``nonlocal``.
    """

    node: ast.AST
    above: Scope | None = None
    bound: dict[str, list[ast.AST]] = field(default_factory=dict)
    outside: dict[str, Scope] = field(default_factory=dict)

    def holder(self, name: str) -> Scope | None:
        """Return the scope that binds a name as it is looked up here."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.outside:
                return scope.outside[name]
            if name in scope.bound and (scope is self or not isinstance(scope.node, ast.ClassDef)):
                return scope
            scope = scope.above
        return None

    def bindings(self, name: str) -> list[ast.AST]:
        """Return the nodes that bind a name as it is looked up here."""
        holder = self.holder(name)
        return [] if holder is None else holder.bound.get(name, [])

    def bind(self, name: str, node: ast.AST) -> None:
        """Note that a node binds a name here, or where the name is declared to belong."""
        self.outside.get(name, self).bound.setdefault(name, []).append(node)

    def declare(self, node: ast.Global | ast.Nonlocal) -> None:
        """Let names belong to the module, or to the function around this one."""
        around = self.above or self
        while isinstance(node, ast.Global) and around.above is not None:
            around = around.above
        for name in node.names:
            holder = around.holder(name) if isinstance(node, ast.Nonlocal) else around
            if (holder or around) is not self:
                self.outside[name] = holder or around


class Index:
    """The nodes of a module by kind, in the order of the source, with parents and scopes.

    The scope of a node is that in which its names are looked up. `bound` counts how often each name
    is bound or deleted, in any scope; `names` are the identifiers that are bound or looked up.
    """

    def __init__(self, tree: ast.Module) -> None:
        self.kinds: dict[type[Any], list[Any]] = {}
        self.parents: dict[ast.AST, ast.AST] = {}
        self.scopes: dict[ast.AST, Scope] = {}
        self.bound: Counter[str] = Counter()
        stack: list[tuple[ast.AST, Scope]] = [(tree, Scope(tree))]
        while stack:
            node, scope = stack.pop()
            self.scopes[node] = scope
            self.kinds.setdefault(type(node), []).append(node)
            self._bind(node, scope)
            below = list(_below(node, scope))
            self.parents.update((child, node) for child, _ in below)
            stack += reversed(below)
        self.names = self.bound.keys() | {n.id for n in self.kinds.get(ast.Name, ())}

    def _bind(self, node: ast.AST, scope: Scope) -> None:
        if isinstance(node, ast.Global | ast.Nonlocal):
            scope.declare(node)
            self.bound.update(node.names)
        for name in _bound_by(node):
            self.bound[name] += 1
            if isinstance(getattr(node, "ctx", None), ast.Del):
                continue
            holder = scope
            while isinstance(self.parents.get(node), ast.NamedExpr) and isinstance(
                holder.node, COMPREHENSIONS
            ):
                holder = holder.above or holder
            holder.bind(name, node)


def _bound_by(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Name(id=name, ctx=ast.Store() | ast.Del()) | ast.arg(arg=name):
            yield name
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            yield name
        case ast.alias(name=name, asname=renamed):
            if name != "*":
                yield renamed or name.partition(".")[0]
        case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)):
            yield name
        case ast.MatchStar(name=str(name)) | ast.MatchMapping(rest=str(name)):
            yield name


def _below(node: ast.AST, scope: Scope) -> Iterator[tuple[ast.AST, Scope]]:
    """Yield what a node holds, with the scope in which it is looked up."""
    above = scope.above or scope
    if isinstance(node, (*FUNCTIONS, ast.ClassDef, ast.Lambda)):
        inner = Scope(node, scope)
        outside = ("decorator_list", "returns", "bases", "keywords")
        for name in ("decorator_list", "bases", "keywords", "args", "returns", "body"):
            for child in _field(node, name):
                yield child, scope if name in outside else inner
    elif isinstance(node, COMPREHENSIONS):
        inner = Scope(node, scope)
        for name in ("generators", "elt", "key", "value"):
            yield from ((child, inner) for child in _field(node, name))
    elif isinstance(node, ast.arguments):
        for child in ast.iter_child_nodes(node):
            yield child, scope if isinstance(child, ast.arg) else above
    elif isinstance(node, ast.arg):
        yield from ((child, above) for child in ast.iter_child_nodes(node))
    elif isinstance(node, ast.comprehension):
        first = isinstance(scope.node, COMPREHENSIONS) and scope.node.generators[0] is node
        yield node.iter, above if first else scope
        yield from ((child, scope) for child in (node.target, *node.ifs))
    else:
        skipped = ast.expr_context | ast.operator | ast.cmpop | ast.boolop | ast.unaryop
        for child in ast.iter_child_nodes(node):
            if not isinstance(child, skipped):
                yield child, scope


def _field(node: ast.AST, name: str) -> list[ast.AST]:
    found = getattr(node, name, None)
    if isinstance(found, list):
        return found
    return [] if found is None else [found]
