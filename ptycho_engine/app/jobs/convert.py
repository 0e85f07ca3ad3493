"""A scan written in another format; what that one has no place for is said.

Examples
--------
>>> import tempfile
>>> from ptycho_engine.io.scan_files import ScanSource
>>> source = ScanSource("synthetic", options={"points": 5, "object_size": 64})
>>> with tempfile.TemporaryDirectory() as folder:
...     run(ConversionJob(source, Path(folder, "scan.npz"))).dropped
()
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...data.detector.detector_settings import Preparation, prepare
from ...io.scan_files import check_source, find_writer, read_scan
from ...logs import get_logger
from .conversion_job import ConversionJob
from .findings import contents
from .scan_output import Counting, lost, uncounted, write_counted


@dataclass(frozen=True)
class Conversion:
    """What came of it.

    Attributes
    ----------
    output : Path
        The file.
    dropped : tuple of str
        What the scan has and the file has no place for, by name.
    changed : tuple of str
        What is another in the file, such as a dtype, in words.
    """

    output: Path
    dropped: tuple[str, ...]
    changed: tuple[str, ...]


def run(
    job: ConversionJob,
    *,
    counting: Counting = uncounted,
    waiting: Callable[[str], AbstractContextManager[Any]] = nullcontext,
) -> Conversion:
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
    writer = find_writer(job.output, job.format)
    check_source(job.scan, memory_budget=job.memory_budget)
    started = time.perf_counter()
    with waiting(f"reading {job.scan.path or job.scan.format}"):
        scan = read_scan(
            job.scan.format, job.scan.path, job.scan.options, memory_budget=job.memory_budget
        )
    if job.detector != Preparation():
        scan = prepare(scan, job.detector)
        get_logger().info("prepared", steps=scan.assumptions.get("steps"))
    before = contents(scan)
    write_counted(job.output, scan, writer.source.name, counting)
    del scan  # before what was written is read
    result = Conversion(job.output, *lost(job.output, writer.source.name, before))
    seconds = round(time.perf_counter() - started, 3)
    get_logger().info("done", output=str(job.output), picture=None, seconds=seconds)
    return result
