"""Relative links, written as they are right in the repository, lead on in the site too.

A link to a page of the site stays within it, wherever that page is copied from; one to any other
file leads to the repository on the web, or is text where no address is known.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from borrowed_pages import FOLDER, borrowed
from sphinx.application import Sphinx

FENCE = re.compile(r"(^ *```.*?^ *```$)", re.DOTALL | re.MULTILINE)
LINK = re.compile(
    r"(?<!!)\[(?P<text>(?:[^\[\]]|\[[^\]]*\])*)\]\((?P<path>[^)#\s:]+)(?P<anchor>#[^)\s]*)?\)"
)


def relinked(text: str, page: Path, root: Path, address: str) -> str:
    """Return the text of a page with its links as they are in the site.

    Parameters
    ----------
    text : str
        Markdown.
    page : Path
        The page, relative to the folder of the site.
    root : Path
        The repository.
    address : str
        Of the repository on the web; may be empty.
    """
    home = Path(*page.parts[1:]) if page.parts[0] == FOLDER else Path("docs", page)
    copies = set(borrowed(root))

    def replaced(link: re.Match[str]) -> str:
        path = Path(os.path.normpath(home.parent / link["path"]))
        if path.parts[0] == "docs":
            target = Path(*path.parts[1:])
        elif path in copies:
            target = FOLDER / path
        elif not (root / path).exists():
            return link[0]  # of which Sphinx warns
        elif address:
            return f"[{link['text']}]({address}/blob/main/{path})"
        else:
            return link["text"]
        relative = os.path.relpath(target, page.parent)
        return f"[{link['text']}]({relative}{link['anchor'] or ''})"

    parts = FENCE.split(text)
    parts[::2] = [LINK.sub(replaced, part) for part in parts[::2]]
    return "".join(parts)


def relink(app: Sphinx, name: str, source: list[str]) -> None:
    """Rewrite the links of a page that Sphinx has read."""
    path = Path(app.env.doc2path(name, base=False))
    if path.suffix == ".md":
        address = app.config.repository_url
        source[0] = relinked(source[0], path, Path(app.srcdir).parent, address)


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.add_config_value("repository_url", "", "env", types=[str])
    app.connect("source-read", relink)
    return {"parallel_read_safe": True}
