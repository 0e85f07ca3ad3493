"""Clusters of Dask for tests, and what two stores have in common."""

import signal
import subprocess
import sys
from contextlib import contextmanager

import psutil

#: In a process of its own, so that it can be killed; quick to be missed by its workers.
ENVIRONMENT = {
    "DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT": "3s",
}
SCHEDULER = """
import asyncio, sys
from distributed import Scheduler

async def serve():
    async with Scheduler(host="127.0.0.1", port=0, dashboard_address="127.0.0.1:0") as scheduler:
        print(scheduler.address, flush=True)
        await scheduler.finished()

asyncio.run(serve())
"""
WORKER = """
import asyncio, sys
from distributed import Worker

async def serve():
    async with Worker(sys.argv[1], nthreads=1, memory_limit=0, death_timeout=5) as worker:
        await worker.finished()

asyncio.run(serve())
"""


@contextmanager
def started(program, *arguments):
    """Run a program for as long as the block; yield its process."""
    import os

    command = [sys.executable, "-W", "ignore", "-c", program, *arguments]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, stderr=subprocess.DEVNULL,
        env={**os.environ, **ENVIRONMENT},
    )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@contextmanager
def to_be_lost():
    """Yield the settings of a cluster of one worker, and what lets a run lose its scheduler."""
    import dask

    from ptycho_engine.app.runners.dask_settings import DaskSettings

    with started(SCHEDULER) as scheduler:
        address = scheduler.stdout.readline().strip()

        def progress(blocks, count):
            for number, block in enumerate(blocks):
                if number == 3:
                    scheduler.kill()
                yield block

        timeout = dask.config.set({"distributed.comm.timeouts.connect": "3s"})
        with started(WORKER, address), timeout:
            yield DaskSettings(scheduler=address, portion="1KiB"), progress


def contents(store):
    """The bytes of each file of a Zarr store, but of the document with times and paths."""
    return {
        path.relative_to(store).as_posix(): path.read_bytes()
        for path in sorted(store.rglob("*"))
        if path.is_file() and path != store / "zarr.json"
    }


def children():
    """Processes that this one has started, and theirs; but multiprocessing's own, which stays."""
    found = psutil.Process().children(recursive=True)
    return {
        process.pid
        for process in found
        if process.status() != "zombie" and "resource_tracker" not in " ".join(process.cmdline())
    }


def kill(pid):
    psutil.Process(pid).send_signal(signal.SIGKILL)
