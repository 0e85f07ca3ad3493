"""PE011: parameters that choose how patches are cut, saved and put back."""

from __future__ import annotations

from collections.abc import Iterator

from ..codemod.findings import Finding, Kind, Rule, todo
from ..codemod.names import parameters
from ..codemod.parameters import CFG, advice
from ..codemod.saved_parameters import clearings, outermost, restores
from ..codemod.source import Source

ID = "PE011"


def check(source: Source) -> Iterator[Finding]:
    """Find ``old = params.get(k)`` ... ``params.set(k, old)``, and the same with all of them.

    One comment, where the values are saved, speaks for all. For other parameters the idiom is
    reported alone: the engine does not write parameters, so that it keeps working.
    """
    for idiom in restores(source):
        if idiom.key in parameters():
            text = f"saved here and put back; {advice(idiom.key)}, with nothing to put back"
            yield todo(source, ID, idiom.first, idiom.key, text)
        else:
            what = "all parameters, " if idiom.key == CFG else ""
            text = f"{what}saved, changed and put back; may stay"
            yield Finding(ID, source.start(idiom.first), idiom.key, text, Kind.NOTE)
    saved = {outermost(source, idiom.first) for idiom in restores(source)} - {None}
    for call in clearings(source):
        if outermost(source, call) not in saved:
            text = "all parameters dropped; may stay"
            yield Finding(ID, source.start(call), CFG, text, Kind.NOTE)


RULE = Rule(ID, "parameters that are saved, changed and put back", check)
