"""Warnings that point at the user's line, and are shown there once."""

from __future__ import annotations

import sys
import warnings
from types import FrameType

#: Top-level packages whose frames are not the user's.
OWN = ("ptycho_engine", "pluggy", "hydra", "tensorflow", "keras")
SHOWN = "__ptycho_engine_shown__"


def warn_caller(text: str, category: type[Warning]) -> None:
    """Warn at the innermost line outside `OWN`.

    Where filters ask for one showing per line, there is one: Python itself forgets what it has
    shown whenever a filter changes, which TensorFlow brings about all the time.

    Parameters
    ----------
    text : str
        The text.
    category : type
        Class of the warning.
    """
    frame = _caller(sys._getframe(1))
    filename, lineno, names = frame.f_code.co_filename, frame.f_lineno, frame.f_globals
    module = names.get("__name__", "<unknown>")
    # Kept beside Python's own registry, in the module that is warned.
    shown: set[tuple[str, str, int]] = names.setdefault(SHOWN, set())
    key = text, filename, lineno
    if key in shown and _action(text, category, module, lineno) in ("default", "module", "once"):
        return
    shown.add(key)
    registry = names.setdefault("__warningregistry__", {})
    warnings.warn_explicit(text, category, filename, lineno, module, registry)


def _caller(frame: FrameType) -> FrameType:
    """Return the innermost frame outside `OWN`, the outermost one if there is none."""
    while frame.f_back is not None:
        if frame.f_globals.get("__name__", "").partition(".")[0] not in OWN:
            break
        frame = frame.f_back
    return frame


def _action(text: str, category: type[Warning], module: str, lineno: int) -> str:
    """Return what the filters say of a warning."""
    for action, message, wanted, where, line in warnings.filters:
        if (
            _matches(message, text)
            and issubclass(category, wanted)
            and _matches(where, module)
            and line in (0, lineno)
        ):
            return str(action)
    return "default"


def _matches(pattern: object, text: str) -> bool:
    """Whether a filter's pattern fits: compiled, or plain text in the filters of the start."""
    if pattern is None or isinstance(pattern, str):
        return pattern in (None, text)
    return bool(pattern.match(text))  # type: ignore[attr-defined]
