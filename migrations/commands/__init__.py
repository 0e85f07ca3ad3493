"""What each command does, from parsed options to an exit code."""

from __future__ import annotations

import sys


def complain(message: object) -> None:
    """Print a message for the user on standard error."""
    print(f"ptycho-migrate: {message}", file=sys.stderr)
