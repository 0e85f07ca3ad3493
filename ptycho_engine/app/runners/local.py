"""All in one process: the one that the job runs in."""

from __future__ import annotations

from ...engine import Engine
from ...io.catalogue import FormatSource
from ...io.objects.urls import Location
from ...io.scan import CuttableScan, Scan
from ...io.store import Store
from ..jobs.extraction_job import ExtractionJob
from ..jobs.patch_output import Filled, Progress, fill
from ..jobs.scan_output import Counted, watched
from ..jobs.training_output import Filling


class LocalRunner:
    """Fills outputs block by block; the methods are those of `Runner`."""

    def check(self, output: Location, format: FormatSource | None = None) -> None:
        """Take any output."""

    def __enter__(self) -> LocalRunner:
        return self

    def __exit__(self, *_: object) -> None:
        """Leave: nothing runs."""

    def fill_patches(
        self,
        store: Store,
        job: ExtractionJob,
        engine: Engine,
        scan: CuttableScan,
        progress: Progress | None,
    ) -> Filled:
        """Cut and write patches as a stream."""
        return fill(store, job, engine, scan, progress)

    def fill_groups(self, filling: Filling, progress: Progress | None) -> float:
        """Cut, read and write groups as a stream."""
        return filling.fill(progress)

    def writable(self, scan: Scan, done: Counted) -> Scan:
        """Return the scan, its patterns counted as they are read."""
        return watched(scan, done)
