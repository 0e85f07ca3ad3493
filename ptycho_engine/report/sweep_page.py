"""A sweep as a page for a browser and as JSON for programs, in the folder of the sweep."""

from __future__ import annotations

import json
import os
from pathlib import Path
from urllib.parse import quote

from ..errors import OutputError
from ..io import publishing
from ..io.objects.urls import is_url
from ..io.regular_file import first_bytes
from .html.page import HEAD, MARK, render
from .swept_runs import FORMAT, Sweep

#: What ours say at their beginning.
MARKS = f'"format": "{FORMAT}"'.encode(), MARK


def write_summary(sweep: Sweep) -> Path:
    """Write `sweep.json` and `sweep.html`; earlier ones of ours are replaced.

    Returns
    -------
    Path
        The page.

    Raises
    ------
    OutputError
        If something else stands in the place of either; nothing is written then.
    OSError
        If the system refuses.
    """
    page = sweep.folder / "sweep.html"
    texts = {
        sweep.folder / "sweep.json": json.dumps(sweep.records(), indent=2) + "\n",
        page: page_of(sweep),
    }
    for path in texts:
        if os.path.lexists(path) and not is_ours(path):
            raise OutputError(
                f"{path}: exists and is no summary of ptycho-engine, so it was kept. Expected "
                "nothing there. Move it away, or choose another hydra.sweep.dir."
            )
    sweep.folder.mkdir(parents=True, exist_ok=True)
    for path, text in texts.items():
        part = path.with_name(f".{path.name}.new")
        publishing.write_file(path, text.encode("utf-8"), part, is_ours)
    return page


def page_of(sweep: Sweep) -> str:
    """Return the page of a sweep."""
    return render(
        "sweep.html.j2",
        heading=f"Sweep {sweep.folder.name}",
        sweep=sweep,
        keys=sweep.varying or tuple(sweep.common),
        patches=sum(run.patches or 0 for run in sweep.runs),
        link=lambda path: link_of(path, sweep.folder),
        name=lambda path: path if is_url(path) else os.path.relpath(path, sweep.folder),
    )


def link_of(path: str, folder: Path) -> str:
    """Return the link to a file as seen from the page, which may be moved with its folder."""
    if is_url(path):
        return path
    return quote(os.fsencode(os.path.relpath(path, folder)))


def is_ours(path: Path) -> bool:
    """Whether a file is a summary that was written here."""
    head = first_bytes(path, HEAD)
    return any(mark in head for mark in MARKS)
