"""A contender: something that cuts patches, NumPy in and NumPy out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

#: Of an object, positions (P, 2) or (B, C, 2), a patch size and `out` or None, to the patches:
#: (P, N, N), or (B, N, N, C) for grouped positions.
Cut = Callable[[Any, Any, int, Any], Any]


@dataclass(frozen=True)
class Contender:
    """One row group of the main table.

    Attributes
    ----------
    name : str
        As the table and ``--contender`` call it.
    load : callable
        Imports what it needs and returns the function that cuts; raises if it is not installed.
    layouts : tuple of str
        Layouts that it is measured in.
    takes_out : bool
        Whether it can write into an array given.
    tolerance : float
        Largest error, as a share of the object's largest magnitude, that counts as equal.
    instead : str
        What it computes, if that is known to differ from the reference. It must then agree with
        the reference at whole-number positions, or it is rejected.
    note : str
        Said in its rows.
    """

    name: str
    load: Callable[[], Cut]
    layouts: tuple[str, ...] = ("flat",)
    takes_out: bool = False
    tolerance: float = 1e-5
    instead: str = ""
    note: str = ""
