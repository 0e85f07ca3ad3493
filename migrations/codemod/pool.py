"""Many files at once, in processes, with a bar on a terminal."""

from __future__ import annotations

import gc
import multiprocessing
import signal
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from pathlib import Path

from .job import Outcome, Settings, migrate_file, migrate_files

#: Fewer files than this are done sooner than a pool starts.
WORTH_A_POOL = 24
BATCH = 8


def migrate_all(
    paths: Sequence[Path], settings: Settings, jobs: int
) -> Generator[Outcome, None, None]:
    """Migrate files, in processes where that is worth it; yield outcomes as they are done.

    Closing it starts nothing more.
    """
    if jobs <= 1 or len(paths) < WORTH_A_POOL:
        for path in paths:
            yield migrate_file(path, settings)
        return
    batches = [paths[i : i + BATCH] for i in range(0, len(paths), BATCH)]
    left: list[Path] = []
    with _pool(min(jobs, len(batches))) as pool:
        try:
            with _undisturbed():
                futures = {pool.submit(migrate_files, batch, settings): batch for batch in batches}
            for future in as_completed(futures):
                try:
                    yield from future.result()
                except BrokenProcessPool:
                    left += futures[future]
        finally:  # interrupted, or closed by the caller: what has not begun shall not begin
            pool.shutdown(cancel_futures=True)
    for path in left:
        yield _alone(path, settings)


def _alone(path: Path, settings: Settings) -> Outcome:
    """Migrate a file in a process of its own: one of those left killed theirs."""
    with _pool(1) as pool:
        try:
            return pool.submit(migrate_file, path, settings).result()
        except BrokenProcessPool:
            return Outcome(path, error="the process that read it died; is it nested very deeply?")


def _pool(jobs: int) -> ProcessPoolExecutor:
    # Not forked: the bar's thread may hold a lock at that moment.
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(jobs, mp_context=context, initializer=_prepare)


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Let Ctrl-C wait while processes start: they take over what is blocked, from the first on."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _prepare() -> None:
    """Leave Ctrl-C to the first process, and collect cycles less often: trees go as a whole."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.set_threshold(200_000, 20, 20)
