"""PE002: functions reached through their module come from `ptycho_engine.compat`."""

from __future__ import annotations

from collections.abc import Iterator

from ..codemod.findings import Finding, Rule
from ..codemod.names import MOVED, drop_in, same_numbers
from ..codemod.references import swap_attributes
from ..codemod.source import Source

ID = "PE002"


def wanted(name: str) -> bool:
    """Tell whether a qualified name is this rule's."""
    return name not in MOVED and drop_in(name) is not None and same_numbers(name)


def check(source: Source) -> Iterator[Finding]:
    """Find ``rd.get_image_patches`` where ``rd`` is an imported legacy module."""
    return swap_attributes(source, ID, wanted)


RULE = Rule(ID, "functions reached through their module come from ptycho_engine.compat", check)
