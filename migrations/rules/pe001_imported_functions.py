"""PE001: functions imported by name come from `ptycho_engine.compat`."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from ..codemod.findings import Finding, Kind, Rule, todo
from ..codemod.imports import imported_names, move_names
from ..codemod.lookups import keep_parameters
from ..codemod.names import MOVED, drop_in, same_numbers
from ..codemod.source import Source, dotted

ID = "PE001"


def check(source: Source) -> Iterator[Finding]:
    """Find ``from ptycho.raw_data import get_image_patches`` and its like."""
    for node in source.find(cst.ImportFrom):
        if node.relative or node.module is None:
            continue
        module = dotted(node.module)
        names = [f"{module}.{dotted(alias.name)}" for alias in imported_names(node)]
        found = {n: entry for n in names if n not in MOVED and (entry := drop_in(n))}
        safe = {n: entry for n, entry in found.items() if same_numbers(n)}
        offset = source.span(node)[0]
        if safe:
            moved = {n.rpartition(".")[2]: entry.old for n, entry in safe.items()}
            edits = (*move_names(source, node, moved), *keep_parameters(source, node, safe))
            for index, (name, entry) in enumerate(safe.items()):
                message = f"imported from {entry.old.rpartition('.')[0]}"
                yield Finding(ID, offset, name, message, Kind.REWRITE, () if index else edits)
        for name in found.keys() - safe.keys():
            text = f"{name} gave other numbers in some PtychoPINN versions, compare before swapping"
            yield todo(source, ID, offset, source.statement(node), name, text)


RULE = Rule(ID, "functions imported by name come from ptycho_engine.compat", check)
