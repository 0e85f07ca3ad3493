"""PE013: functions that stay drop-ins, because what replaces them is not the same."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from ptycho_engine.deprecation.table import Deprecation

from ..codemod.findings import Finding, Rule, todo
from ..codemod.names import COMPAT, GROUPING_METHOD, drop_ins, same_numbers
from ..codemod.references import Reference, references
from ..codemod.source import Source

ID = "PE013"
#: What PE005 and PE012 speak about.
OTHERS = ("get_image_patches", GROUPING_METHOD)
#: What more is to be known than what comes instead.
REMARKS = {
    "get_relative_coords": "it mirrors the members of a group, which moves patches by pixels",
}


@cache
def remaining() -> dict[str, Deprecation]:
    """Return the drop-ins without a rewrite, by every name that stands for them."""
    found = {name: e for name, e in drop_ins().items() if same_numbers(name)}
    found |= {entry.old: entry for entry in found.values()}
    return {name: e for name, e in found.items() if _leaf(e) not in OTHERS}


def check(source: Source) -> Iterator[Finding]:
    """Find the first use of each function, and say above it what comes instead."""
    names = remaining()
    first: dict[str, Reference] = {}
    for found in sorted(references(source, names), key=lambda r: source.span(r.node)[0]):
        first.setdefault(_leaf(names[found.name]), found)
    statements: dict[int, list[Reference]] = {}
    for found in first.values():
        statements.setdefault(source.statement(found.node), []).append(found)
    for statement, uses in statements.items():
        text = "; ".join(_advice(names[use.name]) for use in uses)
        yield todo(source, ID, source.span(uses[0].node)[0], statement, uses[0].name, text)


def _leaf(entry: Deprecation) -> str:
    return entry.old.rpartition(".")[2]


def _advice(entry: Deprecation) -> str:
    leaf = _leaf(entry)
    remark = f" ({REMARKS[leaf]})" if leaf in REMARKS else ""
    return (
        f"{leaf}{remark} stays on {COMPAT} until {entry.removal}; what replaces it is not equal: "
        f"{entry.replacement}"
    )


RULE = Rule(ID, "functions that stay on ptycho_engine.compat until it goes", check, ("native",))
