"""PE007: legacy parameters that choose how patches are cut."""

from __future__ import annotations

from collections.abc import Iterator

from ..codemod.findings import Finding, Rule, todo
from ..codemod.names import parameters
from ..codemod.parameters import accesses, advice, untold
from ..codemod.saved_parameters import put_back, restores
from ..codemod.source import Source, literal

ID = "PE007"


def check(source: Source) -> Iterator[Finding]:
    """Find ``params.set("use_batched_patch_extraction", True)`` in all its forms.

    The other parameters are PtychoPINN's own, and stay.
    """
    known = parameters()
    idiomatic = {node for idiom in restores(source) for node in idiom.nodes}
    for access in accesses(source):
        if access.key in known and access.node not in idiomatic:
            text = advice(access.key, literal(access.value))
            yield todo(source, ID, access.node, access.key, text)
    for access, key in untold(source, put_back(source)):
        text = f"which parameter this is, the line does not tell; {advice(key)}"
        yield todo(source, ID, access.node, key, text)


RULE = Rule(ID, "parameters that choose how patches are cut", check)
