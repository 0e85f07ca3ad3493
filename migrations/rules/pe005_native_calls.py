"""PE005: calls of ``get_image_patches`` spelt out for the engine, with the same numbers."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from ..codemod.bindings import imports_of, resolve
from ..codemod.findings import Finding, Kind, Rule, comment_above, mentioned
from ..codemod.generations import same_numbers
from ..codemod.imports import bind_module, is_guarded
from ..codemod.names import COMPAT
from ..codemod.native import spell_out
from ..codemod.replaced import replaced_names
from ..codemod.source import Source

ID = "PE005"
LEGACY = "ptycho.raw_data.get_image_patches"
NAMES = (LEGACY, f"{COMPAT}.get_image_patches")
COMMENT = (
    f"ptycho-migrate {ID}: the old numbers and dtype are kept by "
    'rounding="legacy", offsets that mirror the members (without, patches move by pixels), '
    f"members= and the cast; drop them when those may change, see ptycho-migrate explain {ID}"
)


def check(source: Source) -> Iterator[Finding]:
    """Find ``get_image_patches(image, global_offsets, local_offsets, N, gridsize)``.

    Where a call does not show all of its arguments, the drop-in stays, without a comment.
    Nothing is removed: other files, strings and magics may use the name.
    """
    calls = [c for c in source.find(ast.Call) if resolve(source, c.func).is_one_of(NAMES)]
    if not same_numbers(source, LEGACY):
        return
    if LEGACY in replaced_names(source):  # what was imported by name is not what is replaced
        calls = [c for c in calls if isinstance(c.func, ast.Name)]
    calls = [c for c in calls if not _is_guarded(source, c.func)]
    nested = {above for call in calls for above in source.ancestors(call)}
    safe = [c for c in calls if c not in nested and spell_out(source, c, "ptycho_engine", "tf")]
    if not safe:
        return
    modules = [name.rpartition(".")[0] for name in NAMES]
    replaced = [i for c in safe for module in modules for i in imports_of(source, c.func, module)]
    tensorflow, imports = bind_module(source, "tensorflow", "tf", safe, replaced)
    engine, more = bind_module(source, "ptycho_engine", "ptycho_engine", safe, replaced)
    for index, call in enumerate(safe):
        edits = spell_out(source, call, engine, tensorflow) or []
        edits += () if index else (*imports, *more)
        statement = source.statement(call)
        if not mentioned(source, ID, statement):
            edits.append(comment_above(source, statement, COMMENT))
        message = "is now extract_patches with legacy rounding"
        yield Finding(ID, source.start(call), LEGACY, message, Kind.REWRITE, tuple(edits))


def _is_guarded(source: Source, function: ast.expr) -> bool:
    """Tell whether a name stays with its import, which a ``try`` guards."""
    return isinstance(function, ast.Name) and any(
        is_guarded(source, node) for node in imports_of(source, function, "ptycho")
    )


RULE = Rule(ID, "get_image_patches is spelt out as extract_patches", check, ("native",))
