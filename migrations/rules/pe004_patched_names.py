"""PE004: legacy functions that are patched, replaced or named by a string."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from ..codemod.attributes import attributes, is_stored
from ..codemod.findings import Finding, Rule, todo
from ..codemod.names import drop_in, drop_in_leaves, drop_in_modules
from ..codemod.source import Source, literal

ID = "PE004"


def check(source: Source) -> Iterator[Finding]:
    """Find ``patch("ptycho.raw_data.get_image_patches")``, ``patch.object`` and assignments.

    Whom such a patch is meant for, the file does not tell: code that calls the legacy function
    from inside PtychoPINN still needs it there, code that was migrated needs it elsewhere.
    """
    for string in source.find(cst.SimpleString):
        value = literal(string)
        if isinstance(value, str) and _named(value):
            yield _left(source, string, value)
    for call in source.find(cst.Call):
        name = _object_and_name(source, call)
        if name is not None:
            yield _left(source, call, name)
    for node, name in attributes(source):
        if is_stored(source, node):
            yield _left(source, node, name)


def _named(text: str) -> bool:
    parts = text.split(".")
    return any(drop_in(".".join(parts[:n])) is not None for n in range(3, len(parts) + 1))


def _object_and_name(source: Source, call: cst.Call) -> str | None:
    """Return the function named by two arguments: a legacy module and a string."""
    modules = drop_in_modules()
    for first, second in zip(call.args, call.args[1:], strict=False):
        leaf = literal(second.value)
        if leaf not in drop_in_leaves():
            continue
        module = source.resolve(first.value).name
        if module in modules and drop_in(f"{module}.{leaf}") is not None:
            return f"{module}.{leaf}"
    return None


def _left(source: Source, node: cst.CSTNode, name: str) -> Finding:
    text = f"{name} is named here; migrated code calls ptycho_engine.compat instead"
    return todo(source, ID, source.span(node)[0], source.statement(node), name, text)


RULE = Rule(ID, "legacy functions that are patched, replaced or named by a string", check)
