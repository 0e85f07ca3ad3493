"""A scan file of whatever format: its suffix says who is asked first, its content decides."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ...discovery import build_options
from .. import scan_files
from ..catalogue import ScanFormat, find_format, load_format
from ..scan import Scan


def needed_bytes(path: Path, options: object) -> int:
    """Ask the format that claims the file."""
    chosen, values = _chosen(path)
    return scan_files.needed_bytes(chosen, path, values)


def read(path: Path, options: object) -> Scan:
    """Read the file with the default options of the format that claims it."""
    chosen, values = _chosen(path)
    return scan_files.call_reader(chosen, path, values)


def _chosen(path: Path) -> tuple[ScanFormat, Any]:
    chosen = load_format(find_format(path))
    return chosen, build_options(f"format {chosen.source.name!r}", chosen.options, None)
