"""PE006: star imports, whose names cannot be told."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator

from ..codemod.bindings import bindings, resolve_name
from ..codemod.findings import Finding, Kind, Rule, todo
from ..codemod.generations import same_numbers
from ..codemod.names import COMPAT, DROP_INS, LEAVES, MODULES
from ..codemod.source import Source, dotted, first_name, module_of

ID = "PE006"


def check(source: Source) -> Iterator[Finding]:
    """Find ``from ptycho.tf_helper import *``, and what it may bring of other modules' names."""
    stars = [node for node in source.find(ast.ImportFrom) if _is_legacy_star(node)]
    used = {}
    for node in stars:
        brought = [n for n in sorted(LEAVES) if f"{module_of(node)}.{n}" in DROP_INS]
        free = {n for n in brought if n in source.names and not source.bound[n]}
        used[node] = [n for n in brought if n in free or _is_taken_back(source, node, n)]
    own = {name for names in used.values() for name in names}
    passed_on = [name for name in _unbound(source) if name not in own] if stars else []
    for node in stars:
        name = f"{module_of(node)}.*"
        if names := [*used[node], *passed_on]:
            passed_on = []
            text = f"import by name what is used; {', '.join(names)} may come from it"
            yield todo(source, ID, node, name, text)
        elif module_of(node) in MODULES:
            text = "none of its deprecated functions seems to be used"
            yield Finding(ID, source.start(node), name, text, Kind.NOTE)


def _is_legacy_star(node: ast.ImportFrom) -> bool:
    return node.names[0].name == "*" and module_of(node).partition(".")[0] == "ptycho"


def _is_taken_back(source: Source, star: ast.ImportFrom, name: str) -> bool:
    """Tell whether a name comes from `ptycho_engine.compat` by imports that all stand above."""
    found = bindings(source, star, name)
    kept = {resolve_name(source, star, name).name} & {f"{COMPAT}.{name}", *DROP_INS}
    moved = all(same_numbers(source, n) for n in kept if n in DROP_INS)
    return bool(kept) and moved and all(source.start(n) < source.start(star) for n in found)


def _unbound(source: Source) -> list[str]:
    """Return ``translate``, ``hh.translate`` and their like that nothing in the file binds."""
    found: list[ast.AST] = [name for name in source.find(ast.Name) if name.id in LEAVES]
    found += [node for node in source.find(ast.Attribute) if node.attr in LEAVES]
    roots = [(root.id, dotted(node)) for node in found if (root := first_name(node)) is not None]
    unbound = (n for root, n in roots if not source.bound[root] and not hasattr(builtins, root))
    return list(dict.fromkeys(unbound))


RULE = Rule(ID, "star imports of modules with deprecated functions", check)
