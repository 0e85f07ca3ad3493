"""Batches one after the other, while the next ones are being made."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, wait
from functools import partial
from itertools import islice
from typing import TypeVar

from ...workers import submit

T = TypeVar("T")
R = TypeVar("R")


def ahead(make: Callable[[T], R], tasks: Iterable[T], count: int) -> Iterator[R]:
    """Yield what tasks make, in their order, while the pool works on the next ones.

    Parameters
    ----------
    make : callable
        Makes one of them, in any thread.
    tasks : iterable
        What to make.
    count : int
        How many are made, or wait to be taken, besides the one that was yielded; with 0 each is
        made when it is asked for.

    Yields
    ------
    object
        What `make` returned.

    Raises
    ------
    BaseException
        The error of `make`, where its turn comes. Whatever was begun has ended when this has.
    """
    begun: deque[tuple[partial[R], Future[R]]] = deque()
    made: deque[R] = deque()  # of one at most, and none while its taker works: no batch is kept
    rest = iter(tasks)

    def begin(number: int) -> None:
        for task in islice(rest, number):
            work = partial(make, task)
            begun.append((work, submit(work) if count else Future()))

    try:
        begin(max(1, count))
        while begun:
            work, future = begun.popleft()
            # One that no thread has begun is made here: the pool may be busy with who waits for it.
            made.append(work() if future.cancel() else future.result())
            del future  # which keeps what it returned
            begin(min(1, count))
            yield made.popleft()
            begin(1 - min(1, count))
    finally:
        wait([future for _, future in begun if not future.cancel()])
