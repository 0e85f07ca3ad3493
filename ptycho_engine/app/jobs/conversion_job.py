"""What is to be written anew, and where, as one plain object."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ...io.scan_files import ScanSource


@dataclass(frozen=True)
class ConversionJob:
    """What to read and where to write it.

    Attributes
    ----------
    scan : ScanSource
        What to read.
    output : Path
        The file, where nothing stands.
    format : str, optional
        Its format by name; by default that of its suffix.
    memory_budget : int or str, optional
        Bytes, or a text such as ``"2GiB"``, that reading may take.
    """

    scan: ScanSource
    output: Path
    format: str | None = None
    memory_budget: int | str | None = None
