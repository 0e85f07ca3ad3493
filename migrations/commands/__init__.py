"""What each command does, from parsed options to an exit code."""

from __future__ import annotations

import sys
from pathlib import Path

from ptycho_engine.deprecation.table import GUIDES
from ptycho_engine.errors import OutputError


def complain(message: object) -> None:
    """Print a message for the user on standard error."""
    print(f"ptycho-migrate: {message}", file=sys.stderr)


def where_the_pages_are() -> str:
    """Say where the pages that comments and messages name lie on this machine."""
    return f"{GUIDES} is {Path(__file__).parents[1]}"


def refuse_output(path: Path, overwrite: bool) -> None:
    """Refuse with an OutputError, before any work, an output that could not be written."""
    if path.is_dir() or (path.exists() and not overwrite):
        raise OutputError(f"{path} exists. Choose another name, or add --overwrite to replace it")
    if not path.parent.is_dir():
        raise OutputError(f"{path}: the folder {path.parent} does not exist. Create it first")
