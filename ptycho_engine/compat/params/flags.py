"""Which plugin the legacy flags mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

#: The option of a plugin that takes the legacy batch size.
BATCH_OPTIONS = {"chunked_xla": "chunk_size", "batched": "batch_size"}

#: The keys that choose between XLA and plain TensorFlow, the one that decides first, each with what
#: ``ptycho.params`` holds unasked.
XLA_KEYS = {"use_xla_translate": True, "use_xla_compile": None}

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
    xla_off : bool
        Whether XLA translation is switched off, which deserves the warning `XLA_OFF`.
    """

    plugin: str | None
    reason: str
    keys: tuple[str, ...] = ()
    xla_off: bool = False


def compiles_operators(values: dict[str, Any]) -> bool:
    """Whether translation and warps run compiled by XLA; the numbers are the same to rounding.

    Parameters
    ----------
    values : dict
        Legacy parameters: ``use_xla_translate`` and ``use_xla_compile``, each true, false or left
        out.

    Returns
    -------
    bool
        What the first of them says that is not left out: the first names the operator, the second
        all models. Both left out: true, as in legacy code.
    """
    return bool(next((values[key] for key in XLA_KEYS if values.get(key) is not None), True))


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
    both = ("use_batched_patch_extraction", "use_xla_translate")
    batched, xla = (values.get(key) for key in both)
    off = xla is False
    if batched is None:
        if off:
            return Selection("batched", "XLA translation off", both[1:], off)
        return Selection(None, "no legacy flag chooses")
    if not batched:
        return Selection("iterative", "batched patch extraction off", both[:1], off)
    if off:
        reason = "batched patch extraction on, XLA translation off"
        return Selection("batched", reason, both, off)
    return Selection("chunked_xla", "batched patch extraction on, XLA translation on", both)
