"""PE011: parameters that choose how patches are cut, saved and put back."""

from __future__ import annotations

from collections.abc import Iterator

from ..codemod.advice import advice
from ..codemod.findings import Finding, Kind, Rule, todo
from ..codemod.idioms import restores
from ..codemod.names import parameters
from ..codemod.source import Source

ID = "PE011"


def check(source: Source) -> Iterator[Finding]:
    """Find ``old = params.get(k)`` ... ``params.set(k, old)``.

    One comment, where the value is saved, speaks of the whole. For other parameters the idiom is
    reported alone: the engine does not write parameters, so that it keeps working.
    """
    known = parameters()
    for idiom in restores(source):
        offset = source.span(idiom.first)[0]
        if idiom.key in known:
            text = f"saved here and put back; {advice(idiom.key)}, with nothing to put back"
            yield todo(source, ID, offset, source.statement(idiom.first), idiom.key, text)
        else:
            text = "saved, changed and put back; may stay"
            yield Finding(ID, offset, idiom.key, text, Kind.NOTE)


RULE = Rule(ID, "parameters that are saved, changed and put back", check)
