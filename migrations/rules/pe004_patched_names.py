"""PE004: legacy functions that are patched, replaced or named by a string."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterator

from ..codemod.bindings import attributes, is_stored, resolve
from ..codemod.findings import Finding, Rule, todo
from ..codemod.names import drop_in, drop_in_leaves
from ..codemod.source import Source, literal

ID = "PE004"


def check(source: Source) -> Iterator[Finding]:
    """Find ``patch("ptycho.raw_data.get_image_patches")``, ``patch.object`` and assignments.

    Whom such a patch is meant for, the file does not tell: code that calls the legacy function
    from inside PtychoPINN still needs it there, code that was migrated needs it elsewhere.
    """
    found: list[tuple[ast.AST, str]] = [
        (string, string.value)
        for string in source.find(ast.Constant)
        if isinstance(string.value, str) and _named(string.value)
        if not isinstance(source.parent(string), ast.JoinedStr)
    ]
    found += _objects_and_names(source)
    found += [(node, name) for node, name in attributes(source) if is_stored(node)]
    for node, name in found:
        text = f"{name} is named here; migrated code calls ptycho_engine.compat instead"
        yield todo(source, ID, node, name, text)


def _named(text: str) -> bool:
    parts = text.split(".")
    return any(drop_in(".".join(parts[:n])) is not None for n in range(3, len(parts) + 1))


def _objects_and_names(source: Source) -> Iterator[tuple[ast.AST, str]]:
    """Yield the calls with two arguments, a legacy module and a string, that name a function."""
    for call in source.find(ast.Call):
        given = [*call.args, *(keyword.value for keyword in call.keywords)]
        for first, second in itertools.pairwise(given):
            leaf = literal(second)
            if isinstance(leaf, str) and leaf in drop_in_leaves():
                name = f"{resolve(source, first).name}.{leaf}"
                if drop_in(name) is not None:
                    yield call, name
                    break


RULE = Rule(ID, "legacy functions that are patched, replaced or named by a string", check)
