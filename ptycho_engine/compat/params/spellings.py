"""Turning the spellings that legacy parameters come in into values."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from typing import Any

TRUE = frozenset({"1", "true", "yes", "on"})
FALSE = frozenset({"0", "false", "no", "off"})

#: Takes what a source gave, returns the value; raises ValueError with what was expected.
Convert = Callable[[Any], Any]


def to_int(value: Any) -> int:
    """Whole numbers, also as text (``"64"``, ``"1e3"``) or float without fraction."""
    try:
        number = to_float(value)
        if number.is_integer():
            return int(number)
    except ValueError:
        pass
    raise ValueError("a whole number")


def to_size(value: Any) -> int:
    """Whole numbers above zero, spelt as those of `to_int`."""
    with suppress(ValueError):
        if (number := to_int(value)) > 0:
            return number
    raise ValueError("a whole number above zero")


def to_float(value: Any) -> float:
    """Numbers, also as text: PyYAML reads ``1e6`` as text."""
    try:
        if isinstance(value, bool):
            raise ValueError
        return float(value)
    except (TypeError, ValueError, OverflowError):
        raise ValueError("a number") from None


def to_bool(value: Any) -> bool:
    """Truth values, also as text or number; ``"False"`` is false."""
    text = str(value).strip().lower()
    if text in TRUE:
        return True
    if text in FALSE:
        return False
    raise ValueError(f"one of {', '.join(sorted(TRUE | FALSE))}")


def to_path(value: Any) -> str:
    """Text and path objects, as text."""
    try:
        path = os.fspath(value)
    except TypeError:
        path = None
    if not isinstance(path, str) or "\0" in path:
        raise ValueError("a path")
    return path


def to_bounds(value: Any) -> list[float]:
    """Two numbers, in a list: a lower and an upper bound."""
    if isinstance(value, list | tuple) and len(value) == 2:
        return [to_float(bound) for bound in value]
    raise ValueError("two numbers")


def as_is(value: Any) -> Any:
    """Anything, unchanged."""
    return value
