"""Standard output and standard error of the command: closed ones, and those that take nothing."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

from .outcomes import FAULT, PIPE_CLOSED


class AnswerLostError(Exception):
    """Standard output did not take an answer.

    Attributes
    ----------
    code : int
        The exit code for that: of a closed pipe as other programs have it.
    """

    def __init__(self, error: OSError) -> None:
        super().__init__(
            f"standard output takes nothing: {error.strerror or error}. Expected a place for the "
            "answer. Send it elsewhere"
        )
        self.code = PIPE_CLOSED if isinstance(error, BrokenPipeError) else FAULT

    @property
    def reader_left(self) -> bool:
        """Whether somebody has read enough, as ``head`` does, and is to be told nothing."""
        return self.code == PIPE_CLOSED


@contextmanager
def open_streams() -> Iterator[None]:
    """Put something that takes all in the place of standard streams that are closed."""
    with ExitStack() as stack:
        for name in ("stdout", "stderr"):
            if getattr(sys, name) is None:
                stream = stack.enter_context(open(os.devnull, "w", encoding="utf-8"))
                stack.callback(setattr, sys, name, None)
                setattr(sys, name, stream)
        yield


def tell(answer: str) -> None:
    """Print an answer on standard output.

    Raises
    ------
    AnswerLostError
        If it is not taken; whatever comes later is thrown away.
    """
    try:
        print(answer, flush=True)
    except OSError as error:
        let_go()
        raise AnswerLostError(error) from error


def takes_more() -> bool:
    """Whether standard output takes a line; what failed to be written, it may hold no longer."""
    try:
        print(flush=True)
    except OSError:
        return False
    return True


def let_go() -> None:
    """Throw away what standard output holds, and whatever comes later: it would fail again."""
    with suppress(OSError, ValueError):
        full = sys.stdout.fileno()  # of a stream in memory there is none
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, full)
        os.close(nothing)
