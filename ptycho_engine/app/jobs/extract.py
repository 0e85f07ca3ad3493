"""An extraction, top to bottom: read, cut, write, picture.

Where the job came from is not known here: the command, Python callers and sweeps run the same.

Examples
--------
>>> import tempfile
>>> from ptycho_engine.app.jobs.extraction_job import ExtractionJob
>>> from ptycho_engine.geometry.cut import Cut
>>> from ptycho_engine.io.scan_files import ScanSource
>>> scan = ScanSource("synthetic", options={"points": 5, "object_size": 64})
>>> with tempfile.TemporaryDirectory() as folder:
...     job = ExtractionJob(scan, Cut(8), Path(folder, "patches.npz"), plugin="numba")
...     run(job).patches
5
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ...compilations import compilation_counts
from ...engine import Engine
from ...errors import MemoryBudgetError
from ...io.scan import CuttableScan
from ...io.scan_files import check_source, read_scan
from ...io.targets import check_output
from ...logs import get_logger
from ...memory import format_bytes, parse_bytes
from ...report.companion import Companion, check_picture
from ...report.quiet import import_tensorflow_quietly
from ...request.planning import Plan
from ...request.reach import Reach
from .extraction_job import ExtractionJob
from .origins import costs, peak_resident_bytes, provenance
from .patch_output import Progress, begin_output, draw, fill

Waiting = Callable[[str], AbstractContextManager[Any]]


@dataclass(frozen=True)
class Result:
    """What a run left behind.

    Attributes
    ----------
    output : Path
        The file or store of patches.
    picture : Path or None
        The preview, if there is one.
    patches : int
        Number of patches.
    plan : Plan
        What was predicted.
    seconds : float
        Duration of extraction and writing.
    """

    output: Path
    picture: Path | None
    patches: int
    plan: Plan
    seconds: float


def run(
    job: ExtractionJob,
    *,
    run_id: str | None = None,
    progress: Progress | None = None,
    waiting: Waiting = nullcontext,
) -> Result:
    """Run a job.

    Parameters
    ----------
    job : ExtractionJob
        What to do.
    run_id : str, optional
        Identifies the run in its output; a new one by default.
    progress : callable, optional
        Wraps the iterator over blocks, given the number of patches.
    waiting : callable, optional
        Makes the context in which something is waited for, given what.

    Returns
    -------
    Result
        What was written.

    Raises
    ------
    PtychoEngineError
        Of the class that says what is wrong; nothing is left behind then.
    """
    engine = Engine(
        job.plugin,
        options=job.options,
        memory_budget=job.memory_budget,
        wrappers=job.wrappers,
        reason=job.reason,
        context=job.context,
    )
    engine.capabilities.check_cut(job.cut, engine.plugin)
    check_source(job.scan, memory_budget=job.memory_budget)
    # Whoever is told that something exists may remove it: all that is wrong is said before.
    inputs = [] if job.scan.path is None else [Path(job.scan.path)]
    check_output(job.output, job.overwrite, inputs)
    companion = Companion(job.output)
    check_picture(companion.path, job.overwrite, inputs, wanted=job.picture)
    started = time.perf_counter()
    scan = read_scan(
        job.scan.format, job.scan.path, job.scan.options, memory_budget=job.memory_budget
    ).for_cutting()
    read = time.perf_counter() - started
    engine = engine.with_budget(remaining_budget(job, scan))
    plan = engine.plan(scan.image, scan.positions, **asdict(job.cut))
    log_plan(job, scan, plan)
    reach = engine.reach(scan.image, scan.positions, **asdict(job.cut))
    doubts = log_reach(reach, scan)
    records = provenance(engine, scan, run_id or uuid.uuid4().hex[:12])
    records |= {"windows": reach.records(), "warnings": [*scan.warnings, *doubts]}
    records["assumptions"] = scan.assumptions
    if "sources" in job.context:
        records["setting_sources"] = job.context["sources"]
    if "tensorflow" in engine.capabilities.arrays:
        with waiting("loading TensorFlow"):
            import_tensorflow_quietly()
    started = time.perf_counter()
    resident, compiled = peak_resident_bytes(), compilation_counts()
    with begin_output(job, scan, records) as store:
        filled = fill(store, job, engine, scan, progress)
        if job.picture:
            companion.draw(lambda: draw(job, engine, scan, filled.samples))
        seconds = time.perf_counter() - started
        spent = {"read": read, "extract": filled.extracting, "write": filled.writing}
        store.publish(provenance=costs(plan, spent, compiled, resident), together=companion)
    picture = companion.path if companion.placed else None
    result = Result(job.output, picture, len(scan.positions), plan, seconds)
    log_done(result)
    return result


def remaining_budget(job: ExtractionJob, scan: CuttableScan) -> int | str | None:
    """Return what the scan leaves of a budget; what is free has shrunk by itself.

    Raises
    ------
    MemoryBudgetError
        If it leaves nothing.
    """
    if job.memory_budget is None:
        return None
    budget = parse_bytes(job.memory_budget)
    if scan.held_bytes >= budget:
        raise MemoryBudgetError(
            f"{scan.source}: the scan holds {format_bytes(scan.held_bytes)}, and the memory budget "
            f"is {format_bytes(budget)}. Expected room for patches beside it. Raise memory_budget."
        )
    return budget - scan.held_bytes


def log_plan(job: ExtractionJob, scan: CuttableScan, plan: Plan) -> None:
    """Say what is about to be done, and what it will take."""
    get_logger().info(
        "plan",
        scan=scan.source,
        object=list(scan.image.shape),
        patches=len(scan.positions),
        patch_size=job.cut.patch_size,
        chunk_size=plan.chunk_size,
        chunks=plan.chunk_count,
        output=format_bytes(plan.output_bytes),
        workspace=format_bytes(plan.workspace_bytes),
        budget=format_bytes(plan.memory_budget),
    )


def log_reach(reach: Reach, scan: CuttableScan) -> tuple[str, ...]:
    """Say how many windows leave the object and how far; also return what is doubtful."""
    get_logger().info("windows", **reach.records())
    doubts = reach.warnings(scan.remedies)
    for text in doubts:
        get_logger().warning("doubtful_positions", reason=text)
    return doubts


def log_done(result: Result) -> None:
    """Say what was left behind."""
    get_logger().info(
        "done",
        output=str(result.output),
        picture=str(result.picture) if result.picture else None,
        patches=result.patches,
        size=format_bytes(result.plan.output_bytes),
        seconds=round(result.seconds, 3),
    )
