"""PE003: functions that legacy code asks for where they no longer are."""

from __future__ import annotations

from collections.abc import Iterator

from ..codemod.findings import Finding, Rule
from ..codemod.names import MOVED
from ..codemod.references import swap_attributes
from ..codemod.source import Source
from .pe001_imported_functions import swap_imports

ID = "PE003"


def check(source: Source) -> Iterator[Finding]:
    """Find ``loader.reassemble_position``, which only old versions of PtychoPINN have."""
    yield from swap_attributes(source, ID, MOVED.__contains__)
    yield from swap_imports(source, ID, MOVED.__contains__)


RULE = Rule(ID, "functions that moved within PtychoPINN come from ptycho_engine.compat", check)
