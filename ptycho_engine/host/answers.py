"""Who raised, or gave a wrong answer: the plugin that was chosen, or a wrapper around it."""

from __future__ import annotations

import functools
from collections.abc import Callable, Generator
from contextvars import ContextVar
from itertools import pairwise
from typing import Any

import pluggy

from ..culprits import name_culprit
from ..discovery import PluginSource
from ..errors import PluginError

Answers = list[tuple[PluginSource, Any]]
#: Answers of one call, the innermost first; one list for each call in progress.
_answers: ContextVar[Answers | None] = ContextVar("answers", default=None)


def watch(implementation: pluggy.HookImpl, source: PluginSource) -> None:
    """Let every call of an implementation be known to be that of a plugin.

    Parameters
    ----------
    implementation : pluggy.HookImpl
        One that was registered, and so is of the right kind.
    source : PluginSource
        Whose it is.
    """
    watched: Any = _watched_wrapper if implementation.wrapper else _watched
    implementation.function = watched(implementation.function, source)  # type: ignore[misc]


def ask(
    call: Callable[..., Any], fits: Callable[[Any], bool], arguments: dict[str, Any]
) -> tuple[Any, PluginSource | None, set[str]]:
    """Call a hook.

    Parameters
    ----------
    call : callable
        The hook caller.
    fits : callable
        Whether an answer is of the kind that the hook expects.
    arguments : dict
        Arguments of the hook.

    Returns
    -------
    answer : object
        What came.
    culprit : PluginSource or None
        Whose answer was the first that does not fit, or that is None in place of another; None if
        the answer that came fits.
    changers : set of str
        Names of the wrappers that answered with another object than they received.
    """
    answers: Answers = []
    token = _answers.set(answers)
    try:
        answer = call(**arguments)
    finally:
        _answers.reset(token)
    pairs = pairwise(answers)
    changers = {source.name for (_, inner), (source, given) in pairs if given is not inner}
    before = None
    if fits(answer) and (answer is not None or all(given is None for _, given in answers)):
        return answer, None, changers
    for source, given in answers:
        if not fits(given) or (given is None and before is not None):
            return answer, source, changers
        before = given
    raise PluginError(f"nobody answered what came: {type(answer).__name__}")  # pragma: no cover


def _watched(function: Callable[..., Any], source: PluginSource) -> Callable[..., Any]:
    @functools.wraps(function)
    def call(*arguments: Any) -> Any:
        try:
            answer = function(*arguments)
        except SystemExit as stop:  # it would end whoever called, without a word
            raise _ended(source, stop) from stop
        except Exception as error:
            name_culprit(error, "plugin", source)
            raise
        if (answers := _answers.get()) is not None:
            answers.append((source, answer))
        return answer

    return call


def _watched_wrapper(
    function: Callable[..., Generator[None, Any, Any]], source: PluginSource
) -> Callable[..., Generator[None, Any, Any]]:
    @functools.wraps(function)
    def call(*arguments: Any) -> Generator[None, Any, Any]:
        steps = function(*arguments)
        try:
            try:
                next(steps)
            except StopIteration:
                raise _broken(source, "does not reach its `yield`") from None
            try:
                received = yield
            except Exception as error:
                go_on = functools.partial(steps.throw, error)
            else:
                go_on = functools.partial(steps.send, received)
            try:
                go_on()
            except StopIteration as end:
                answer = end.value
            else:
                raise _broken(source, "yields more than once")
        except SystemExit as stop:
            raise _ended(source, stop) from stop
        except Exception as error:
            name_culprit(error, "plugin", source)
            raise
        finally:
            steps.close()
        if (answers := _answers.get()) is not None:
            answers.append((source, answer))
        return answer

    return call


def _ended(source: PluginSource, stop: SystemExit) -> PluginError:
    return PluginError(
        f"plugin {source.name!r} ({source.origin}): would end the program: SystemExit: {stop}. "
        f"Expected an error that says what is wrong. Report it to {source.distribution}."
    )


def _broken(source: PluginSource, what: str) -> PluginError:
    return PluginError(
        f"wrapper {source.name!r} ({source.origin}): {what}. Expected exactly one `yield`, which "
        "gives the patches, and `return` with patches."
    )
