"""How our objects show themselves: one line in Python, a small table in a notebook."""

from __future__ import annotations

import dataclasses
from html import escape
from typing import Any


class Words(str):
    """Text that is shown as it is, without quotes."""

    __slots__ = ()


class Shown:
    """What has a representation that says what matters, and never prints an array."""

    def _shown(self) -> dict[str, object]:
        """Return what is worth showing, by name; of a dataclass its fields, unless they are empty.

        Returns
        -------
        dict of str to object
            Arrays are shown by dtype and shape, dictionaries by their keys, functions not at all.
        """
        found: dict[str, object] = {}
        for field in dataclasses.fields(self):  # type: ignore[arg-type]
            value: Any = getattr(self, field.name)
            if hasattr(value, "dtype"):
                found[field.name] = array_in_words(value)
            elif isinstance(value, dict) and value:
                found[field.name] = Words(", ".join(map(str, value)))
            elif not (value is None or value in ({}, ()) or callable(value)):
                found[field.name] = value
        return found

    def __repr__(self) -> str:
        """Write it in one line."""
        shown = ", ".join(
            f"{name}={value if isinstance(value, Words) else repr(value)}"
            for name, value in self._shown().items()
        )
        return f"{type(self).__name__}({shown})"

    def _repr_html_(self) -> str:
        """Write it as a table, for notebooks."""
        rows = "".join(
            f"<tr><th style='text-align: left'>{escape(name)}</th>"
            f"<td style='text-align: left'>{escape(str(value))}</td></tr>"
            for name, value in self._shown().items()
        )
        return f"<table><caption>{type(self).__name__}</caption><tbody>{rows}</tbody></table>"


def array_in_words(array: Any) -> Words:
    """Describe an array, or a tensor, by dtype and shape."""
    dtype = getattr(array.dtype, "name", array.dtype)
    return Words(f"{dtype} {' x '.join(map(str, array.shape)) or 'scalar'}")
