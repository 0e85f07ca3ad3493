"""PE005: calls of ``get_image_patches`` spelt out for the engine, with the same numbers."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from ..codemod.findings import Finding, Kind, Rule, comment_above, mentioned, page, todo
from ..codemod.names import COMPAT
from ..codemod.native import Names, Unsafe, spell_out
from ..codemod.new_imports import bind_module
from ..codemod.references import references
from ..codemod.source import Import, Source
from ..codemod.text import Edit

ID = "PE005"
LEGACY = "ptycho.raw_data.get_image_patches"
NAMES = (LEGACY, f"{COMPAT}.get_image_patches")
COMMENT = (
    f"# ptycho-migrate {ID}: the old numbers and dtype are kept by "
    'rounding="legacy", offsets that mirror the members (without, patches move by pixels), '
    f"members= and the cast; drop them when those may change, see {page(ID)}"
)


def check(source: Source) -> Iterator[Finding]:
    """Find ``get_image_patches(image, global_offsets, local_offsets, N, gridsize)``."""
    calls = [c for c in source.find(cst.Call) if source.resolve(c.func).is_one_of(NAMES)]
    functions = {call.func for call in calls}
    left: list[tuple[cst.CSTNode, str]] = [
        (r.node, "it is passed on, not called" if r.certain else "it is bound in several ways")
        for r in references(source, NAMES)
        if r.node not in functions
    ]
    safe: list[cst.Call] = []
    for call in calls:
        try:
            if any(inner in calls for inner in _inside(source, call, calls)):
                raise Unsafe("it holds another such call")
            spell_out(source, call, Names("ptycho_engine", "tf"))
            safe.append(call)
        except Unsafe as reason:
            left.append((call, str(reason)))
    for node, why in left:
        text = f"get_image_patches stays here: {why}"
        yield todo(source, ID, source.span(node)[0], source.statement(node), LEGACY, text)
    if not safe:
        return
    shared, names = _imports(source, safe)
    for index, call in enumerate(safe):
        edits = [*spell_out(source, call, names), *(() if index else shared)]
        statement = source.statement(call)
        if not mentioned(source, ID, statement):
            edits.append(comment_above(source, statement, COMMENT))
        message = "is now extract_patches with legacy rounding"
        yield Finding(ID, source.span(call)[0], LEGACY, message, Kind.REWRITE, tuple(edits))


def _inside(source: Source, call: cst.Call, calls: list[cst.Call]) -> list[cst.Call]:
    return [c for c in calls if c is not call and call in source.ancestors(c)]


def _imports(source: Source, calls: list[cst.Call]) -> tuple[list[Edit], Names]:
    """Return the edits that import what is needed.

    Nothing is removed: other files, strings and magics may use the name.
    """
    beside: list[Import] = [
        node
        for call in calls
        for name in NAMES
        for node in source.bindings(call.func, name.rpartition(".")[0])
    ]
    tensorflow, edits = bind_module(source, "tensorflow", "tf", calls, beside)
    engine, new = bind_module(source, "ptycho_engine", "ptycho_engine", calls, beside)
    return [*edits, *new], Names(engine, tensorflow)


RULE = Rule(ID, "get_image_patches is spelt out as extract_patches", check, ("native",))
