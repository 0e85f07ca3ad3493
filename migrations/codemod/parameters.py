"""Where a source reads or writes legacy parameters, resolved through its imports."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import libcst as cst

from .names import PARAMETERS_MODULE
from .source import Source, literal

CFG = f"{PARAMETERS_MODULE}.cfg"
#: The functions of the module and the methods of its dictionary that take a key.
METHODS = {PARAMETERS_MODULE: ("get", "set"), CFG: ("get", "pop", "setdefault")}


@dataclass(frozen=True)
class Access:
    """One access to one parameter.

    Attributes
    ----------
    node : CSTNode
        The expression.
    key : str or None
        The parameter; None if it is not a literal.
    writes : bool
        Whether it is set here.
    value : CSTNode or None
        What it is set to, if that stands here.
    """

    node: cst.CSTNode
    key: str | None
    writes: bool
    value: cst.BaseExpression | None = None

    @property
    def literal(self) -> Any:
        """The literal it is set to, or None."""
        return None if self.value is None else literal(self.value)


def accesses(source: Source) -> Iterator[Access]:
    """Yield the accesses to the dictionary of `ptycho.params`.

    Its function ``params()`` returns a fresh copy: writes into that have no effect, and are left
    alone.
    """
    for call in source.find(cst.Call):
        yield from _call(source, call)
    for item in source.find(cst.Subscript):
        if source.resolve(item.value).name == CFG and len(item.slice) == 1:
            index = item.slice[0].slice
            if isinstance(index, cst.Index):
                yield _item(source, item, index.value)
    for comparison in source.find(cst.Comparison):
        for target in comparison.comparisons:
            contained = isinstance(target.operator, cst.In | cst.NotIn)
            if contained and source.resolve(target.comparator).name == CFG:
                yield Access(comparison, _key(comparison.left), False)


def _key(node: cst.CSTNode) -> str | None:
    value = literal(node)
    return value if isinstance(value, str) else None


def _item(source: Source, item: cst.Subscript, index: cst.BaseExpression) -> Access:
    target = source.parent(item)
    statement = source.parent(target) if target else None
    if isinstance(target, cst.AssignTarget) and isinstance(statement, cst.Assign):
        return Access(item, _key(index), True, statement.value)
    writes = (
        isinstance(target, cst.AugAssign | cst.Del) and getattr(target, "value", None) is not item
    )
    return Access(item, _key(index), writes)


def _call(source: Source, call: cst.Call) -> Iterator[Access]:
    name = source.resolve(call.func).name or ""
    owner, _, method = name.rpartition(".")
    arguments = [a for a in call.args if not a.star]
    if method in METHODS.get(owner, ()):
        if arguments:
            writes = method in ("set", "setdefault")
            value = arguments[1].value if writes and len(arguments) > 1 else None
            yield Access(call, _key(arguments[0].value), writes, value)
    elif name == f"{CFG}.update" or _fills_cfg(source, name, call):
        yield from _updates(call)


def _fills_cfg(source: Source, name: str, call: cst.Call) -> bool:
    """Tell whether a call is ``monkeypatch.setattr(params, "cfg", {...})`` or its like."""
    return (
        len(call.args) > 2
        and source.resolve(call.args[0].value).name == PARAMETERS_MODULE
        and literal(call.args[1].value) == "cfg"
    )


def _updates(call: cst.Call) -> Iterator[Access]:
    for argument in call.args:
        if argument.keyword is not None:
            yield Access(argument, argument.keyword.value, True, argument.value)
        elif isinstance(argument.value, cst.Dict):
            for element in argument.value.elements:
                if isinstance(element, cst.DictElement):
                    yield Access(element, _key(element.key), True, element.value)
