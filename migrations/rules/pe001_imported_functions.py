"""PE001: functions imported by name come from `ptycho_engine.compat`."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator

from ..codemod.findings import Finding, Kind, Rule, todo
from ..codemod.imports import imported_names, move_names
from ..codemod.lookups import keep_parameters
from ..codemod.names import MOVED, drop_in, same_numbers
from ..codemod.source import Source, module_of

ID = "PE001"


def check(source: Source) -> Iterator[Finding]:
    """Find ``from ptycho.raw_data import get_image_patches`` and its like."""
    return swap_imports(source, ID, lambda name: name not in MOVED)


def swap_imports(source: Source, rule: str, wanted: Callable[[str], bool]) -> Iterator[Finding]:
    """Find the imports to swap, among the legacy functions that are wanted."""
    for node in source.find(ast.ImportFrom):
        names = [f"{module_of(node)}.{alias.name}" for alias in imported_names(node)]
        found = {n: entry for n in names if wanted(n) and (entry := drop_in(n))}
        safe = {n: entry for n, entry in found.items() if same_numbers(n)}
        if safe:
            moved = {n.rpartition(".")[2]: entry.old for n, entry in safe.items()}
            edits = (*move_names(source, node, moved), *keep_parameters(source, node, safe))
            for index, (name, entry) in enumerate(safe.items()):
                message, its = (
                    f"imported from {entry.old.rpartition('.')[0]}",
                    () if index else edits,
                )
                yield Finding(rule, source.start(node), name, message, Kind.REWRITE, its)
        for name in found.keys() - safe.keys():
            text = f"{name} gave other numbers in some PtychoPINN versions, compare before swapping"
            yield todo(source, rule, node, name, text)


RULE = Rule(ID, "functions imported by name come from ptycho_engine.compat", check)
