"""The threads of this process: one pool, which everything that has work to share uses.

Whoever shares work takes part in it, so that calls from the pool's own threads cannot wait for
each other, and that nothing is lost where no thread can be had, as while the interpreter exits.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import partial
from typing import Any, TypeVar

from .deferral import deferred_signals
from .errors import ConfigurationError

T = TypeVar("T")

#: The variable that says how many cores this process may use, whatever it could use.
THREADS = "PTYCHO_ENGINE_THREADS"
#: Those of SLURM that say what it gave a task, or else the job on this node.
ALLOCATED = ("SLURM_CPUS_PER_TASK", "SLURM_CPUS_ON_NODE")


def allocated_cores(environ: Mapping[str, str]) -> int | None:
    """Return the cores that SLURM gave this process, None if it gave none."""
    told = [int(text) for name in ALLOCATED if (text := environ.get(name, "")).isdecimal()]
    return told[0] if told else None


#: Looked up once: it stays as it is, and a look at the environment costs as much as ten patches.
ALLOCATION = allocated_cores(os.environ)


def core_count(environ: Mapping[str, str] = os.environ, allocated: int | None = ALLOCATION) -> int:
    """Cores that this process may use.

    Parameters
    ----------
    environ : mapping
        Where ``PTYCHO_ENGINE_THREADS`` may say how many. Without it they are those that the process
        is bound to.
    allocated : int, optional
        At most so many of these: what SLURM allocated, which does not bind everywhere.

    Raises
    ------
    ConfigurationError
        If the variable says no whole number above zero.
    """
    told = environ.get(THREADS)
    if not told:
        affinity = getattr(os, "sched_getaffinity", None)  # not on every platform
        bound = len(affinity(0)) if affinity else os.cpu_count() or 1
        return max(1, bound if allocated is None else min(bound, allocated))
    if not told.isdecimal() or int(told) == 0:
        raise ConfigurationError(
            f"{THREADS}: received {told!r}. Expected a whole number above zero, the cores that a "
            "process may use. Correct the variable, or unset it."
        )
    return int(told)


def _pool_size() -> int:
    try:
        return max(2, core_count())
    except ConfigurationError:  # it comes again from whoever asks, at a better place than an import
        return 2


#: Threads of the pool; with the one that shares its work, one more may be at it.
POOL_SIZE = _pool_size()


#: Threads that one call of `share` may have here, this one included; see `limit_threads`.
_most = POOL_SIZE + 1


def limit_threads(most: int) -> None:
    """Let calls of `share` in this process have so many threads at most, their own included.

    For processes of which several share the cores of a machine.
    """
    global _most
    _most = max(1, min(most, POOL_SIZE + 1))


def _new_pool() -> ThreadPoolExecutor:
    """Make a pool: its threads start when they are first needed, and end with the interpreter."""
    return ThreadPoolExecutor(POOL_SIZE, thread_name_prefix="ptycho_engine")


_pool = _new_pool()


def _after_fork() -> None:
    """Replace the pool in a forked process, where none of its threads live on."""
    global _pool
    _pool = _new_pool()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def submit(work: Callable[[], T]) -> Future[T]:
    """Let the pool do something while this thread goes on.

    Parameters
    ----------
    work : callable
        Called once, without arguments.

    Returns
    -------
    Future
        Of its result. One that can still be cancelled was not begun, and never is where no thread
        can be had: whoever needs the result cancels it and calls `work` itself.
    """
    try:
        with deferred_signals():  # as in `share`
            return _pool.submit(work)
    except RuntimeError:  # the interpreter exits, or the system has no thread to give
        return Future()


def share(work: Callable[[T], Any], items: Iterable[T], threads: int) -> None:
    """Work off items in this thread and helpers, whoever is free taking the next.

    Parameters
    ----------
    work : callable
        Called once with each item, in any order.
    items : iterable
        The items, of which there are as many as calls.
    threads : int
        Threads that may work at the same time, this one included; beyond `POOL_SIZE` + 1, or
        where the pool is busy, there are fewer.

    Raises
    ------
    BaseException
        The first error of `work`. The items that nobody had begun are dropped then; whatever was
        begun has ended before this returns, with or without an error.
    """
    items = list(items)
    count = min(threads, len(items), _most)
    if count < 2:
        for item in items:
            work(item)
        return
    # Calls, not items: what a helper that comes too late holds is then an empty queue.
    rest: deque[Callable[[], Any]] = deque(partial(work, item) for item in items)
    helpers: list[Future[None]] = []
    for _ in range(count - 1):
        helper: Future[None] = Future()
        helpers.append(helper)
        try:
            # An interrupt between the start of a thread and the pool's note of it would leave a
            # thread for which the interpreter waits for ever at its end.
            with deferred_signals():
                _pool.submit(_help, helper, rest)
        except RuntimeError:  # the interpreter exits, or the system has no thread to give
            break
    try:
        _work_off(rest)
    finally:
        with deferred_signals():  # a second interrupt must not leave behind what was begun
            begun = [helper for helper in helpers if not helper.cancel()]
            wait(begun)
    for helper in begun:
        helper.result()


def _work_off(rest: deque[Callable[[], Any]]) -> None:
    """Do what is left, call by call; after an error nothing is left."""
    try:
        while True:
            try:
                call = rest.popleft()
            except IndexError:
                return
            call()
    except BaseException:
        rest.clear()
        raise


def _help(helper: Future[None], rest: deque[Callable[[], Any]]) -> None:
    """Take part, unless the one who shares has finished; tell through `helper` how it went."""
    if not helper.set_running_or_notify_cancel():
        return
    try:
        _work_off(rest)
    except BaseException as error:
        helper.set_exception(error)
    else:
        helper.set_result(None)
