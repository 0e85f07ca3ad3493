"""The exit codes of ``ptycho-migrate``."""

from __future__ import annotations

from typing import Final

DONE: Final = 0
PENDING: Final = 1
FAILED: Final = 2
INTERRUPTED: Final = 130
PIPE_CLOSED: Final = 141
