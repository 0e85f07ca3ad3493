"""Pages of templates: one text that holds everything, in which what comes from files is escaped.

Examples
--------
>>> page = render("base.html.j2", heading="Scan <7>")
>>> "Scan &lt;7&gt;" in page, "Scan <7>" in page
(True, False)
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...io.regular_file import first_bytes
from ...memory import format_bytes

if TYPE_CHECKING:
    from jinja2 import Environment

#: Where templates lie.
FOLDER = Path(__file__).with_name("templates")
#: How a page begins, and what says in its first bytes whose it is.
BEGINNING, MARK = b"<!DOCTYPE html>", b'<meta name="generator" content="ptycho_engine">'
HEAD = 1024


def render(template: str, **values: Any) -> str:
    """Render a page.

    Parameters
    ----------
    template : str
        Its name, such as ``"base.html.j2"``; others extend that one, which brings the style.
    **values
        What it shows. All of it is escaped; a name that it asks for and does not get is an error.

    Returns
    -------
    str
        The page. What no text may hold, such as half a character of a file name, is a question
        mark.
    """
    text = _environment().get_template(template).render(**values)
    return text.encode("utf-8", errors="replace").decode("utf-8")


def is_ours(path: Path) -> bool:
    """Whether a file is a page that `render` made."""
    head = first_bytes(path, HEAD)
    return head.startswith(BEGINNING) and MARK in head


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    made = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(bytes=format_bytes, count=_count, seconds=duration)
    return made


def _count(number: int) -> str:
    return f"{number:,}"


def duration(seconds: float) -> str:
    """Say a duration: ``"0.42 s"``, ``"3 min 20 s"``, ``"1 h 15 min"``."""
    if seconds < 60:
        return f"{seconds:.3g} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"
