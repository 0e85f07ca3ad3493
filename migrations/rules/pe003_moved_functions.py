"""PE003: functions that legacy code asks for where they no longer are."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from ..codemod.attributes import swap_attributes
from ..codemod.findings import Finding, Kind, Rule
from ..codemod.imports import imported_names, move_names
from ..codemod.lookups import keep_parameters
from ..codemod.names import MOVED, drop_in
from ..codemod.source import Source, dotted

ID = "PE003"


def check(source: Source) -> Iterator[Finding]:
    """Find ``loader.reassemble_position``, which only old versions of PtychoPINN have."""
    yield from swap_attributes(source, ID, MOVED.__contains__)
    for node in source.find(cst.ImportFrom):
        if node.relative or node.module is None:
            continue
        names = [f"{dotted(node.module)}.{dotted(a.name)}" for a in imported_names(node)]
        found = {n: entry for n in names if n in MOVED and (entry := drop_in(n))}
        if found:
            moved = {n.rpartition(".")[2]: entry.old for n, entry in found.items()}
            edits = (*move_names(source, node, moved), *keep_parameters(source, node, found))
            (name, *_) = found
            message = f"imported from {found[name].old.rpartition('.')[0]}"
            yield Finding(ID, source.span(node)[0], name, message, Kind.REWRITE, edits)


RULE = Rule(ID, "functions that moved within PtychoPINN come from ptycho_engine.compat", check)
