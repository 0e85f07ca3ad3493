"""A comparison for the eye: a table in the terminal, a picture in a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ...io.disk import writing
from ...report.companion import PICTURE
from .effects import Comparison
from .panels import draw_comparison

if TYPE_CHECKING:
    from rich.console import Console


def write_report(
    comparison: Comparison,
    picture: Path | None = None,
    *,
    console: Console | None = None,
    overwrite: bool = False,
) -> None:
    """Print the table, and draw the picture.

    Parameters
    ----------
    comparison : Comparison
        What `compare_scan` returned.
    picture : Path, optional
        The PNG file; none is drawn if left out.
    console : rich.console.Console, optional
        Where the table goes; standard output by default.
    overwrite : bool
        Whether an existing picture may be replaced.

    Raises
    ------
    OutputError
        If the picture exists and may not be replaced.
    """
    from rich.console import Console

    if picture is not None:
        PICTURE.check(picture, overwrite)
    (console or Console()).print(comparison.table())
    if picture is not None:
        content = draw_comparison(comparison)
        with writing(picture):
            PICTURE.write(picture, content, overwrite=overwrite)
