"""What comes before the first patch: refusals, the scan, the plan."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from pathlib import Path

from ...engine import Engine
from ...errors import MemoryBudgetError
from ...io.scan import CuttableScan
from ...io.scan_files import ScanSource, check_source, read_scan
from ...io.targets import check_output
from ...memory import format_bytes, parse_bytes
from ...report.companion import Companion, check_picture
from ...request.planning import Plan
from .extraction_job import ExtractionJob


@dataclass(frozen=True, eq=False)
class Prepared:
    """An extraction that can begin.

    Attributes
    ----------
    engine : Engine
        What cuts, within the budget that the scan leaves.
    scan : CuttableScan
        What was read.
    plan : Plan
        What the extraction will do and take.
    companion : Companion
        The picture to be.
    reading : float
        Seconds that reading took.
    """

    engine: Engine
    scan: CuttableScan
    plan: Plan
    companion: Companion
    reading: float


def prepare(job: ExtractionJob) -> Prepared:
    """Prepare an extraction; nothing has been written, and no patch cut.

    Raises
    ------
    PtychoEngineError
        Of the class that says what is wrong.
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
    companion = check_places(job.scan, job.output, job.overwrite, job.picture)
    started = time.perf_counter()
    scan = read_scan(
        job.scan.format, job.scan.path, job.scan.options, memory_budget=job.memory_budget
    ).for_cutting()
    reading = time.perf_counter() - started
    engine = engine.with_budget(remaining_budget(job.memory_budget, scan))
    plan = engine.plan(scan.image, scan.positions, **asdict(job.cut))
    return Prepared(engine, scan, plan, companion, reading)


def check_places(scan: ScanSource, output: Path, overwrite: bool, picture: bool) -> Companion:
    """Refuse an output, or its picture, that could not be written; return the picture to be.

    Raises
    ------
    OutputError
        With what is in the way: whoever is told that something exists may remove it, so all that
        is wrong is said before any work.
    """
    inputs = [] if scan.path is None else [Path(scan.path)]
    check_output(output, overwrite, inputs)
    companion = Companion(output)
    check_picture(companion.path, overwrite, inputs, wanted=picture)
    return companion


def remaining_budget(memory_budget: int | str | None, scan: CuttableScan) -> int | None:
    """Return what the scan leaves of a budget; what is free has shrunk by itself.

    Raises
    ------
    MemoryBudgetError
        If it leaves nothing.
    """
    if memory_budget is None:
        return None
    budget = parse_bytes(memory_budget)
    if scan.held_bytes >= budget:
        raise MemoryBudgetError(
            f"{scan.source}: the scan holds {format_bytes(scan.held_bytes)}, and the memory budget "
            f"is {format_bytes(budget)}. Expected room for patches beside it. Raise memory_budget."
        )
    return budget - scan.held_bytes
