"""A cluster of Dask does the work: workers make portions of an output, and write them."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, ExitStack, closing, nullcontext, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ...engine import Engine
from ...errors import ClusterError, ClusterLostError, ConfigurationError
from ...io.catalogue import FormatSource
from ...io.delegation import check_delegation
from ...io.disk import writing as writing_to
from ...io.objects.urls import Location
from ...io.patterns import Patterns
from ...io.scan import CuttableScan, Scan
from ...io.store import Store
from ...lazy import Cutter
from ...memory import parse_bytes
from ...request.blocks import Block
from ..jobs.extraction_job import ExtractionJob
from ..jobs.patch_output import Filled, PatchMaker, Progress
from ..jobs.scan_output import Counted, PatternMaker
from ..jobs.training_output import Filling
from .cluster import connect, worker_slots
from .dask_settings import DaskSettings
from .dispatch import Dispatch
from .errands import Errand, versions
from .portions import Portion, Work, portion_size, portions_of

if TYPE_CHECKING:
    from distributed import Client

#: What a block holds whose patches lie in files already.
NOWHERE = np.empty((0, 0, 0))
Waiting = Callable[[str], AbstractContextManager[Any]]


class DaskRunner:
    """Fills Zarr stores through a cluster; the methods are those of `Runner`.

    Every worker writes whole files of the store itself, so that they need a file system, or an
    object store, in common; this process keeps the journal. A worker that is lost loses nothing:
    its tasks are done by others, and a file that is written twice has the same bytes.

    Parameters
    ----------
    settings : DaskSettings, optional
        Which cluster, and how it works.
    client : Client, optional
        One of the caller's own, in place of the cluster that `settings` say; it stays open.
    waiting : callable, optional
        Makes the context in which something is waited for, given what.
    """

    def __init__(
        self,
        settings: DaskSettings | None = None,
        client: Client | None = None,
        waiting: Waiting = nullcontext,
    ) -> None:
        self.settings = settings or DaskSettings()
        self._own = client
        self._waiting = waiting
        self._stack = ExitStack()
        self._client: Any = None
        self._depth = 0  # a caller may enter it for several jobs, each of which does too

    @property
    def client(self) -> Client:
        """The client of the cluster, from entering to leaving."""
        client: Client = self._client
        return client

    def check(self, output: Location, format: FormatSource | None = None) -> None:
        """Refuse an output that several processes cannot write.

        Raises
        ------
        ConfigurationError
            With one that they can.
        """
        check_delegation(output)
        if format is not None and not format.built_in:
            raise ConfigurationError(
                f"{output}: the format {format.name!r} ({format.target}) writes by itself. "
                "Expected one of this package. Leave output.format out, or choose runner=local."
            )

    def __enter__(self) -> DaskRunner:
        if self._client is None:
            try:
                with self._waiting("waiting for workers"):
                    self._client = connect(self.settings, self._own, self._stack)
            except BaseException:
                self._stack.close()
                raise
        self._depth += 1
        return self

    def __exit__(self, *_: object) -> None:
        self._depth -= 1
        if not self._depth:
            self._end()

    def _end(self) -> None:
        """Let go of the cluster; one that was made ends with all that its workers do."""
        self._client = None
        self._stack.close()

    def fill_patches(
        self,
        store: Store,
        job: ExtractionJob,
        engine: Engine,
        scan: CuttableScan,
        progress: Progress | None,
    ) -> Filled:
        """Cut and write patches; those of the picture are cut again, where it is drawn."""
        positions = np.asarray(scan.positions)
        work = Work(
            ("patches",),
            store.missing("patches"),
            lambda start, stop: positions[start:stop],
            PatchMaker(Cutter(engine, scan.image, job.cut)),
        )
        plan = engine.plan(scan.image, positions[:1], **vars(job.cut))
        wanted = min(parse_bytes(self.settings.portion), plan.memory_budget // 4)
        making, writing = self._fill(store, work, wanted, progress)
        return Filled({}, making, writing)

    def fill_groups(self, filling: Filling, progress: Progress | None) -> float:
        """Cut, read and write groups, then what comes by point."""
        store, content = filling.store, filling.content
        work = Work(
            tuple(content.streamed),
            filling.missing(),
            lambda start, stop: (filling.places[start:stop], filling.indices[start:stop]),
            filling.maker(),
        )
        one = sum(s.nbytes // max(1, s.shape[0]) for s, _ in content.streamed.values())
        wanted = min(parse_bytes(self.settings.portion), filling.groups * one)
        _, writing = self._fill(store, work, wanted, progress)
        for name, patterns in content.points.items():
            writing += self._fill(store, pattern_work(store, name, patterns))[1]
        return writing

    def writable(self, scan: Scan, done: Counted) -> Scan:
        """Return the scan; the cluster computes its patterns and writes them."""

        def write(store: Store, name: str, patterns: Patterns) -> None:
            def progress(blocks: Iterator[Block], total: int) -> Iterator[Block]:
                for block in blocks:
                    done(block.stop)
                    yield block

            try:
                self._fill(store, pattern_work(store, name, patterns), None, progress)
            except ClusterLostError as error:  # no scan is resumed
                raise ClusterError(f"{error} Simulate it again.") from error

        if scan.patterns is None:
            return scan
        return replace(scan, patterns=replace(scan.patterns, writer=write))

    def _fill(
        self,
        store: Store,
        work: Work,
        wanted: int | None = None,
        progress: Progress | None = None,
    ) -> tuple[float, float]:
        """Let the cluster do some work; return the seconds of making and of writing."""
        delegate = store.delegate()
        slots = max(1, sum(worker_slots(self._client).values()))
        wanted = parse_bytes(self.settings.portion) if wanted is None else wanted
        size = portion_size(delegate, work.arrays, wanted, slots)
        portions = portions_of(work.missing, size, delegate.arrays[work.arrays[0]].shape[0])
        joined = self._own is not None or self.settings.scheduler is not None
        errand = Errand(work.make, delegate, self.settings.task_threads(joined), versions())
        dispatch = Dispatch(self._client, errand, work.given, self.settings.retries)
        making = writing = 0.0

        def blocks() -> Generator[Block, None, None]:
            nonlocal making, writing
            done = 0
            for portion, receipt in dispatch.receipts(portions):
                making, writing = making + receipt.making, writing + receipt.writing
                begun, done = done, done + note(store, work.arrays, portion)
                yield Block(begun, done, NOWHERE)

        try:
            with writing_to(store.path), closing(blocks()) as filled:
                for _ in filled if progress is None else progress(filled, work.count):
                    pass
                delegate.sweep()
        except BaseException:
            # Nobody may write any more when the store is discarded.
            if joined:
                with suppress(Exception):  # it would hide the first error
                    dispatch.settle()
            self._end()
            raise
        return making, writing


def note(store: Store, arrays: tuple[str, ...], portion: Portion) -> int:
    """Take into the journal what a task has written; return how many entries were missing."""
    for start, stop in portion.missing:
        region = slice(start, stop)
        for name in arrays:
            store.note(name, region)
        store.finish(region)
    return sum(stop - start for start, stop in portion.missing)


def pattern_work(store: Store, name: str, patterns: Patterns) -> Work:
    """Return the work of reading, or computing, patterns for an array of an output."""
    return Work(
        (name,),
        store.missing(name),
        lambda start, stop: (start, stop),
        PatternMaker(name, patterns),
    )
