"""Structured logs: quiet in a library, readable on a terminal, JSON on request.

Events go through the standard library's logger ``ptycho_engine``, so that an application decides
what becomes of them, whatever it has done with structlog itself.
"""

from __future__ import annotations

import logging
import sys
from contextlib import AbstractContextManager
from typing import Any, TextIO

import structlog

_SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]


def get_logger() -> Any:
    """Return the engine's logger, independent of structlog's global configuration."""
    return structlog.wrap_logger(
        logging.getLogger("ptycho_engine"),
        processors=[
            structlog.stdlib.filter_by_level,
            *_SHARED,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
    )


def configure(level: str = "INFO", *, json: bool = False, stream: TextIO | None = None) -> None:
    """Send the engine's events to a stream; a second call replaces the first.

    Parameters
    ----------
    level : str
        Name of the lowest level shown, for instance ``"INFO"``.
    json : bool
        One JSON object a line instead of text.
    stream : text file, optional
        Where to; standard error by default.
    """
    stream = stream or sys.stderr
    renderer: Any = (
        structlog.processors.JSONRenderer()
        if json
        else structlog.dev.ConsoleRenderer(colors=stream.isatty())
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=_SHARED,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    logger = logging.getLogger("ptycho_engine")
    logger.handlers = [handler]
    logger.propagate = False
    logger.setLevel(level.upper())


def bound(**values: Any) -> AbstractContextManager[Any]:
    """Add values to every event inside a ``with`` block."""
    return structlog.contextvars.bound_contextvars(**values)
