"""PE007: legacy parameters that choose how patches are cut."""

from __future__ import annotations

from collections.abc import Iterator

from ..codemod.advice import advice
from ..codemod.findings import Finding, Rule, todo
from ..codemod.idioms import restores
from ..codemod.indirect import indirect
from ..codemod.names import parameters
from ..codemod.parameters import accesses
from ..codemod.source import Source

ID = "PE007"


def check(source: Source) -> Iterator[Finding]:
    """Find ``params.set("use_batched_patch_extraction", True)`` in all its forms.

    The other parameters are PtychoPINN's own, and stay.
    """
    known = parameters()
    idiomatic = {node for idiom in restores(source) for node in idiom.nodes}
    for access in accesses(source):
        if access.key in known and access.node not in idiomatic:
            text = advice(access.key, access.literal)
            offset = source.span(access.node)[0]
            statement = source.statement(access.node)
            yield todo(source, ID, offset, statement, access.key, text)
    for access, key in indirect(source):
        text = f"which parameter this is, the line does not tell; {advice(key)}"
        offset = source.span(access.node)[0]
        yield todo(source, ID, offset, source.statement(access.node), key, text)


RULE = Rule(ID, "parameters that choose how patches are cut", check)
