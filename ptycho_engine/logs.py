"""Structured logs: quiet in a library, readable on a terminal, JSON on request.

Events go through the standard library's logger ``ptycho_engine``, so that an application decides
what becomes of them, whatever it has done with structlog itself.
"""

from __future__ import annotations

import logging
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
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
            _as_record,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
    )


class _Event(dict[str, Any]):
    """An event, which Python writes as a line for people where nobody has set logging up."""

    def __str__(self) -> str:
        values = {k: v for k, v in self.items() if k not in ("event", "level", "timestamp")}
        said = f"{self['event']}: " + ", ".join(f"{k}={v!r}" for k, v in values.items())
        if set(values) == {"reason"}:  # which says it all
            said = values["reason"]
        return f"ptycho_engine: {self['level']}: {said}"


def _as_record(logger: Any, method: str, event: Any) -> Any:
    """Hand an event to the standard library."""
    return structlog.stdlib.ProcessorFormatter.wrap_for_formatter(logger, method, _Event(event))


@contextmanager
def configured(
    level: str,
    renderer: Any,
    stream: TextIO | None = None,
    *,
    hear: Callable[[Mapping[str, Any]], None] | None = None,
) -> Iterator[None]:
    """Send the engine's events to a stream, as long as the block runs.

    Parameters
    ----------
    level : str
        Name of the lowest level shown, for instance ``"INFO"``.
    renderer : callable
        A processor of structlog that makes the line; an event of which it makes none is left out.
    stream : text file, optional
        Where to; standard error by default.
    hear : callable, optional
        Called with each event of at least the level ``INFO``, whatever is shown.
    """
    handler = _Lines(stream or sys.stderr)
    handler.setLevel(level.upper())
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=_SHARED,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    logger = logging.getLogger("ptycho_engine")
    before = logger.handlers, logger.propagate, logger.level
    ears = [] if hear is None else [_Ears(hear)]
    logger.handlers, logger.propagate = [handler, *ears], False
    logger.setLevel(min(each.level for each in logger.handlers))
    try:
        yield
    finally:
        logger.handlers, logger.propagate = before[:2]
        logger.setLevel(before[2])


@contextmanager
def of_python_warnings() -> Iterator[None]:
    """Take the warnings of Python that its filters let through for events, in the block."""
    before = warnings.showwarning

    def show(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        get_logger().warning(
            "python_warning",
            reason=str(message),
            category=category.__name__,
            where=f"{filename}:{lineno}",
        )

    warnings.showwarning = show
    try:
        yield
    finally:
        warnings.showwarning = before


class _Lines(logging.StreamHandler[TextIO]):
    """Writes what is more than nothing."""

    def emit(self, record: logging.LogRecord) -> None:
        line = self.format(record)
        if line:
            self.acquire()
            try:
                self.stream.write(line + self.terminator)
                self.flush()
            except OSError:  # nobody reads any more
                self.handleError(record)
            finally:
                self.release()


class _Ears(logging.Handler):
    """Passes events on as they are."""

    def __init__(self, hear: Callable[[Mapping[str, Any]], None]) -> None:
        super().__init__(logging.INFO)
        self._hear = hear

    def emit(self, record: logging.LogRecord) -> None:
        # Events of structlog are mappings until they are formatted.
        if isinstance(record.msg, Mapping):
            self._hear(record.msg)


def key_values(stream: TextIO | None = None) -> Any:
    """Return a renderer of the time, the event and its values, in colour at a terminal."""
    return structlog.dev.ConsoleRenderer(colors=(stream or sys.stderr).isatty())


def json_lines() -> Any:
    """Return a renderer of one JSON object a line."""
    return structlog.processors.JSONRenderer()


def bound(**values: Any) -> AbstractContextManager[Any]:
    """Add values to every event inside a ``with`` block."""
    return structlog.contextvars.bound_contextvars(**values)
