"""How our objects show themselves: one line in Python, a small table in a notebook."""

from __future__ import annotations

from html import escape


class Shown:
    """What has a representation made of what `shown` says."""

    def shown(self) -> dict[str, object]:
        """Return what is worth showing, by name."""
        raise NotImplementedError

    def __repr__(self) -> str:
        """Write it in one line."""
        shown = ", ".join(f"{name}={_text(value)}" for name, value in self.shown().items())
        return f"{type(self).__name__}({shown})"

    def _repr_html_(self) -> str:
        """Write it as a table, for notebooks."""
        rows = "".join(
            f"<tr><th style='text-align:left'>{escape(name)}</th>"
            f"<td style='text-align:left'>{escape(str(value))}</td></tr>"
            for name, value in self.shown().items()
        )
        title = escape(type(self).__name__)
        return f"<table><caption>{title}</caption><tbody>{rows}</tbody></table>"


class Words(str):
    """Text that is shown as it is, without quotes."""

    __slots__ = ()


def _text(value: object) -> str:
    return str(value) if isinstance(value, Words) else repr(value)
