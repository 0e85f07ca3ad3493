"""PE011: parameters that choose how patches are cut, saved and put back."""

from __future__ import annotations

from collections.abc import Iterator

from ..codemod.advice import advice
from ..codemod.findings import Finding, Kind, Rule, todo
from ..codemod.idioms import restores
from ..codemod.names import parameters
from ..codemod.parameters import CFG
from ..codemod.source import Source
from ..codemod.whole import clearings, outermost

ID = "PE011"


def check(source: Source) -> Iterator[Finding]:
    """Find ``old = params.get(k)`` ... ``params.set(k, old)``, and the same with all of them.

    One comment, where the values are saved, speaks of the whole. For other parameters the idiom is
    reported alone: the engine does not write parameters, so that it keeps working.
    """
    known = parameters()
    for idiom in restores(source):
        offset = source.span(idiom.first)[0]
        if idiom.key in known:
            text = f"saved here and put back; {advice(idiom.key)}, with nothing to put back"
            yield todo(source, ID, offset, source.statement(idiom.first), idiom.key, text)
        else:
            what = "all parameters, " if idiom.key == CFG else ""
            text = f"{what}saved, changed and put back; may stay"
            yield Finding(ID, offset, idiom.key, text, Kind.NOTE)
    saved = {outermost(source, idiom.first) for idiom in restores(source)}
    for call in clearings(source):
        if outermost(source, call) in saved - {None}:
            continue
        text = "all parameters dropped; may stay"
        yield Finding(ID, source.span(call)[0], CFG, text, Kind.NOTE)


RULE = Rule(ID, "parameters that are saved, changed and put back", check)
