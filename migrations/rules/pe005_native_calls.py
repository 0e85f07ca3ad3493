"""PE005: calls of ``get_image_patches`` spelt out for the engine, with the same numbers."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from ..codemod.findings import Finding, Kind, Rule, comment_above, mentioned, page, todo
from ..codemod.imports import imported_names, remove_names
from ..codemod.names import COMPAT
from ..codemod.native import Names, Unsafe, spell_out
from ..codemod.new_imports import at_top, bind_module
from ..codemod.source import Import, Source, dotted
from ..codemod.text import Edit

ID = "PE005"
LEGACY = "ptycho.raw_data.get_image_patches"
NAMES = (LEGACY, f"{COMPAT}.get_image_patches")
COMMENT = (
    f'# ptycho-migrate {ID}: rounding="legacy" and the cast keep the old numbers and dtype; drop '
    f"them when those may change, see {page(ID)}"
)


def check(source: Source) -> Iterator[Finding]:
    """Find ``get_image_patches(image, global_offsets, local_offsets, N, gridsize)``."""
    calls = [c for c in source.find(cst.Call) if source.resolve(c.func).is_one_of(NAMES)]
    left: list[tuple[cst.Call, str]] = []
    safe: list[cst.Call] = []
    for call in calls:
        try:
            if any(inner in calls for inner in _inside(source, call, calls)):
                raise Unsafe("it holds another such call")
            spell_out(source, call, Names("ptycho_engine", "tf"))
            safe.append(call)
        except Unsafe as reason:
            left.append((call, str(reason)))
    for call, text in left:
        text = f"get_image_patches stays here: {text}"
        yield todo(source, ID, source.span(call)[0], source.statement(call), LEGACY, text)
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
    """Return the edits of the imports: what is needed, less what nothing needs any longer."""
    beside: list[Import] = [
        node
        for call in calls
        for name in NAMES
        for node in source.bindings(call.func, name.rpartition(".")[0])
    ]
    tensorflow, edits = bind_module(source, "tensorflow", "tf", calls, beside)
    engine, new = bind_module(source, "ptycho_engine", "ptycho_engine", calls, beside)
    gone = _unused(source, calls)
    if gone is None:
        return [*edits, *new], Names(engine, tensorflow)
    names = {dotted(a.name) for a in imported_names(gone)}
    if len(names) > 1:
        removed = remove_names(source, gone, {"get_image_patches"})
        return [*edits, *new, removed], Names(engine, tensorflow)
    if not new:  # nothing to put in its place: leave it to a linter
        return list(edits), Names(engine, tensorflow)
    statement = "import ptycho_engine" + ("" if engine == "ptycho_engine" else f" as {engine}")
    return [*edits, Edit(*source.span(gone), statement)], Names(engine, tensorflow)


def _unused(source: Source, calls: list[cst.Call]) -> cst.ImportFrom | None:
    """Return the import of the legacy function, if these calls were all that used it."""
    functions = [c.func for c in calls if isinstance(c.func, cst.Name)]
    bound = {f.value for f in functions}
    if len(bound) != 1 or source.survey.knows("__all__"):
        return None
    (name,) = bound
    reads = [n for n in source.find(cst.Name) if n.value == name and source.scope(n) is not None]
    if set(reads) != set(functions) or source.survey.bound[name] != 1:
        return None
    imports = [n for n in source.bindings(functions[0], "") if isinstance(n, cst.ImportFrom)]
    return imports[0] if imports and at_top(source, imports[0]) else None


RULE = Rule(ID, "get_image_patches is spelt out as extract_patches", check, ("native",))
