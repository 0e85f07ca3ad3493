"""Where a source reads or writes the dictionary of `ptycho.params`, by its imports."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto

from .bindings import of_bindings, resolve
from .config_objects import is_config
from .entries import entries, named_entries, value_given
from .names import CONFIG_MODULE, PARAMETERS_MODULE
from .source import Source, literal

CFG = f"{PARAMETERS_MODULE}.cfg"
#: What takes a dictionary over into `cfg`: a dictionary or, as a rule, a legacy dataclass.
BRIDGE = f"{CONFIG_MODULE}.update_legacy_dict"


class How(Enum):
    """What an access does; DEFAULT sets a parameter that is not set yet, CLEAR drops them all."""

    READ = auto()
    SET = auto()
    DEFAULT = auto()
    REMOVE = auto()
    CLEAR = auto()


@dataclass(frozen=True)
class Access:
    """An access to a parameter.

    The key is None where it does not stand there, the value where it is not one expression.
    """

    node: ast.AST
    key: str | None
    how: How
    value: ast.expr | None = None

    @property
    def writes(self) -> bool:
        """Whether it gives a parameter a value."""
        return self.how in (How.SET, How.DEFAULT)


#: The functions of the module that take a key, and the methods of its dictionary that do.
FUNCTIONS = {f"{PARAMETERS_MODULE}.get": How.READ, f"{PARAMETERS_MODULE}.set": How.SET}
METHODS = {
    "get": How.READ,
    "pop": How.REMOVE,
    "setdefault": How.DEFAULT,
    "__setitem__": How.SET,
    "__delitem__": How.REMOVE,
}
#: Methods of fixtures that are given a dictionary and a key of it.
ITEM_PATCHES = {"setitem": How.SET, "delitem": How.REMOVE}
#: Functions that replace an attribute, or something that a string names.
REPLACERS = ("setattr", "object", "patch")


def accesses(source: Source) -> list[Access]:
    """Return the accesses to the dictionary of `ptycho.params`.

    Its function ``params()`` returns a fresh copy: writes into that have no effect, and are left
    alone.
    """
    return source.once("accesses", lambda: list(_accesses(source)))


def is_cfg(source: Source, node: ast.AST) -> bool:
    """Tell whether an expression may be the dictionary, also under a name that it is given."""
    if CFG in resolve(source, node).names:
        return True
    if not isinstance(node, ast.Name):
        return False
    return of_bindings(source, node, node.id, "cfg", lambda bound: _binds_cfg(source, bound))


def _binds_cfg(source: Source, bound: list[ast.AST]) -> bool:
    values = [value_given(source, place) for place in bound if isinstance(place, ast.Name)]
    given = (v for v in values if isinstance(v, ast.Attribute | ast.Name))
    return any(CFG in resolve(source, value).names for value in given)


def _accesses(source: Source) -> Iterator[Access]:
    for call in source.find(ast.Call):
        yield from _call(source, call)
        yield from _patch(source, call)
    for item in source.find(ast.Subscript):
        if is_cfg(source, item.value):
            yield from _item(source, item)
    names: list[ast.Attribute | ast.Name] = [*source.find(ast.Attribute), *source.find(ast.Name)]
    for target in names:
        if isinstance(target.ctx, ast.Store):
            yield from _whole(source, target)
    for comparison in source.find(ast.Compare):
        key = literal(comparison.left)
        within = isinstance(comparison.ops[0], ast.In | ast.NotIn)
        if within and isinstance(key, str) and is_cfg(source, comparison.comparators[0]):
            yield Access(comparison, key, How.READ)


def _item(source: Source, item: ast.Subscript) -> Iterator[Access]:
    key = literal(item.slice)
    how = {ast.Load: How.READ, ast.Del: How.REMOVE}.get(type(item.ctx), How.SET)
    value = value_given(source, item) if how is How.SET else None
    if isinstance(key, str) or how is How.SET:
        yield Access(item, key if isinstance(key, str) else None, how, value)


def _whole(source: Source, target: ast.Attribute | ast.Name) -> Iterator[Access]:
    """Look at ``cfg |= {...}`` and ``p.cfg = {...}``."""
    statement = source.parent(target)
    if isinstance(statement, ast.AugAssign):
        if isinstance(statement.op, ast.BitOr) and is_cfg(source, target):
            yield from _entered(source, [statement.value])
    elif isinstance(target, ast.Attribute) and is_cfg(source, target):
        yield from _replaced(source, target, value_given(source, target))


def _call(source: Source, call: ast.Call) -> Iterator[Access]:
    """Look at a function of the module, or a method of the dictionary."""
    names = resolve(source, call.func).names
    for name in names & FUNCTIONS.keys():
        yield from _keyed(call, call.args, FUNCTIONS[name])
    if BRIDGE in names:
        given = {k.arg: k.value for k in call.keywords}
        given |= dict(zip(("dictionary", "dataclass_obj"), call.args, strict=False))
        taken = given.get("dataclass_obj")
        into = given.get("dictionary")
        if taken and into and is_cfg(source, into) and not is_config(source, taken):
            yield from _entered(source, [taken])
    if not isinstance(call.func, ast.Attribute) or not is_cfg(source, call.func.value):
        return
    if call.func.attr in METHODS:
        yield from _keyed(call, call.args, METHODS[call.func.attr])
    elif call.func.attr == "update":
        yield from _entered(source, call.args, call.keywords)
    elif call.func.attr == "clear":
        yield Access(call, None, How.CLEAR)


def _keyed(call: ast.Call, given: list[ast.expr], how: How) -> Iterator[Access]:
    """Look at a call that takes a key and, if it writes, a value."""
    by_name = {keyword.arg: keyword.value for keyword in call.keywords}
    by_name |= dict(zip(("key", "value"), given, strict=False))
    named = by_name.get("key", by_name.get("name"))  # the latter of a fixture
    key, value = literal(named), by_name.get("value")
    writes = how in (How.SET, How.DEFAULT)
    if isinstance(key, str):
        yield Access(call, key, how, value if writes else None)
    elif writes:
        yield Access(call, None, how)


def _patch(source: Source, call: ast.Call) -> Iterator[Access]:
    """Look at what a test changes for a while: items of the dictionary, or all of it."""
    leaf, given = getattr(call.func, "attr", getattr(call.func, "id", "")), call.args
    if not given:
        return
    module = PARAMETERS_MODULE in resolve(source, given[0]).names
    named = literal(given[0])
    by_name = {keyword.arg: keyword.value for keyword in call.keywords}
    if leaf in ITEM_PATCHES and is_cfg(source, given[0]):
        yield from _keyed(call, given[1:], ITEM_PATCHES[leaf])
    elif leaf == "dict" and isinstance(call.func, ast.Attribute):
        if named != CFG and not is_cfg(source, given[0]):
            return
        values = [by_name["values"]] if "values" in by_name else given[1:2]
        more = [k for k in call.keywords if k.arg not in ("in_dict", "values", "clear")]
        yield from _entered(source, values, more)
    elif leaf == "multiple" and (module or named == PARAMETERS_MODULE):
        if "cfg" in by_name:
            yield from _replaced(source, call, by_name["cfg"])
    elif leaf in REPLACERS:
        new = by_name.get("new", by_name.get("value"))
        if module and len(given) > 1 and literal(given[1]) == "cfg":
            yield from _replaced(source, call, new or next(iter(given[2:]), None))
        elif named == CFG:
            yield from _replaced(source, call, new or next(iter(given[1:]), None))


def _replaced(source: Source, node: ast.AST, value: ast.expr | None) -> Iterator[Access]:
    yield Access(node, None, How.CLEAR)
    if value is not None:
        yield from _entered(source, [value])


def _entered(
    source: Source, given: list[ast.expr], keywords: list[ast.keyword] | None = None
) -> Iterator[Access]:
    """Yield the entries of dictionaries that are taken over, but for the parameters themselves."""
    for dictionary in given:
        for entry in entries(source, dictionary):
            if entry.key is not None or not is_cfg(source, entry.node):
                yield Access(entry.node, entry.key, How.SET, entry.value)
    for entry in named_entries(source, keywords or []):
        yield Access(entry.node, entry.key, How.SET, entry.value)
