"""Where a source reads or writes legacy parameters, resolved through its imports."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import libcst as cst

from .aliases import candidates
from .names import PARAMETERS_MODULE
from .source import Source, literal
from .values import entries, values

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
    node : CSTNode
        The expression.
    key : str or None
        The parameter; None if it is not told here.
    writes : bool
        Whether it is set here.
    value : CSTNode or None
        What it is set to, if that stands here.
    spelt : CSTNode or None
        Where the key is spelt.
    """

    node: cst.CSTNode
    key: str | None
    writes: bool
    value: cst.BaseExpression | None = None
    spelt: cst.CSTNode | None = None

    @property
    def literal(self) -> Any:
        """The literal it is set to, or None."""
        return None if self.value is None else literal(self.value)


def accesses(source: Source) -> list[Access]:
    """Return the accesses to the dictionary of `ptycho.params`.

    Its function ``params()`` returns a fresh copy: writes into that have no effect, and are left
    alone. A key that is a name counts as each string the file shows for it.
    """
    return source.once("accesses", lambda: list(_accesses(source)))


def is_cfg(source: Source, node: cst.CSTNode) -> bool:
    """Tell whether an expression is the dictionary of parameters."""
    return CFG in candidates(source, node)


def _accesses(source: Source) -> Iterator[Access]:
    for call in source.find(cst.Call):
        yield from _call(source, call)
    for item in source.find(cst.Subscript):
        index = item.slice[0].slice
        if len(item.slice) == 1 and isinstance(index, cst.Index) and is_cfg(source, item.value):
            yield from _item(source, item, index.value)
    for comparison in source.find(cst.Comparison):
        for target in comparison.comparisons:
            contained = isinstance(target.operator, cst.In | cst.NotIn)
            if contained and is_cfg(source, target.comparator):
                yield from _keyed(source, comparison, comparison.left, False)
    for merge in source.find(cst.AugAssign):
        if isinstance(merge.operator, cst.BitOrAssign) and is_cfg(source, merge.target):
            yield from _entered(source, merge, [merge.value])
    for assigned in source.find(cst.AssignTarget):
        statement = source.parent(assigned)
        attribute = isinstance(assigned.target, cst.Attribute)
        if attribute and isinstance(statement, cst.Assign) and is_cfg(source, assigned.target):
            yield from _entered(source, statement, [statement.value])


def _keyed(
    source: Source,
    node: cst.CSTNode,
    key: cst.BaseExpression,
    writes: bool,
    value: cst.BaseExpression | None = None,
) -> Iterator[Access]:
    """Yield an access for each string that its key may be, and one if it may be something else."""
    found = list(values(source, key)) if isinstance(key, cst.Name) else [key]
    told = [(literal(n), n) for n in found if n is not None and isinstance(literal(n), str)]
    for text, spelt in told:
        yield Access(node, text, writes, value, spelt)
    if len(told) < len(found) or not found:
        yield Access(node, None, writes, value)


def _item(source: Source, item: cst.Subscript, index: cst.BaseExpression) -> Iterator[Access]:
    target = source.parent(item)
    statement = source.parent(target) if target else None
    if isinstance(target, cst.AssignTarget) and isinstance(statement, cst.Assign):
        yield from _keyed(source, item, index, True, statement.value)
        return
    writes = (
        isinstance(target, cst.AugAssign | cst.Del) and getattr(target, "value", None) is not item
    )
    yield from _keyed(source, item, index, writes)


def _call(source: Source, call: cst.Call) -> Iterator[Access]:
    function = call.func
    positional = [a.value for a in call.args if a.keyword is None and not a.star]
    if isinstance(function, cst.Attribute) and function.attr.value in ITEM_PATCHES:
        if len(positional) > 1 and is_cfg(source, positional[0]):
            value = positional[2] if len(positional) > 2 else None
            yield from _keyed(source, call, positional[1], True, value)
    elif _patches_dictionary(source, function, positional):
        yield from _entered(source, call, positional[1:], call)
    elif isinstance(function, cst.Attribute | cst.Name):
        yield from _by_method(source, call, positional)


def _by_method(
    source: Source, call: cst.Call, positional: list[cst.BaseExpression]
) -> Iterator[Access]:
    names = candidates(source, call.func)
    if f"{CFG}.update" in names:
        yield from _entered(source, call, positional, call)
    elif _fills_cfg(source, positional):
        yield from _entered(source, call, positional[2:])
    for name in names:
        owner, _, method = name.rpartition(".")
        keyword = next((a.value for a in call.args if a.keyword and a.keyword.value == "key"), None)
        keys = [*positional[:1], *([keyword] if keyword is not None else [])]
        if method in METHODS.get(owner, ()) and keys:
            writes = method in ("set", "setdefault")
            value = positional[1] if writes and len(positional) > 1 else None
            yield from _keyed(source, call, keys[0], writes, value)


def _patches_dictionary(
    source: Source, function: cst.BaseExpression, positional: list[cst.BaseExpression]
) -> bool:
    """Tell whether a call is ``patch.dict(params.cfg, ...)``, or ``patch`` by its name."""
    if not positional:
        return False
    if literal(positional[0]) == CFG:
        return True
    name = function.attr.value if isinstance(function, cst.Attribute) else ""
    return name == DICTIONARY_PATCH and is_cfg(source, positional[0])


def _fills_cfg(source: Source, positional: list[cst.BaseExpression]) -> bool:
    """Tell whether a call is ``monkeypatch.setattr(params, "cfg", {...})`` or its like."""
    return (
        len(positional) > 2
        and literal(positional[1]) == "cfg"
        and PARAMETERS_MODULE in candidates(source, positional[0])
    )


def _entered(
    source: Source,
    node: cst.CSTNode,
    dictionaries: Iterable[cst.BaseExpression],
    call: cst.Call | None = None,
) -> Iterator[Access]:
    """Yield what dictionaries and keywords put in; one without key for what else they may hold."""
    arguments = call.args if call is not None else ()
    for dictionary in [*dictionaries, *(a.value for a in arguments if a.star == "**")]:
        for entry in entries(source, dictionary):
            yield Access(entry.node, entry.name, True, entry.value, entry.key)
        if not isinstance(dictionary, cst.Dict):
            yield Access(node, None, True)
    for argument in arguments:
        if argument.keyword is not None:
            key = argument.keyword
            yield Access(argument, key.value, True, argument.value, key)
