"""Which plugin the legacy flags mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

#: The option of a plugin that takes the legacy batch size.
BATCH_OPTIONS = {"chunked_xla": "chunk_size", "batched": "batch_size"}

XLA_OFF = (
    "XLA translation is switched off: PtychoPINN then falls back to an operator that moves content "
    "the other way and blanks borders. ptycho_engine does not repeat it; {plugin!r} gives the "
    "numbers of XLA translation."
)


@dataclass(frozen=True)
class Selection:
    """A plugin, and why.

    Attributes
    ----------
    plugin : str or None
        Its name; None leaves the default.
    reason : str
        The rule that applied.
    keys : tuple of str
        The legacy parameters that the rule looked at.
    warning : str or None
        What differs from legacy behaviour.
    """

    plugin: str | None
    reason: str
    keys: tuple[str, ...] = ()
    warning: str | None = None


def select(values: dict[str, Any]) -> Selection:
    """Apply the rule.

    Parameters
    ----------
    values : dict
        Legacy parameters: ``use_batched_patch_extraction`` and ``use_xla_translate``, each true,
        false or left out.

    Returns
    -------
    Selection
        Batched extraction off: ``iterative``. On: ``chunked_xla``, or ``batched`` where XLA
        translation is off. Left out: the default, or ``batched`` where XLA translation is off.
    """
    batched, xla = (
        values.get(key) for key in ("use_batched_patch_extraction", "use_xla_translate")
    )
    both = ("use_batched_patch_extraction", "use_xla_translate")
    if batched is None:
        if xla is not False:
            return Selection(None, "no legacy flag chooses: the default")
        return Selection(
            "batched", "XLA translation off", both[1:], XLA_OFF.format(plugin="batched")
        )
    if not batched:
        warning = XLA_OFF.format(plugin="iterative") if xla is False else None
        return Selection("iterative", "batched patch extraction off", both[:1], warning)
    if xla is False:
        reason = "batched patch extraction on, XLA translation off"
        return Selection("batched", reason, both, XLA_OFF.format(plugin="batched"))
    return Selection("chunked_xla", "batched patch extraction on, XLA translation on", both)
