"""PE008: fields of the legacy dataclasses that choose how patches are cut."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from ..codemod.advice import advice
from ..codemod.findings import Finding, Rule, todo
from ..codemod.names import CONFIG_CLASSES, parameters
from ..codemod.source import Source, literal

ID = "PE008"


def check(source: Source) -> Iterator[Finding]:
    """Find ``ModelConfig(use_batched_patch_extraction=True)``."""
    known = parameters()
    for call in source.find(cst.Call):
        given = [a for a in call.args if a.keyword is not None and a.keyword.value in known]
        if not given or source.resolve(call.func).name not in CONFIG_CLASSES:
            continue
        for argument in given:
            assert argument.keyword is not None
            key = argument.keyword.value
            text = advice(key, literal(argument.value))
            offset = source.span(argument)[0]
            yield todo(source, ID, offset, source.statement(call), key, text)


RULE = Rule(ID, "dataclass fields that choose how patches are cut", check)
