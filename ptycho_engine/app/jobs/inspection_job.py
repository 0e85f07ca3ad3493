"""What is to be looked into, as one plain object."""

from __future__ import annotations

from dataclasses import dataclass

from ...io.objects.urls import Location
from ...io.scan_files import ScanSource


@dataclass(frozen=True)
class InspectionJob:
    """What to look at.

    Attributes
    ----------
    scan : ScanSource
        The file; a folder that is no scan itself, also of an object store, is a list of scans.
    patch_size : int, optional
        Rows and columns of a window; by default those of the patterns, else of the probe.
    picture : Path or ObjectUrl, optional
        Where to draw the object with its positions, or, where there is none, the positions and a
        pattern; nothing is replaced.
    memory_budget : int or str, optional
        Bytes, or a text such as ``"2GiB"``, that reading may take.
    """

    scan: ScanSource
    patch_size: int | None = None
    picture: Location | None = None
    memory_budget: int | str | None = None
