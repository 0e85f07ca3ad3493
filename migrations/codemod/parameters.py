"""What legacy parameters mean in the engine, and where a source saves them and puts them back."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from .accesses import CFG, Access, accesses, is_cfg
from .bindings import bindings, is_builtin, resolve
from .names import PARAMETERS
from .provenance import class_around, function_around
from .source import Source, dotted

#: Functions that copy the dictionary.
COPIERS = ("copy.copy", "copy.deepcopy")


@dataclass(frozen=True)
class Saved:
    """A parameter that a function saves and puts back: where first, and all accesses to it."""

    key: str
    first: ast.AST
    nodes: tuple[ast.AST, ...]


def advice(key: str, value: Any = None) -> str:
    """Say what a legacy parameter, set to a literal or None, is in the engine."""
    if key == "use_batched_patch_extraction" and isinstance(value, bool):
        chosen = "chunked_xla (batched without XLA)" if value else "iterative"
        return f"{key}={value} is plugin={chosen}"
    if key == "patch_extraction_batch_size" and isinstance(value, int):
        return f"{key}={value} is plugin.chunk_size={value}, or plugin.batch_size with batched"
    if key == "use_xla_translate" and value is False:
        return f"{key}=False is plugin=batched, unless batched extraction is off"
    return f"{key} is now {PARAMETERS[key].replacement}"


# -- Saved, changed and put back ---------------------------------------------------------------


def saved_values(source: Source) -> list[Saved]:
    """Return each ``old = params.get(k)``, followed by ``params.set(k, old)`` in its function."""
    return source.once("saved", lambda: list(_saved_values(source)))


def _saved_values(source: Source) -> Iterator[Saved]:
    groups: dict[tuple[ast.AST | None, str], list[Access]] = {}
    for access in sorted(accesses(source), key=lambda access: source.start(access.node)):
        if access.key is not None:
            place = function_around(source, access.node), access.key
            groups.setdefault(place, []).append(access)
    for (_, key), group in groups.items():
        saved: dict[str, Access] = {}
        for access in group:
            if not access.writes:
                saved |= dict.fromkeys(_assigned_to(source, access.node), access)
        written = [a.value.id for a in group if a.writes and isinstance(a.value, ast.Name)]
        back = [saved[name] for name in written if name in saved]
        if back:
            yield Saved(key, back[0].node, tuple(access.node for access in group))


def _assigned_to(source: Source, node: ast.AST) -> list[str]:
    """Return the names to which the value of an expression is assigned, conditional or not."""
    above = source.parent(node)
    if isinstance(above, ast.IfExp):
        above = source.parent(above)
    targets = above.targets if isinstance(above, ast.Assign) else []
    return [target.id for target in targets if isinstance(target, ast.Name)]


def saved_dictionaries(source: Source) -> Iterator[ast.AST]:
    """Yield each ``old = params.cfg.copy()`` with ``params.cfg.update(old)``; else ``clear()``."""
    updates = [
        call.args[0]
        for call in source.find(ast.Call)
        if call.args and f"{CFG}.update" in resolve(source, call.func).names
    ]
    copies = [s for s in source.find(ast.Assign) if _is_copy(source, s.value)]
    found = [c for c in copies if any(_same(source, c, node) for node in updates)]
    yield from (statement.value for statement in found)
    classes = {class_around(source, copy) for copy in found} - {None}
    functions = {function_around(source, copy) for copy in found}
    for call in source.find(ast.Call):
        if f"{CFG}.clear" in resolve(source, call.func).names:
            told = class_around(source, call) in classes
            if not told and function_around(source, call) not in functions:
                yield call


def _is_copy(source: Source, node: ast.expr) -> bool:
    match node:
        case ast.Call(func=function, args=[]):
            return f"{CFG}.copy" in resolve(source, function).names
        case ast.Call(func=function, args=[argument]):
            copies = is_builtin(source, function, "dict")
            copies = copies or resolve(source, function).name in COPIERS
            return copies and is_cfg(source, argument)
    return False


def _same(source: Source, copy: ast.Assign, node: ast.expr) -> bool:
    """Tell whether an expression is what a copy was assigned to."""
    if isinstance(node, ast.Name):
        bound = bindings(source, node, node.id)
        return any(target in bound for target in copy.targets)
    within = class_around(source, copy) is class_around(source, node)
    return within and dotted(node) != "" and dotted(node) in map(dotted, copy.targets)
