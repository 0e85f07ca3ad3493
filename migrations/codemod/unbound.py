"""Legacy names on what nothing in a file binds, so that only a star import can bring it."""

from __future__ import annotations

import builtins
from collections.abc import Iterator

import libcst as cst

from .names import drop_in_leaves, parameters
from .parameters import METHODS
from .source import Source, dotted, first_name, literal
from .spelt_magics import dotted_in, magics
from .values import arguments, entries

#: What takes the key of a parameter first.
METHOD_NAMES = {name for names in METHODS.values() for name in names}


def reached_by_star(source: Source) -> list[str]:
    """Return the names that use a legacy function or parameter and may come from a star.

    Parameters
    ----------
    source : Source
        The module.

    Returns
    -------
    list of str
        ``translate``, ``hh.translate``, or ``params`` of ``params.set("use_xla_translate", 0)``;
        each once.
    """
    found = [*_functions(source), *_parameters(source)]
    return list(dict.fromkeys(found))


def _is_unbound(source: Source, name: str) -> bool:
    return not source.survey.bound[name] and not hasattr(builtins, name)


def _functions(source: Source) -> Iterator[str]:
    leaves = drop_in_leaves()
    for name in source.find(cst.Name):
        if name.value in leaves and source.scope(name) is not None:
            yield from [name.value] if _is_unbound(source, name.value) else []
    for attribute in source.find(cst.Attribute):
        root = first_name(attribute)
        if attribute.attr.value in leaves and root is not None and _is_unbound(source, root.value):
            yield dotted(attribute)
    for _, text in magics(source):
        yield from (n for n in dotted_in(text) if _is_unbound(source, n.partition(".")[0]))


def _parameters(source: Source) -> Iterator[str]:
    """Find what looks like `ptycho.params` or its dictionary by its use and its usual name."""
    known = parameters()
    for call in source.find(cst.Call):
        function = call.func
        owner: cst.BaseExpression = function
        keys = [literal(call.args[0].value)] if call.args else []
        if isinstance(function, cst.Attribute):
            owner = function.value
            if function.attr.value == "update":
                given = [e for a in call.args for e in entries(source, a.value) if not a.keyword]
                keys = [entry.name for entry in (*given, *arguments(source, call))]
            elif function.attr.value not in METHOD_NAMES:
                continue
        elif not (isinstance(function, cst.Name) and function.value in METHOD_NAMES):
            continue
        if known.keys() & set(keys):
            yield from _owner(source, owner)
    for item in source.find(cst.Subscript):
        index = item.slice[0].slice
        if isinstance(index, cst.Index) and literal(index.value) in known:
            yield from _owner(source, item.value)


def _owner(source: Source, node: cst.BaseExpression) -> Iterator[str]:
    root = first_name(node)
    if root is not None and _is_unbound(source, root.value):
        yield dotted(node)
