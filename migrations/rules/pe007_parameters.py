"""PE007, PE008 and PE011: legacy parameters that choose how patches are cut, set or saved."""

from __future__ import annotations

from collections.abc import Iterator

from ..codemod.accesses import CFG, accesses
from ..codemod.config_objects import fields as fields_given
from ..codemod.findings import Finding, Kind, Rule, todo
from ..codemod.names import PARAMETERS
from ..codemod.parameters import advice, saved_dictionaries, saved_values
from ..codemod.source import Source, literal


def chosen(source: Source) -> Iterator[Finding]:
    """Find ``params.set("use_batched_patch_extraction", True)`` in all its forms.

    The other parameters are PtychoPINN's own, and stay.
    """
    idiomatic = {node for saved in saved_values(source) for node in saved.nodes}
    for access in accesses(source):
        if access.key in PARAMETERS and access.node not in idiomatic:
            text = advice(access.key, literal(access.value))
            yield todo(source, "PE007", access.node, access.key, text)


def fields(source: Source) -> Iterator[Finding]:
    """Find ``ModelConfig(use_batched_patch_extraction=True)``, and fields that are set later."""
    for entry in fields_given(source):
        if entry.key in PARAMETERS:
            text = advice(entry.key, literal(entry.value))
            yield todo(source, "PE008", entry.node, entry.key, text)


def put_back(source: Source) -> Iterator[Finding]:
    """Find ``old = params.get(k)`` ... ``params.set(k, old)``, and copies of all parameters.

    One comment, where the value is saved, speaks for all. What may stay is said by the status
    alone: the engine does not write parameters, so that the idiom keeps working.
    """
    for saved in saved_values(source):
        if saved.key in PARAMETERS:
            text = f"saved here and put back; {advice(saved.key)}, with nothing to put back"
            yield todo(source, "PE011", saved.first, saved.key, text)
        else:
            text = "saved, changed and put back; may stay"
            yield Finding("PE011", source.start(saved.first), saved.key, text, Kind.NOTE)
    for node in saved_dictionaries(source):
        text = "all parameters, saved or dropped; may stay"
        yield Finding("PE011", source.start(node), CFG, text, Kind.NOTE)


CHOSEN = Rule("PE007", "parameters that choose how patches are cut", chosen)
FIELDS = Rule("PE008", "dataclass fields that choose how patches are cut", fields)
PUT_BACK = Rule("PE011", "parameters that are saved, changed and put back", put_back)
