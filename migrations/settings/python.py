"""Legacy parameters that a Python file sets to literals. It is parsed, never run."""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Iterator
from typing import Any

from ptycho_engine.compat.params.keys import find_key

from ..codemod.accesses import Access, How, accesses
from ..codemod.bindings import bindings
from ..codemod.config_objects import fields
from ..codemod.entries import Entry, entries, is_dictionary, named_entries, value_given
from ..codemod.source import Source, literal


def read_python(text: str) -> tuple[dict[str, Any], list[str]]:
    """Collect the parameters that a module sets, with remarks on what could not be taken over.

    They are written to ``ptycho.params``, given to a legacy dataclass, or assigned outside of
    functions: to a known parameter's name, or as a dictionary with such keys. What is no literal,
    and what is set more than once, is remarked on.
    """
    values: dict[str, Any] = {}
    remarks = []
    source = Source(text)
    found = [*_assigned(source), *_through_ptycho(source)]
    by_place = {(source.start(access.node), access.key): access for access in found}
    for (place, _), access in sorted(by_place.items(), key=lambda item: item[0][0]):
        remark = _take(source, access, values)
        if remark:
            remarks.append(f"line {source.line(place)}: {remark}")
    return values, remarks


def _take(source: Source, access: Access, values: dict[str, Any]) -> str:
    """Let an access do to `values` what it does to the parameters; return what is to be said."""
    key = access.key
    if access.how is How.CLEAR:
        return "all parameters are dropped here; what was set above still counts" * bool(values)
    if key is None:
        shown = textwrap.shorten(source.code(access.node), 60, placeholder=" ...")
        return f"what {shown} sets does not stand here; write those values yourself"
    if access.how is How.REMOVE:
        return f"{key} is dropped here; what was set above still counts" * (key in values)
    if access.how is How.DEFAULT and key in values:
        return ""
    try:
        value = _value(access.value)
    except ValueError:
        return f"{key} is set to an expression; write its value yourself"
    before = values.get(key, value)
    values[key] = value
    if access.how is How.DEFAULT:
        return f"{key} is set only if it was not set before; {value!r} counts"
    return f"{key} was {before!r} above; {value!r} counts" if before != value else ""


def _value(node: ast.expr | None) -> Any:
    """Return a literal, also one in ``Path(...)``; ValueError if it is none."""
    if isinstance(node, ast.Call) and len(node.args) == 1 and not node.keywords:
        name = ast.unparse(node.func)
        if name in ("Path", "pathlib.Path"):
            node = node.args[0]
    if node is None:
        raise ValueError
    try:
        return ast.literal_eval(node)
    except (TypeError, MemoryError, RecursionError) as error:  # such as {[]: 1}
        raise ValueError from error


def _assigned(source: Source) -> Iterator[Access]:
    """Yield what is assigned outside of functions and classes, and what changes it anywhere."""
    dictionaries: set[ast.AST] = set()
    for name in source.find(ast.Name):
        scope, statement = source.scope(name), _assignment(source, name)
        if statement is None or scope is None or scope.node is not source.tree:
            continue
        value = value_given(source, name)
        if value is not None and is_dictionary(source, value):
            found = list(_dictionary(source, value))
            dictionaries |= {name} if found else set()
            yield from found
        elif find_key(name.id) is not None:
            yield Access(name, name.id, How.SET, value)
    for entry in _changed(source, dictionaries):
        yield Access(entry.node, entry.key, How.SET, entry.value)


def _changed(source: Source, dictionaries: set[ast.AST]) -> Iterator[Entry]:
    """Yield what is put later into the dictionaries that some names were given."""

    def is_one(node: ast.expr) -> bool:
        bound = bindings(source, node, node.id) if isinstance(node, ast.Name) else []
        return not dictionaries.isdisjoint(bound)

    for item in source.find(ast.Subscript):
        if isinstance(item.ctx, ast.Store) and is_one(item.value):
            key = literal(item.slice)
            yield Entry(item, key if isinstance(key, str) else None, value_given(source, item))
    for call in source.find(ast.Call):
        method = call.func
        if isinstance(method, ast.Attribute) and method.attr == "update" and is_one(method.value):
            for given in call.args:
                yield from entries(source, given)
            yield from named_entries(source, call.keywords)
    for statement in source.find(ast.AugAssign):
        if isinstance(statement.op, ast.BitOr) and is_one(statement.target):
            yield from entries(source, statement.value)


def _assignment(source: Source, name: ast.Name) -> ast.stmt | None:
    """Return the assignment of which a name is a target, or one of them."""
    above = source.parent(name) if isinstance(name.ctx, ast.Store) else None
    while isinstance(above, ast.Tuple | ast.List | ast.Starred):
        above = source.parent(above)
    if isinstance(above, ast.AnnAssign) and above.value is None:
        return None
    return above if isinstance(above, ast.Assign | ast.AnnAssign | ast.AugAssign) else None


def _dictionary(source: Source, node: ast.expr) -> Iterator[Access]:
    """Yield the entries of a dictionary in which some key is a legacy parameter."""
    found = [entry for entry in entries(source, node) if entry.key is not None]
    if any(find_key(str(entry.key)) is not None for entry in found):
        yield from (Access(entry.node, entry.key, How.SET, entry.value) for entry in found)


def _through_ptycho(source: Source) -> Iterator[Access]:
    yield from (access for access in accesses(source) if access.how is not How.READ)
    for entry in fields(source):
        yield Access(entry.node, entry.key, How.SET, entry.value)
