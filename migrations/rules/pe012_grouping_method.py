"""PE012: the method ``generate_grouped_data`` becomes a function of `ptycho_engine.compat`."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from ..codemod.findings import Finding, Kind, Rule, todo
from ..codemod.names import COMPAT, GROUPING, GROUPING_METHOD
from ..codemod.new_imports import bind_module
from ..codemod.receivers import Origin, origin
from ..codemod.source import Source, dotted
from ..codemod.text import Edit

ID = "PE012"


def check(source: Source) -> Iterator[Finding]:
    """Find ``raw.generate_grouped_data(64)`` where ``raw`` is made from a legacy ``RawData``."""
    found = [c for c in source.find(cst.Call) if _is_method(source, c)]
    known = [c for c in found if _origin(source, c) is Origin.LEGACY]
    unknown = [c for c in found if _origin(source, c) is Origin.UNKNOWN]
    if known:
        alias, imports = bind_module(source, COMPAT, "compat", known, [])
        for call in known:
            edits = (_as_function(source, call, alias), *imports)
            message = f"is now {alias}.{GROUPING_METHOD}"
            yield Finding(ID, source.span(call)[0], GROUPING, message, Kind.REWRITE, edits)
    if _imports_ptycho(source):
        text = f"where this is a RawData of ptycho, use {COMPAT}.{GROUPING_METHOD}(data, ...)"
        for call in unknown:
            yield todo(
                source, ID, source.span(call)[0], source.statement(call), GROUPING_METHOD, text
            )


def _is_method(source: Source, call: cst.Call) -> bool:
    """Tell whether a call is of that method, and not of the class or of a module."""
    function = call.func
    return (
        isinstance(function, cst.Attribute)
        and function.attr.value == GROUPING_METHOD
        and not (dotted(function) and source.resolve(function).names)
    )


def _origin(source: Source, call: cst.Call) -> Origin:
    assert isinstance(call.func, cst.Attribute)
    receiver = call.func.value
    plain = not (call.func.lpar or getattr(receiver, "lpar", ()))
    nested = GROUPING_METHOD in source.code(receiver)
    found = origin(source, receiver)
    return found if found is not Origin.LEGACY or (plain and not nested) else Origin.UNKNOWN


def _as_function(source: Source, call: cst.Call, alias: str) -> Edit:
    assert isinstance(call.func, cst.Attribute)
    start, stop = source.span(call.func)
    inside = source.text.index("(", stop) + 1
    separator = ""
    if call.args:
        separator = "," if source.text[inside] in "\r\n" else ", "
    receiver = source.code(call.func.value)
    return Edit(start, inside, f"{alias}.{GROUPING_METHOD}({receiver}{separator}")


def _imports_ptycho(source: Source) -> bool:
    modules = [dotted(n.module) for n in source.find(cst.ImportFrom) if not n.relative]
    modules += [dotted(a.name) for n in source.find(cst.Import) for a in n.names]
    return any(module.partition(".")[0] == "ptycho" for module in modules)


RULE = Rule(ID, "the method generate_grouped_data becomes a function", check)
