"""An extraction, top to bottom: read, cut, write, picture.

Where the job came from is not known here: the command, Python callers and sweeps run the same.

Examples
--------
>>> import tempfile
>>> from pathlib import Path
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
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass
from functools import cache, partial
from typing import Any

from ...allowance import peak_resident_bytes
from ...compilations import compilation_counts
from ...engine import Engine
from ...io.objects.urls import Location
from ...io.scan import CuttableScan
from ...logs import get_logger
from ...memory import format_bytes
from ...report.quiet import import_tensorflow_quietly
from ...request.planning import Plan
from ...request.reach import Reach
from ..runners.local import LocalRunner
from ..runners.runner import Runner
from .doubtful_samples import log_samples
from .extraction_job import ExtractionJob
from .extraction_report import report_extraction
from .finished import is_finished, standing
from .origins import costs, provenance
from .patch_output import Progress, begin_output, draw, output_arrays, with_missing
from .prerequisites import prepare

Waiting = Callable[[str], AbstractContextManager[Any]]


@dataclass(frozen=True)
class Result:
    """What a run left behind.

    Attributes
    ----------
    output : Path or ObjectUrl
        The file or store of patches.
    picture : Path, ObjectUrl or None
        The preview, if there is one.
    patches : int
        Number of patches.
    plan : Plan
        What was predicted.
    seconds : float
        Duration of extraction and writing.
    report : Path, ObjectUrl or None
        The report, if there is one.
    """

    output: Location
    picture: Location | None
    patches: int
    plan: Plan
    seconds: float
    report: Location | None = None


def run(
    job: ExtractionJob,
    *,
    run_id: str | None = None,
    progress: Progress | None = None,
    waiting: Waiting = nullcontext,
    runner: Runner | None = None,
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
    runner : Runner, optional
        Where patches are cut; in this process by default.

    Returns
    -------
    Result
        What was written.

    Raises
    ------
    PtychoEngineError
        Of the class that says what is wrong; nothing is left behind then.
    """
    runner = runner or LocalRunner()
    runner.check(job.output)
    opened, plan = prepare(job)
    engine, scan = opened.engine, opened.scan
    log_plan(job, scan, plan)
    reach = engine.reach(scan.image, scan.positions, **asdict(job.cut))
    doubts = log_doubts(reach, scan)
    records = provenance(engine, scan, run_id, job.context)
    records |= {"windows": reach.records(), "warnings": [*scan.warnings, *doubts]}
    if is_finished(job, job.settings(), records, output_arrays(job, scan)):
        picture, report = (
            standing(c) for c in (opened.companions.picture, opened.companions.report)
        )
        return Result(job.output, picture, len(scan.positions), plan, 0.0, report)
    load_framework(engine, waiting)
    started = time.perf_counter()
    resident, compiled = peak_resident_bytes(), compilation_counts()
    with runner, begin_output(job, scan, records) as store:
        filled = runner.fill_patches(store, job, engine, scan, progress)
        took = {"read": opened.reading, "extract": filled.extracting, "write": filled.writing}
        spent = costs(plan, took, compiled, resident)
        samples = cache(partial(with_missing, job, engine, scan, filled.samples))
        beside = opened.companions
        if job.picture:
            beside.picture.draw(lambda: draw(job, engine, scan, samples()))
        if job.report:
            said = records | spent
            beside.report.draw(lambda: report_extraction(job, engine, scan, plan, said, samples()))
        seconds = time.perf_counter() - started
        store.publish(provenance=spent, together=beside)
    result = Result(
        job.output,
        beside.picture.standing,
        len(scan.positions),
        plan,
        seconds,
        beside.report.standing,
    )
    log_done(result)
    return result


def load_framework(engine: Engine, waiting: Waiting) -> None:
    """Import TensorFlow where the plugin needs it, which takes seconds."""
    if "tensorflow" in engine.capabilities.arrays:
        with waiting("loading TensorFlow"):
            import_tensorflow_quietly()


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


def log_doubts(reach: Reach, scan: CuttableScan) -> tuple[str, ...]:
    """Say how many windows leave the object and how far; also return what is doubtful."""
    get_logger().info("windows", **reach.records())
    doubts = reach.warnings(scan.remedies)
    for text in doubts:
        get_logger().warning("doubtful_positions", reason=text)
    return (*doubts, *log_samples(object=scan.image))


def log_done(result: Result) -> None:
    """Say what was left behind."""
    get_logger().info(
        "done",
        output=str(result.output),
        picture=str(result.picture) if result.picture else None,
        report=str(result.report) if result.report else None,
        patches=result.patches,
        size=format_bytes(result.plan.output_bytes),
        seconds=round(result.seconds, 3),
    )
