"""Where a source reads or writes legacy parameters, resolved through its imports."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from .bindings import entries, values
from .names import PARAMETERS_MODULE, parameters
from .provenance import candidates
from .scopes import FUNCTIONS
from .source import Source, literal

CFG = f"{PARAMETERS_MODULE}.cfg"
#: The functions of the module and the methods of its dictionary that take a key.
METHODS = {PARAMETERS_MODULE: ("get", "set"), CFG: ("get", "pop", "setdefault")}
#: What patches one entry of a dictionary, and one that replaces some: pytest's and mock's.
ITEM_PATCHES = ("setitem", "delitem")
DICTIONARY_PATCH = "dict"


@dataclass(frozen=True)
class Access:
    """One access to one parameter.

    Attributes
    ----------
    node : AST
        The expression.
    key : str or None
        The parameter; None if it is not told here.
    writes : bool
        Whether it is set here.
    value : expr or None
        What it is set to, if that stands here.
    spelt : expr or None
        Where the key is spelt.
    """

    node: ast.AST
    key: str | None
    writes: bool
    value: ast.expr | None = None
    spelt: ast.expr | None = None


def advice(key: str, value: Any = None) -> str:
    """Say what a legacy parameter, set to a literal or None, is in the engine."""
    if key == "use_batched_patch_extraction" and isinstance(value, bool):
        chosen = "chunked_xla (batched without XLA)" if value else "iterative"
        return f"{key}={value} is plugin={chosen}"
    if key == "patch_extraction_batch_size" and isinstance(value, int):
        return f"{key}={value} is plugin.chunk_size={value}, or plugin.batch_size with batched"
    if key == "use_xla_translate" and value is False:
        return f"{key}=False is plugin=batched, unless batched extraction is off"
    return f"{key} is now {parameters()[key].replacement}"


def accesses(source: Source) -> list[Access]:
    """Return the accesses to the dictionary of `ptycho.params`.

    Its function ``params()`` returns a fresh copy: writes into that have no effect, and are left
    alone. A key that is a name counts as each string the file shows for it.
    """
    return source.once("accesses", lambda: list(_accesses(source)))


def is_cfg(source: Source, node: ast.AST) -> bool:
    """Tell whether an expression is the dictionary of parameters."""
    return CFG in candidates(source, node)


def _accesses(source: Source) -> Iterator[Access]:
    for call in source.find(ast.Call):
        yield from _call(source, call)
    for item in source.find(ast.Subscript):
        if is_cfg(source, item.value):
            statement = source.parent(item)
            assigned = isinstance(statement, ast.Assign) and item in statement.targets
            value = statement.value if isinstance(statement, ast.Assign) and assigned else None
            yield from _keyed(source, item, item.slice, not isinstance(item.ctx, ast.Load), value)
    for comparison in source.find(ast.Compare):
        for operator, right in zip(comparison.ops, comparison.comparators, strict=True):
            if isinstance(operator, ast.In | ast.NotIn) and is_cfg(source, right):
                yield from _keyed(source, comparison, comparison.left, False)
    for merge in source.find(ast.AugAssign):
        if isinstance(merge.op, ast.BitOr) and is_cfg(source, merge.target):
            yield from _entered(source, merge, [merge.value])
    for statement in source.find(ast.Assign):
        for target in statement.targets:
            if isinstance(target, ast.Attribute) and is_cfg(source, target):
                yield from _entered(source, statement, [statement.value])


def _keyed(
    source: Source, node: ast.AST, key: ast.expr, writes: bool, value: ast.expr | None = None
) -> Iterator[Access]:
    """Yield an access for each string that its key may be, and one if it may be something else."""
    found = values(source, key) if isinstance(key, ast.Name) else [key]
    told = [n for n in found if n is not None and isinstance(literal(n), str)]
    for spelt in told:
        yield Access(node, literal(spelt), writes, value, spelt)
    if len(told) < len(found) or not found:
        yield Access(node, None, writes, value)


def _call(source: Source, call: ast.Call) -> Iterator[Access]:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else ""
    given = [a for a in call.args if not isinstance(a, ast.Starred)]
    if name in ITEM_PATCHES:
        if len(given) > 1 and is_cfg(source, given[0]):
            yield from _keyed(source, call, given[1], True, given[2] if len(given) > 2 else None)
    elif given and (
        literal(given[0]) == CFG or (name == DICTIONARY_PATCH and is_cfg(source, given[0]))
    ):
        yield from _entered(source, call, given[1:], call)
    elif isinstance(call.func, ast.Attribute | ast.Name):
        yield from _by_method(source, call, given)


def _by_method(source: Source, call: ast.Call, given: list[ast.expr]) -> Iterator[Access]:
    names = candidates(source, call.func)
    if f"{CFG}.update" in names:
        yield from _entered(source, call, given, call)
    elif (  # monkeypatch.setattr(params, "cfg", {...})
        len(given) > 2
        and literal(given[1]) == "cfg"
        and PARAMETERS_MODULE in candidates(source, given[0])
    ):
        yield from _entered(source, call, given[2:])
    for name in names:
        owner, _, method = name.rpartition(".")
        keys = [*given[:1], *(k.value for k in call.keywords if k.arg == "key")]
        if method in METHODS.get(owner, ()) and keys:
            writes = method in ("set", "setdefault")
            value = given[1] if writes and len(given) > 1 else None
            yield from _keyed(source, call, keys[0], writes, value)


def _entered(
    source: Source, node: ast.AST, dictionaries: Iterable[ast.expr], call: ast.Call | None = None
) -> Iterator[Access]:
    """Yield what dictionaries and keywords put in; one without key for what else they may hold."""
    keywords = call.keywords if call is not None else []
    for dictionary in [*dictionaries, *(k.value for k in keywords if k.arg is None)]:
        for entry in entries(source, dictionary):
            yield Access(entry.node, entry.name, True, entry.value, entry.key)
        if not isinstance(dictionary, ast.Dict):
            yield Access(node, None, True)
    for keyword in keywords:
        if keyword.arg is not None:
            yield Access(keyword, keyword.arg, True, keyword.value)


def untold(source: Source, known: Iterable[ast.AST]) -> Iterator[tuple[Access, str]]:
    """Yield the first access without a key in each function, with each key it may be about.

    Those are the ones that the file spells as a string elsewhere than in an access.

    Parameters
    ----------
    source : Source
        The module.
    known : iterable of AST
        Accesses that something else speaks about.
    """
    told = {access.spelt for access in accesses(source)}
    strings = [n for n in source.find(ast.Constant) if n not in told]
    keys = list(
        dict.fromkeys(k for n in strings if isinstance(k := n.value, str) and k in parameters())
    )
    done: set[ast.AST] = set()
    others = set(known) if keys else set()
    for access in accesses(source) if keys else ():
        around = (n for n in source.ancestors(access.node) if isinstance(n, FUNCTIONS))
        function = next(around, source.tree)
        if access.key is None and function not in done and access.node not in others:
            done.add(function)
            yield from ((access, key) for key in keys)
