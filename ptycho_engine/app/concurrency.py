"""Runs of a sweep that share a machine: how many at once, and which part of the cores each has.

Libraries count the cores of the machine, each for itself: four runs at once on eight cores would
start four times eight threads of every kind, which wait for each other. So each is told its part
by the variables that these libraries read when a process starts.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..workers import THREADS, core_count

#: Read by TensorFlow when it starts.
OF_TENSORFLOW = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")
#: What tells the pool of this package, OpenMP, the BLAS libraries, numba, TensorFlow and jax.
VARIABLES = (
    THREADS,
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    *OF_TENSORFLOW,
    "NPROC",
)


def runs_at_once(launcher: Any, count: int) -> int:
    """Return how many of a batch of runs a launcher has at work on this machine at a time.

    Parameters
    ----------
    launcher : hydra.plugins.launcher.Launcher
        Hydra's own, joblib's or submitit's. Of others nothing is known, so they count as one that
        has one at a time.
    count : int
        Runs in the batch.
    """
    kind = type(launcher).__name__
    if kind == "JoblibLauncher":
        from joblib import effective_n_jobs

        return max(1, min(count, int(effective_n_jobs(launcher.joblib["n_jobs"]))))
    # That of SLURM starts each with what it allocates to it, on whatever machine.
    return max(1, count) if kind == "LocalLauncher" else 1


def limit_workers(launcher: Any, count: int) -> None:
    """Let joblib start no more processes than a batch has runs; it would start all of `n_jobs`."""
    if type(launcher).__name__ == "JoblibLauncher":
        told, most = launcher.joblib["n_jobs"], max(2, count)  # of one it makes no process
        launcher.joblib["n_jobs"] = most if isinstance(told, int) and told > most else told


def part_of_the_cores(at_once: int) -> int | None:
    """Return the cores that each of some runs has for itself, at least 1; None for one alone.

    Where ``PTYCHO_ENGINE_THREADS`` says how many a process may use, each has as many.

    Raises
    ------
    ConfigurationError
        If that variable says no number.
    """
    if at_once < 2:
        return None
    return core_count() if os.environ.get(THREADS) else max(1, core_count() // at_once)


@contextmanager
def told_cores(cores: int | None) -> Iterator[None]:
    """Tell processes that start meanwhile how many cores they have.

    Parameters
    ----------
    cores : int or None
        How many; None leaves all as it is. A variable that is set already stays as it is.
    """
    new = {} if cores is None else {n: str(cores) for n in VARIABLES if n not in os.environ}
    os.environ.update(new)
    try:
        yield
    finally:
        for name in new:
            os.environ.pop(name, None)
