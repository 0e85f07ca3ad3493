"""What comes before the first patch: refusals, the scan, the plan."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from ...engine import Engine
from ...errors import MemoryBudgetError
from ...geometry.cut import Cut
from ...io.scan import CuttableScan
from ...io.scan_files import ScanSource, check_source, read_scan
from ...io.targets import check_output
from ...memory import format_bytes, parse_bytes
from ...report.companion import Companions
from ...request.planning import Plan
from .extraction_job import ExtractionJob
from .finished import Resumes, may_be_finished


class UsesPlugin(Protocol):
    """What the jobs that need an engine have in common."""

    @property
    def plugin(self) -> str: ...  # noqa: D102
    @property
    def options(self) -> Mapping[str, Any]: ...  # noqa: D102
    @property
    def wrappers(self) -> tuple[str, ...]: ...  # noqa: D102
    @property
    def memory_budget(self) -> int | str | None: ...  # noqa: D102
    @property
    def reason(self) -> str | None: ...  # noqa: D102
    @property
    def context(self) -> Mapping[str, Any]: ...  # noqa: D102


class Work(UsesPlugin, Resumes, Protocol):
    """What the jobs that cut patches have in common."""

    @property
    def scan(self) -> ScanSource: ...  # noqa: D102
    @property
    def picture(self) -> bool: ...  # noqa: D102
    @property
    def report(self) -> bool: ...  # noqa: D102


@dataclass(frozen=True, eq=False)
class Opened:
    """A job whose scan is read, and whose output could be written.

    Attributes
    ----------
    engine : Engine
        What cuts, within the budget that the scan leaves.
    scan : CuttableScan
        What was read.
    companions : Companions
        The picture and the report to be.
    reading : float
        Seconds that reading took.
    budget : int or None
        Bytes that the scan leaves; None for half of what is free at each step.
    """

    engine: Engine
    scan: CuttableScan
    companions: Companions
    reading: float
    budget: int | None


def prepare(job: ExtractionJob) -> tuple[Opened, Plan]:
    """Prepare an extraction, and plan it; nothing has been written, and no patch cut.

    Raises
    ------
    PtychoEngineError
        Of the class that says what is wrong.
    """
    opened = open_scan(job, job.cut)
    scan = opened.scan
    return opened, opened.engine.plan(scan.image, scan.positions, **asdict(job.cut))


def engine_of(job: UsesPlugin) -> Engine:
    """Make the engine that a job asks for; raises as `Engine` does."""
    return Engine(
        job.plugin,
        options=job.options,
        memory_budget=job.memory_budget,
        wrappers=job.wrappers,
        reason=job.reason,
        context=job.context,
    )


def open_scan(job: Work, cut: Cut) -> Opened:
    """Refuse what cannot be done, then read the scan.

    Parameters
    ----------
    job : Work
        The job.
    cut : Cut
        What is cut, its size aside.

    Raises
    ------
    PtychoEngineError
        Of the class that says what is wrong.
    """
    engine = engine_of(job)
    engine.capabilities.check_cut(cut, engine.plugin)
    check_source(job.scan, memory_budget=job.memory_budget)
    companions = check_places(job)
    started = time.perf_counter()
    scan = read_scan(
        job.scan.format, job.scan.path, job.scan.options, memory_budget=job.memory_budget
    ).for_cutting()
    reading = time.perf_counter() - started
    budget = remaining_budget(job.memory_budget, scan)
    return Opened(engine.with_budget(budget), scan, companions, reading, budget)


def check_places(job: Work) -> Companions:
    """Refuse an output, or a file beside it, that could not be written; return those to be.

    Raises
    ------
    OutputError
        With what is in the way: whoever is told that something exists may remove it, so all that
        is wrong is said before any work.
    """
    inputs = [] if job.scan.path is None else [job.scan.path]
    same = may_be_finished(job)
    check_output(job.output, job.overwrite, inputs, same=same)
    if same:  # what stands beside it is its own, and nothing is written
        return Companions(job.output)
    return Companions.checked(
        job.output, job.overwrite, inputs, picture=job.picture, report=job.report
    )


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
