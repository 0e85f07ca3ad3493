"""The command ``ptycho-engine``: it chooses a subcommand, and is quiet about what helps nobody."""

from __future__ import annotations

import os
import sys
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from .outcomes import DONE
from .standard_streams import AnswerLostError, let_go, open_streams, takes_more
from .subcommands import SUBCOMMANDS, sort_subcommand

#: What a program sets is the process's, so calls from several threads come one after the other.
_ONE_AT_A_TIME = threading.RLock()


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; nothing is left changed in the process, so Python may call it too.

    Parameters
    ----------
    arguments : sequence of str, optional
        Those of the program by default.

    Raises
    ------
    SystemExit
        Unless all is done: with 2 (bad input or configuration), 1 (fault) or 130 (interrupted).
    """
    given = sys.argv[1:] if arguments is None else list(arguments)
    with _ONE_AT_A_TIME, open_streams(), _messages_of_a_program():
        try:
            code = dispatch(given)
            sys.stdout.flush()
        except OSError as error:
            if takes_more():  # it is of something else
                raise
            lost = AnswerLostError(error)
            if not lost.reader_left:
                print(f"ptycho-engine: {lost}.", file=sys.stderr)
            let_go()
            code = lost.code
    if code != DONE:
        sys.exit(code)


def dispatch(arguments: list[str]) -> int:
    """Choose the subcommand; return the exit code."""
    if arguments[:1] == ["--version"]:
        from .. import __version__

        print(f"ptycho-engine {__version__}")
        return DONE
    if any(argument in ("-sc", "--shell-completion") for argument in arguments):
        from .completion import answer

        return answer(arguments)
    name, rest = sort_subcommand(arguments)
    return SUBCOMMANDS[name].run(name, rest)


@contextmanager
def _messages_of_a_program() -> Iterator[None]:
    """Keep warnings short and TensorFlow quiet, as long as the program runs."""
    # TensorFlow logs its build options at import unless told not to.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    before = warnings.formatwarning
    # Who typed a command is not helped by the line of the script that they come from.
    warnings.formatwarning = lambda message, category, *_: (
        f"ptycho-engine: {category.__name__}: {message}\n"
    )
    try:
        yield
    finally:
        warnings.formatwarning = before


if __name__ == "__main__":
    main()
