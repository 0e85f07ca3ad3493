"""Numbers of settings: whatever came is checked, and refused with what was expected."""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np

from ..errors import ConfigurationError, one_line

#: Largest seed, side of an object, and number of positions: beyond, a number was mistyped.
MOST_SEED, MOST_PIXELS, MOST_POINTS = 2**64 - 1, 10**5, 10**9


def whole_number(name: str, value: Any, least: int, most: int) -> int:
    """Read a whole number.

    Parameters
    ----------
    name : str
        Full name of the setting.
    value : object
        Whatever came.
    least, most : int
        Its bounds.

    Returns
    -------
    int
        The number.

    Raises
    ------
    ConfigurationError
        If it is none, or beyond the bounds.
    """
    try:
        number = None if isinstance(value, bool | np.bool_) else operator.index(value)
    except TypeError:
        number = None
    if number is not None and number > most:
        raise ConfigurationError(
            f"{name}: received {one_line(number, 60)}. Expected an integer, at most {most}."
        )
    if number is None or number < least:
        raise ConfigurationError(
            f"{name}: received {one_line(repr(value), 60)}. Expected an integer, {least} or more."
        )
    return number


def real_number(
    name: str, value: Any, what: str, least: float | None = None, most: float = MOST_PIXELS
) -> float:
    """Read a number.

    Parameters
    ----------
    name : str
        Full name of the setting.
    value : object
        Whatever came.
    what : str
        What it counts, such as ``"object pixels"``.
    least : float, optional
        Its lower bound; without one, the number must be above zero.
    most : float
        Its upper bound.

    Returns
    -------
    float
        The number, finite.

    Raises
    ------
    ConfigurationError
        If it is none, or beyond the bounds.
    """
    try:
        number = math.nan if isinstance(value, bool | np.bool_) else float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    within = number > 0 if least is None else number >= least
    if not within or not number <= most or isinstance(value, str):
        bound = "a number above zero" if least is None else f"a number, {least:g} or more"
        raise ConfigurationError(
            f"{name}: received {one_line(repr(value), 60)}. Expected {what}, {bound}, at most "
            f"{most:g}."
        )
    return number
