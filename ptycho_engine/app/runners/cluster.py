"""A cluster of Dask: joined, or made on this machine for as long as a job runs."""

from __future__ import annotations

import logging
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Any

from ...deferral import deferred_signals
from ...errors import ClusterError, ConfigurationError, one_line
from ...extras import require
from ...logs import get_logger
from ..concurrency import OF_TENSORFLOW
from . import errands
from .dask_settings import DaskSettings
from .errands import differences, versions

if TYPE_CHECKING:
    from distributed import Client

#: Seconds in which a cluster has a worker.
PATIENCE = 60


def connect(settings: DaskSettings, client: Client | None, stack: ExitStack) -> Client:
    """Return a client of a cluster whose workers fit; the stack ends what is begun here.

    Parameters
    ----------
    settings : DaskSettings
        Which cluster.
    client : Client or None
        The caller's own, which stays.
    stack : ExitStack
        Left at the end of the job.

    Raises
    ------
    MissingExtraError
        If dask is not installed.
    ClusterError
        If there is no scheduler, no worker, or one of other versions.
    ConfigurationError
        If the caller's client is asynchronous.
    """
    require("distributed", "runner=dask", extra="dask")
    if client is None:
        client = _made(settings, stack) if settings.scheduler is None else _joined(settings, stack)
    elif client.asynchronous:
        raise ConfigurationError(
            "client: received an asynchronous Client. Expected one that waits: make it with "
            "Client(address) outside of async code."
        )
    check_workers(client)
    get_logger().info(
        "cluster",
        scheduler=client.scheduler.address,
        workers=len(worker_slots(client)),
        dashboard=client.dashboard_link,
    )
    return client


def _made(settings: DaskSettings, stack: ExitStack) -> Client:
    """Make a cluster on this machine, which no other user of it can reach."""
    from distributed import Client, LocalCluster

    threads = settings.task_threads(joined=False)
    with deferred_signals():  # nothing is begun that the stack does not know
        cluster = stack.enter_context(
            LocalCluster(
                n_workers=settings.worker_count,
                threads_per_worker=1,
                memory_limit=0,  # the budget of the job is held by the engine
                dashboard_address="127.0.0.1:0",
                security=True,
                silence_logs=logging.CRITICAL,  # what goes wrong comes as an exception
                env=dict.fromkeys(OF_TENSORFLOW, str(threads)),
                preload=[errands.__name__],
            )
        )
        return stack.enter_context(Client(cluster, set_as_default=False, direct_to_workers=True))


def _joined(settings: DaskSettings, stack: ExitStack) -> Client:
    from distributed import Client

    try:
        return stack.enter_context(Client(settings.scheduler, set_as_default=False))
    except (OSError, ValueError) as error:
        raise ClusterError(
            f"{settings.scheduler}: no scheduler answers: {one_line(error)}. Expected that of a "
            "running cluster. Start one with `dask scheduler`, check runner.scheduler, or leave it "
            "out."
        ) from error


def check_workers(client: Client) -> None:
    """Refuse a cluster without workers, or with one that would compute something else.

    Raises
    ------
    ClusterError
        With what is wrong, and with whom.
    """
    try:
        client.wait_for_workers(1, timeout=PATIENCE)
    except TimeoutError:
        raise ClusterError(
            f"{client.scheduler.address}: has no worker after {PATIENCE} seconds. Expected at "
            "least one. Start some with `dask worker`."
        ) from None
    found: dict[str, Any] = client.run(versions, on_error="return")
    for worker, answer in found.items():
        wrong = (
            f"cannot run ptycho_engine: {one_line(answer)}"
            if isinstance(answer, BaseException)
            else differences(versions(), answer)
        )
        if wrong:
            raise ClusterError(
                f"worker {worker}: {wrong}. Expected what this process has, so that the bits are "
                "the same. Start the workers from the same packages."
            )


def worker_slots(client: Client) -> dict[str, int]:
    """Return the addresses of the workers there are, and how many tasks each does at a time."""
    with suppress(OSError):
        return dict(client.nthreads())
    return {}
