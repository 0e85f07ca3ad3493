"""PE004: legacy functions that are patched, replaced or named by a string."""

from __future__ import annotations

from collections.abc import Iterator

from ..codemod.findings import Finding, Rule, todo
from ..codemod.names import DROP_INS
from ..codemod.replaced import covered, named
from ..codemod.source import Source

ID = "PE004"


def check(source: Source) -> Iterator[Finding]:
    """Find ``patch("ptycho.raw_data.get_image_patches")``, ``patch.object`` and assignments.

    Whom such a patch is meant for, the file does not tell: code that calls the legacy function
    from inside PtychoPINN still needs it there, code that was migrated needs it elsewhere.
    """
    for node, name in named(source):
        if any(map(_is_legacy, covered(name))):
            what = f"{name} is" if name in covered(name) else f"a name of {name} may be"
            text = f"{what} named here; migrated code calls ptycho_engine.compat instead"
            yield todo(source, ID, node, name, text)


def _is_legacy(name: str) -> bool:
    parts = name.split(".")
    return any(".".join(parts[:n]) in DROP_INS for n in range(3, len(parts) + 1))


RULE = Rule(ID, "legacy functions that are patched, replaced or named by a string", check)
