"""The limits of memory: what writing the output takes when nothing is computed."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from .timing import Action

FIRST_TOUCH = "first touch"
THREADED = "first touch, all cores"
WARM_COPY = "warm copy"


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def first_touch(shape: tuple[int, ...], dtype: str) -> Action:
    """Allocate an output and write every byte once, as a fresh output demands of anyone."""

    def touch() -> np.ndarray:
        out = np.empty(shape, dtype)
        out.view(np.uint8).fill(1)  # a complex fill would be bound by arithmetic
        return out

    return touch


def first_touch_threaded(shape: tuple[int, ...], dtype: str) -> Action:
    """Do the same with a thread for each core: the kernel then hands out pages in parallel."""
    workers = cores()
    pool = ThreadPoolExecutor(workers)

    def touch() -> np.ndarray:
        out = np.empty(shape, dtype)
        parts = np.array_split(out.reshape(-1).view(np.uint8), 4 * workers)
        list(pool.map(lambda part: part.fill(1), parts))
        return out

    return touch


def settle(count: int) -> Action:
    """Touch and free `count` bytes, so that the next fresh output finds memory ready.

    A virtual machine may hand pages that lie free for some seconds back to its host; touching
    them again then takes ten times as long. Whoever comes after a slow contender would pay.
    """

    def touch() -> None:
        np.empty(count, np.uint8).fill(1)

    return touch


def warm_copy(target: np.ndarray) -> Action:
    """Copy as many bytes as `target` holds into it; both sides have been touched before."""
    source = np.empty_like(target)
    source.view(np.uint8).fill(1)
    target.view(np.uint8).fill(1)
    return lambda: np.copyto(target, source)
