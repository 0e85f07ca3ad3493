"""Memory: the budget of a run, and sizes in words."""

from __future__ import annotations

import re
import time
from functools import lru_cache
from numbers import Integral
from typing import Any

from .allowance import free_memory
from .errors import ConfigurationError, MemoryBudgetError, one_line

UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
UNITS |= {f"{unit}i": 1024**power for power, unit in enumerate("KMGT", start=1)}

#: Bytes of a budget that no machine has.
MOST = 2**60
#: Share of what this process may still take that a run may take when no budget is given.
DEFAULT_SHARE = 0.5


def parse_bytes(budget: int | str | None) -> int:
    """Read a memory budget.

    Parameters
    ----------
    budget : int, str or None
        Bytes, a text such as ``"2GiB"`` or ``"500 MB"``, or None for half of what this process
        may still take: of the memory that is free, or less where its control groups, SLURM's
        allocation or ``ulimit -v`` leave less. That is looked up once in a tenth of a second,
        since it takes longer than a small extraction.

    Returns
    -------
    int
        Bytes, above zero.

    Raises
    ------
    ConfigurationError
        If the text is not a size, or the size is not above zero or beyond any machine's.
    """
    if budget is None:
        return max(1, int(_free_memory(int(10 * time.monotonic())) * DEFAULT_SHARE))
    if isinstance(budget, str):
        match = re.fullmatch(
            r"\s*(\d{1,20}(?:\.\d{0,20})?)\s*([KMGT]?i?)B?\s*", budget, re.IGNORECASE | re.ASCII
        )
        unit = match[2][:1].upper() + match[2][1:].lower() if match else None
        if match is None or unit not in UNITS:
            raise ConfigurationError(
                f"memory_budget: cannot read {one_line(budget, 60)!r}. Expected bytes, or a text "
                "such as '500MB', '2GiB'."
            )
        budget = int(float(match[1]) * UNITS[unit])
    number: Any = budget
    whole = isinstance(number, Integral) and not isinstance(number, bool)  # NumPy's are some, too
    if not whole or not 0 < number <= MOST:
        raise ConfigurationError(
            f"memory_budget: received {one_line(budget, 60)}. Expected bytes above zero, at most "
            f"{MOST}."
        )
    return int(number)


@lru_cache(maxsize=1)
def _free_memory(tenth_of_a_second: int) -> int:
    return free_memory()


def format_bytes(count: int) -> str:
    """Bytes for a reader: ``format_bytes(2 * 1024**3) == "2.00 GiB"``."""
    value = float(count)
    for unit in ("B", "KiB", "MiB"):
        if value < 1024:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.2f} {unit}"
        value /= 1024
    return f"{value:.2f} GiB"


def check_reading(what: str, needed: int, memory_budget: int | str | None = None) -> None:
    """Refuse to read beyond the budget.

    Parameters
    ----------
    what : str
        The source and what is read of it, for the message.
    needed : int
        Bytes that it takes.
    memory_budget : int or str, optional
        As for :func:`parse_bytes`.

    Raises
    ------
    MemoryBudgetError
        With both numbers.
    """
    budget = parse_bytes(memory_budget)
    if needed > budget:
        raise MemoryBudgetError(
            f"{what} takes {format_bytes(needed)}, and the memory budget is "
            f"{format_bytes(budget)}. Choose a smaller scan, or raise memory_budget."
        )
