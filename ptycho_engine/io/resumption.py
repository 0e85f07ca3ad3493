"""Going on with what a killed run left: what it finished is read back and believed by checksum."""

from __future__ import annotations

from ..logs import get_logger
from .containers.base import Container
from .disk import as_bytes, checksum_of
from .journal import Finished, Journal
from .regions import box_size


def reopen(container: Container, journal: Journal | None) -> str:
    """Open an unfinished output, and keep in its journal what its values bear out.

    Parameters
    ----------
    container : Container
        What it is written with, not yet open.
    journal : Journal or None
        Its journal, if that could be read.

    Returns
    -------
    str
        Why it must start anew; empty if it goes on.
    """
    if not container.resumes:
        return f"{container.path.suffix} cannot be continued as it is written, so it starts anew"
    if journal is None:
        return "its journal cannot be read, so it starts anew"
    try:
        container.reopen()
    except Exception as error:  # a kill may leave anything, and libraries raise anything
        container.close()
        return f"it cannot be continued, so it starts anew: {error}"
    lines = journal.lines
    journal.rewrite([line for line in lines if _is_borne_out(container, line)])
    container.resume(
        {
            name: [
                line.boxes(container.arrays)[name]
                for line in journal.lines
                if name in line.checksums
            ]
            for name in container.arrays
        }
    )
    get_logger().info(
        "output_resumed",
        path=str(container.path),
        finished_regions=len(journal.lines),
        damaged_regions=len(lines) - len(journal.lines),
    )
    return ""


def _is_borne_out(container: Container, line: Finished) -> bool:
    """Whether the values of a finished region are what they were."""
    try:
        return all(
            not box_size(box)
            or line.checksums[name] in (None, checksum_of(as_bytes(container.read(name, box))))
            for name, box in line.boxes(container.arrays).items()
        )
    except Exception:  # whatever cannot be read is written again
        return False
