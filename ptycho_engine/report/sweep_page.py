"""A sweep as a page for a browser and as JSON for programs, in the folder of the sweep."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

from ..errors import OutputError
from ..io import publishing
from ..io.objects.urls import is_url
from .html.page import render
from .swept_runs import FORMAT, Sweep

#: Bytes from the beginning of a file in which it says whose it is.
HEAD = 1024
#: What ours say there.
MARKS = (
    f'"format": "{FORMAT}"'.encode(),
    b'<meta name="generator" content="ptycho_engine">',
)


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
        _write_whole(path, text)
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
    if not path.is_file():
        return False
    with path.open("rb") as file:
        head = file.read(HEAD)
    return any(mark in head for mark in MARKS)


def _write_whole(path: Path, text: str) -> None:
    """Write a file, which appears whole or not at all."""
    part = path.with_name(f".{path.name}.new")
    try:
        part.write_text(text, encoding="utf-8")
        publishing.publish(part, path, is_ours)
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)
