"""Portions handed to workers, and their receipts, until all have come or the cluster is lost."""

from __future__ import annotations

import time
from asyncio import CancelledError as Cancelled
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from itertools import islice
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

from ...errors import ClusterLostError, one_line
from .cluster import PATIENCE, worker_slots
from .errands import Errand, Receipt, run_errand
from .portions import Portion

if TYPE_CHECKING:
    from distributed import Client, Future, Worker

#: Tasks that the scheduler knows at a time, besides some for each slot: it keeps all in memory.
AHEAD, EACH = 64, 4
#: Seconds without news after which somebody looks whether there are workers.
PAUSE = 2.0


class Dispatch:
    """Does an errand for portions.

    Parameters
    ----------
    client : Client
        Of the cluster.
    errand : Errand
        Sent once to each worker.
    given : callable
        From a range to what its task gets.
    retries : int
        How often a task that failed is tried again.
    """

    def __init__(
        self, client: Client, errand: Errand, given: Callable[[int, int], Any], retries: int
    ) -> None:
        self._client, self._errand, self._given = client, errand, given
        self._retries = retries
        self._address = client.scheduler.address
        self._pending: dict[str, Future] = {}

    def receipts(self, portions: list[Portion]) -> Iterator[tuple[Portion, Receipt]]:
        """Yield each portion with its receipt, as they are done.

        Raises
        ------
        ClusterLostError
            If the scheduler or all workers are gone, or tasks end their workers.
        Exception
            Of a task, when it has failed more often than is retried.
        """
        rest = {portion.start: portion for portion in portions}
        barren = 0
        while rest:
            before = len(rest)
            try:
                yield from self._round(rest)
            except (Cancelled, CancelledError, TimeoutError, OSError) as error:
                if not is_loss(error):
                    raise
                self._refuse_lost_scheduler(len(portions) - len(rest), len(portions))
                # Else the workers that had the errand are gone: it is sent to those that there are.
                barren = barren + 1 if len(rest) == before else 0
                if barren > self._retries:
                    what = f"tasks are lost again and again: {one_line(error)}"
                    raise self._lost(what) from error

    def _round(self, rest: dict[int, Portion]) -> Iterator[tuple[Portion, Receipt]]:
        """Send the errand, and do what is left; what is done is removed from the rest."""
        from distributed.scheduler import KilledWorker

        client, finished = self._client, SimpleQueue[Any]()
        errand = client.scatter(self._errand, broadcast=True, hash=False)
        slots = sum(worker_slots(client).values())
        todo = iter(list(rest.values()))
        pending = self._pending = {}
        try:
            while True:
                for portion in islice(todo, AHEAD + EACH * slots - len(pending)):
                    future = self._submit(errand, portion)
                    pending[future.key] = future
                    future.add_done_callback(finished.put)
                if not pending:
                    return
                batch = self._next(finished)
                for receipt in client.gather(batch):
                    yield rest.pop(receipt.start), receipt
                for future in batch:
                    del pending[future.key]
        except KilledWorker as error:
            raise self._lost(
                f"workers ended amid a task: {one_line(error)}. Perhaps they had too little "
                "memory: lower runner.portion or runner.threads."
            ) from error
        finally:
            if client.status == "running" and pending:
                client.cancel(list(pending.values()), force=True)

    def settle(self) -> None:
        """Wait until no worker that can be reached is at a task that was cancelled."""
        deadline = time.monotonic() + PATIENCE
        while self._client.status == "running" and time.monotonic() < deadline:
            busy = self._client.run(is_busy, set(self._pending), on_error="return")
            if True not in busy.values():  # an error is of a worker that is gone
                return
            time.sleep(PAUSE / 20)

    def _submit(self, errand: Future, portion: Portion) -> Future:
        return self._client.submit(
            run_errand,
            errand,
            portion.start,
            portion.stop,
            self._given(portion.start, portion.stop),
            retries=self._retries,
            pure=False,
        )

    def _next(self, finished: SimpleQueue[Any]) -> list[Any]:
        """Wait for tasks that have ended; return all there are."""
        last_seen = time.monotonic()
        while True:
            try:
                batch = [finished.get(timeout=PAUSE)]
                while not finished.empty():
                    batch.append(finished.get())
                return batch
            except Empty:
                if self._client.status != "running":
                    raise CancelledError("the client lost its scheduler") from None
                if worker_slots(self._client):
                    last_seen = time.monotonic()
                elif time.monotonic() - last_seen > PATIENCE:
                    raise self._lost(f"no worker is left after {PATIENCE} seconds") from None

    def _refuse_lost_scheduler(self, done: int, total: int) -> None:
        """Wait while the client tries to reach the scheduler again."""
        while self._client.status == "connecting":
            time.sleep(PAUSE / 10)
        if self._client.status != "running":
            raise self._lost(f"the scheduler was lost when {done} of {total} portions were written")

    def _lost(self, what: str) -> ClusterLostError:
        resumed = " with output.resume=true, which goes on with what is written"
        return ClusterLostError(
            f"{self._address}: {what}. Expected a cluster until the end. Start one and run again"
            f"{resumed if self._errand.delegate.resumes else ''}."
        )


def is_busy(keys: set[str], dask_worker: Worker) -> bool:
    """Whether a worker, which calls this, knows one of some tasks; also one that was cancelled."""
    return not keys.isdisjoint(dask_worker.state.tasks)


def is_loss(error: BaseException) -> bool:
    """Whether an error is of the cluster, not of a task."""
    from distributed.comm import CommClosedError

    broken = CommClosedError | TimeoutError
    # A scheduler that is gone is a plain OSError of whoever connects before its client has noticed.
    return (
        not isinstance(error, OSError)
        or isinstance(error, broken)
        or (error.errno is None and isinstance(error.__cause__, broken))
    )
