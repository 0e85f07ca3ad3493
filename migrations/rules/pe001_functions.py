"""PE001 to PE003: legacy functions come from `ptycho_engine.compat`."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator

from ..codemod.bindings import attributes, imports_of, is_stored
from ..codemod.findings import Finding, Kind, Rule, todo
from ..codemod.generations import same_numbers
from ..codemod.imports import bind_module, imported_names, is_guarded, move_names
from ..codemod.lookups import keep_parameters
from ..codemod.names import COMPAT, DROP_INS, MOVED
from ..codemod.replaced import replaced_names
from ..codemod.source import Source, module_of
from ..codemod.text import Edit

#: Which qualified names a rule is about.
Wanted = Callable[[str], bool]


def by_name(source: Source) -> Iterator[Finding]:
    """Find ``from ptycho.raw_data import get_image_patches`` and its like."""
    return _imports(source, "PE001", lambda name: name not in MOVED)


def by_module(source: Source) -> Iterator[Finding]:
    """Find ``rd.get_image_patches`` where ``rd`` is an imported legacy module."""
    return _attributes(
        source, "PE002", lambda name: name not in MOVED and same_numbers(source, name)
    )


def moved(source: Source) -> Iterator[Finding]:
    """Find ``loader.reassemble_position``, which only old versions of PtychoPINN have."""
    yield from _attributes(source, "PE003", MOVED.__contains__)
    yield from _imports(source, "PE003", MOVED.__contains__)


def _imports(source: Source, rule: str, wanted: Wanted) -> Iterator[Finding]:
    for node in source.find(ast.ImportFrom):
        names = [f"{module_of(node)}.{alias.name}" for alias in imported_names(node)]
        found = dict.fromkeys(n for n in names if wanted(n) and n in DROP_INS)
        if is_guarded(source, node):
            for name in found:
                text = f"{name} stays, as it may be missing here; swap it by hand"
                yield todo(source, rule, node, name, text)
            continue
        safe = [n for n in found if same_numbers(source, n)]
        edits: tuple[Edit, ...] = ()
        if safe:
            new = {n.rpartition(".")[2]: DROP_INS[n].old for n in safe}
            edits = (*move_names(source, node, new), *keep_parameters(source, node, safe))
        for name in safe:  # the first one carries the edits of the statement
            message = f"imported from {COMPAT}"
            yield Finding(rule, source.start(node), name, message, Kind.REWRITE, edits)
            edits = ()
        for name in (n for n in found if n not in safe):
            text = f"{name} gave other numbers in some PtychoPINN versions, compare before swapping"
            yield todo(source, rule, node, name, text)


def _attributes(source: Source, rule: str, wanted: Wanted) -> Iterator[Finding]:
    places = [
        (node, name)
        for node, name in attributes(source)
        if wanted(name) and not is_stored(node) and source.is_placed(node)
        if name not in replaced_names(source)
    ]
    if not places:
        return
    replaced = [
        i for node, name in places for i in imports_of(source, node, name.rpartition(".")[0])
    ]
    alias, imports = bind_module(source, COMPAT, "compat", [node for node, _ in places], replaced)
    for node, name in places:
        new = f"{alias}.{name.rpartition('.')[2]}"
        edits = (Edit(*source.span(node), new), *imports)
        yield Finding(rule, source.start(node), name, f"is now {new}", Kind.REWRITE, edits)


IMPORTED = Rule("PE001", "functions imported by name come from ptycho_engine.compat", by_name)
REACHED = Rule(
    "PE002", "functions reached through their module come from ptycho_engine.compat", by_module
)
ELSEWHERE = Rule(
    "PE003", "functions that moved within PtychoPINN come from ptycho_engine.compat", moved
)
