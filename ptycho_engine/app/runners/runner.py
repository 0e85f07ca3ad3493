"""What a job asks of a runner."""

from __future__ import annotations

from types import TracebackType
from typing import Protocol

from ...engine import Engine
from ...io.catalogue import FormatSource
from ...io.objects.urls import Location
from ...io.scan import CuttableScan, Scan
from ...io.store import Store
from ..jobs.extraction_job import ExtractionJob
from ..jobs.patch_output import Filled, Progress
from ..jobs.scan_output import Counted
from ..jobs.training_output import Filling


class Runner(Protocol):
    """Fills outputs; entered before the first value is made, and left when the last has come."""

    def check(self, output: Location, format: FormatSource | None = None) -> None:
        """Refuse, before any work, an output that cannot be filled so.

        Parameters
        ----------
        output : Path
            The output.
        format : FormatSource, optional
            Of a scan that is written.
        """

    def __enter__(self) -> Runner:
        """Get ready."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave nothing running."""

    def fill_patches(
        self,
        store: Store,
        job: ExtractionJob,
        engine: Engine,
        scan: CuttableScan,
        progress: Progress | None,
    ) -> Filled:
        """Cut and write all patches that are missing."""

    def fill_groups(self, filling: Filling, progress: Progress | None) -> float:
        """Write everything of a training set that is missing; return the seconds of writing."""

    def writable(self, scan: Scan, done: Counted) -> Scan:
        """Return a scan whose patterns, when it is written, come as this runner makes them.

        Parameters
        ----------
        scan : Scan
            What is written.
        done : callable
            Is told how many patterns have come.
        """
