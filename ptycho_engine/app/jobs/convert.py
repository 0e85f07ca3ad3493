"""A scan written in another format; what that one has no place for is said.

Examples
--------
>>> import tempfile
>>> from pathlib import Path
>>> from ptycho_engine.io.scan_files import ScanSource
>>> source = ScanSource("synthetic", options={"points": 5, "object_size": 64})
>>> with tempfile.TemporaryDirectory() as folder:
...     run(ConversionJob(source, Path(folder, "scan.npz"))).dropped
()
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from ...data.detector.detector_settings import Preparation, prepare
from ...io.scan import Scan
from ...io.scan_files import check_source, find_writer, read_scan
from ...logs import get_logger
from .conversion_job import ConversionJob
from .doubtful_samples import log_samples
from .findings import doubts_about
from .scan_output import Counting, WrittenScan, uncounted, write_and_compare
from .scan_report import ScanOrder


def run(
    job: ConversionJob,
    *,
    counting: Counting = uncounted,
    waiting: Callable[[str], AbstractContextManager[Any]] = nullcontext,
) -> WrittenScan:
    """Convert. Patterns go through memory block by block.

    Parameters
    ----------
    job : ConversionJob
        What.
    counting, waiting : callable, optional
        Show how far it is.

    Raises
    ------
    PtychoEngineError
        Of the class that says what is wrong; nothing is left behind then.
    """
    check_source(job.scan, memory_budget=job.memory_budget)
    writer = find_writer(job.output, job.format)
    inputs = () if job.scan.path is None else (job.scan.path,)
    order = ScanOrder("converted", job.settings(), job.origins, job.report, inputs)
    return write_and_compare(
        job.output, lambda: _prepared(job, waiting), writer.source.name, counting, order
    )


def _prepared(job: ConversionJob, waiting: Callable[[str], AbstractContextManager[Any]]) -> Scan:
    """Read the scan, its frames prepared when they are read."""
    with waiting(f"reading {job.scan.path or job.scan.format}"):
        scan = read_scan(
            job.scan.format, job.scan.path, job.scan.options, memory_budget=job.memory_budget
        )
    if job.detector != Preparation():
        scan = prepare(scan, job.detector)
        get_logger().info("prepared", steps=scan.assumptions.get("steps"))
    for text in doubts_about(scan):
        get_logger().warning("doubtful_positions", reason=text)
    log_samples(object=scan.image, probe=scan.probe)
    return scan
