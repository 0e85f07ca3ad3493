"""What a worker does: it makes the values of a portion and writes the files."""

from __future__ import annotations

import logging
import os
import platform
import signal
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import ClusterError, InputFileError
from ...io.delegation import Delegate
from ...workers import limit_threads
from ..concurrency import OF_TENSORFLOW


def this_process() -> tuple[str, int]:
    """Return host and number of this process."""
    return socket.gethostname(), os.getpid()


@dataclass(frozen=True, eq=False)
class Errand:
    """What all tasks of a job have in common; sent once to each worker.

    Attributes
    ----------
    make : callable
        From what a task is given to the values of each array.
    delegate : Delegate
        Writes them.
    threads : int
        Threads of a task.
    versions : dict of str to str
        Of the client: those of a worker must be the same.
    client : (str, int)
        Host and number of its process, which stays as it is if it is a worker too.
    """

    make: Callable[[Any], Mapping[str, NDArray[Any]]]
    delegate: Delegate
    threads: int
    versions: Mapping[str, str]
    client: tuple[str, int] = field(default_factory=this_process)


@dataclass(frozen=True)
class Receipt:
    """What a task tells.

    Attributes
    ----------
    start : int
        Where its portion begins.
    making, writing : float
        Seconds spent on either.
    """

    start: int
    making: float
    writing: float


def run_errand(errand: Errand, start: int, stop: int, given: Any) -> Receipt:
    """Make and write a portion, in a worker.

    Raises
    ------
    ClusterError
        If the versions here are others.
    InputFileError
        If a file of the scan cannot be read here.
    OutputError, OSError
        If it cannot be written.
    """
    if errand.client != this_process():
        prepare_process(errand.threads)
    if differing := differences(errand.versions, versions()):
        raise ClusterError(
            f"a worker that came later has {differing}. Expected what the others have. Start it "
            "from the same packages."
        )
    begun = time.perf_counter()
    try:
        values = errand.make(given)
    except InputFileError as error:
        host, process = this_process()
        if errand.client == (host, process):
            raise
        raise InputFileError(
            f"{error} A worker on {host}, process {process}, says so. Each worker must see the "
            "file under the same path."
        ) from error
    made = time.perf_counter()
    errand.delegate.write(start, stop, values)
    return Receipt(start, made - begun, time.perf_counter() - made)


def dask_setup(worker: object) -> None:
    """Leave Ctrl-C to the client, as a worker starts: a terminal sends it to all processes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def prepare_process(threads: int) -> None:
    """Limit the threads of this process, and leave it to the client to say what is to be said."""
    limit_threads(threads)
    for name in OF_TENSORFLOW:
        os.environ[name] = str(threads)
    logging.getLogger("ptycho_engine").setLevel(logging.ERROR)


@cache
def versions() -> dict[str, str]:
    """Return what must be the same everywhere, for the same bits."""
    from ... import __version__

    python = ".".join(platform.python_version_tuple()[:2])
    return {"ptycho_engine": __version__, "numpy": np.__version__, "python": python}


def differences(expected: Mapping[str, str], found: Mapping[str, str]) -> str:
    """Say which versions differ, and how; empty if none does."""
    return ", ".join(
        f"{name} {found.get(name)} in place of {version}"
        for name, version in expected.items()
        if found.get(name) != version
    )
