"""A scan file of whatever format: its suffix decides, and its content where several share one."""

from __future__ import annotations

from pathlib import Path

from ..registry import find_format, read_scan
from ..scan import Scan


def read(path: Path, options: object) -> Scan:
    """Read the file with the default options of the format that claims it."""
    return read_scan(find_format(path), path)
