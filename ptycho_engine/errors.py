"""The errors of the engine: what failed, what came, what was expected, what to do next.

Every class derives from :class:`PtychoEngineError` and from the built-in that a caller would
already be catching, so that ``except ValueError`` keeps working.
"""

from __future__ import annotations

import difflib
import functools
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


class PtychoEngineError(Exception):
    """Base of every error that the engine raises on purpose."""

    if not TYPE_CHECKING:
        # AutoGraph raises errors of a traced function anew: in their class, if they are made so.
        __init__ = Exception.__init__


class _AtCaller:
    """A ``with`` block of a public function: errors raised on purpose end at the caller's line.

    Their messages say what is wrong there; where we noticed it helps nobody. Faults keep all.
    """

    def __enter__(self) -> None:
        """Begin the block."""

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        """Forget our own frames; those of the callers are yet to come."""
        if isinstance(error, PtychoEngineError):
            error.__traceback__ = None


#: The one there is: it remembers nothing.
AT_CALLER = _AtCaller()


def at_caller(function: Callable[P, R]) -> Callable[P, R]:
    """Let the errors that a public function raises on purpose end at the caller's line."""

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        with AT_CALLER:
            return function(*args, **kwargs)

    return call


class RequestError(PtychoEngineError, ValueError):
    """The arguments of an extraction do not describe one."""


class OutOfBoundsError(RequestError, IndexError):
    """A window leaves the object although ``fill="error"`` forbids it."""


class ItemError(RequestError, IndexError):
    """A dataset has no item of that number."""


class PluginError(PtychoEngineError, RuntimeError):
    """A plugin broke the contract of its hook."""


class UnknownPluginError(PluginError, LookupError):
    """No plugin of that name is installed or registered."""


class PluginLoadError(PluginError, ImportError):
    """The plugin is installed, but its module cannot be imported."""


class MissingExtraError(PluginLoadError):
    """A framework is not installed; the message holds the command that installs it."""


class CapabilityError(PluginError, ValueError):
    """The request asks for something that the chosen plugin does not declare."""


class MemoryBudgetError(PtychoEngineError, MemoryError):
    """The work does not fit the memory budget."""


class ForkedProcessError(PtychoEngineError, RuntimeError):
    """TensorFlow is asked to compute in a fork of the process where it was started."""


class ConfigurationError(PtychoEngineError, ValueError):
    """A configuration value cannot be used."""


class DeprecatedUseError(PtychoEngineError, RuntimeError):
    """Something deprecated is used although the environment forbids it."""


class CompatError(RequestError):
    """A legacy call lacks what legacy code took from global parameters, or cannot be repeated."""


class InputFileError(PtychoEngineError, ValueError):
    """A scan file cannot be read as what it claims to be."""


class OutputError(PtychoEngineError, OSError):
    """An output cannot be written where it was asked for."""


class ClusterError(PtychoEngineError, RuntimeError):
    """A cluster cannot be reached, does not fit, or has no workers."""


class ClusterLostError(ClusterError):
    """A cluster was lost amid a job; what was written is kept, and a later run goes on with it."""


def printable(text: str, limit: int = 200) -> str:
    """Return text of others as one line without control characters, shortened in the middle.

    Parameters
    ----------
    text : str
        Whatever came: a name, a message.
    limit : int
        Characters that are kept, at most.

    Returns
    -------
    str
        What can be printed anywhere.
    """
    if len(text) > 2 * limit:  # whatever lies between is left out, so it costs nothing
        text = text[:limit] + text[-limit:]
    shown = "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
    half = (limit - 5) // 2
    return shown if len(shown) <= limit else f"{shown[:half]} ... {shown[-half:]}"


def one_of(what: str, received: object, options: Iterable[str]) -> str:
    """Say that `received` is none of `options`, with the nearest spelling first.

    Parameters
    ----------
    what : str
        Name of the thing that was chosen, for instance ``"fill"``.
    received : object
        What came.
    options : iterable of str
        What could have come.

    Returns
    -------
    str
        A sentence for an error message.
    """
    known = sorted(options)
    near = difflib.get_close_matches(str(received), known, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    listed = ", ".join(known) if known else "none"
    return f"{what} {received!r} is not known.{hint} Available: {listed}."


def text_for_list(what: str, text: str) -> str:
    """Say that a text came where names are listed: its letters would be taken for names."""
    return f"{what}: received the text {text!r}. Expected a list of names: [{text!r}]."


def one_line(text: object, limit: int = 300) -> str:
    """Return a text of others, such as the error of a library, as a part of one line of ours.

    Parameters
    ----------
    text : object
        Whatever it is, ``str`` of it counts.
    limit : int
        Characters to keep.

    Returns
    -------
    str
        Without line breaks; what cannot be printed is written as in Python's literals.
    """
    try:
        words = str(text)
    except ValueError:  # Python writes no number of thousands of digits
        return "a number of thousands of digits"
    return printable(" ".join(words.split()), limit)
