"""Training data of a scan, top to bottom: read, group, cut, read patterns, write, picture.

Examples
--------
>>> import tempfile
>>> from pathlib import Path
>>> from ptycho_engine.data.grouping.group_settings import GroupSettings
>>> from ptycho_engine.io.scan_files import ScanSource
>>> scan = ScanSource("synthetic", options={"points": 50, "object_size": 96})
>>> groups = GroupSettings(members=4, count=20)
>>> with tempfile.TemporaryDirectory() as folder:
...     path = Path(folder, "train.zarr")
...     run(TrainingJob(scan, groups, path, patch_size=16, plugin="numba")).groups
20
"""

from __future__ import annotations

import time
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from ...allowance import peak_resident_bytes
from ...compilations import compilation_counts
from ...data.grouping.group_settings import check_settings, make_groups
from ...data.grouping.groups import Groups
from ...errors import InputFileError
from ...geometry.cut import Cut
from ...io.objects.urls import Location
from ...io.patterns import Patterns
from ...io.scan import CuttableScan
from ...io.scan_facts import scan_facts
from ...io.scan_writing import report_dropped
from ...io.store import Store
from ...logs import get_logger
from ...memory import format_bytes
from ...report.companion import Companions
from ...report.coverage import CoverageView, draw_coverage
from ...request.planning import Plan
from ..runners.local import LocalRunner
from ..runners.runner import Runner
from .extract import Waiting, load_framework, log_doubts
from .findings import window_size
from .finished import is_finished, standing
from .origins import costs, hash_arrays, provenance
from .patch_output import Progress, identity, patch_geometry, short_source
from .prerequisites import Opened, open_scan
from .training_job import TrainingJob
from .training_output import Filling, GroupBlocks, begin_training, plan_blocks
from .training_report import GroupSamples, report_training, sampled_groups
from .training_set import TrainingSet, mirrored_members, native_set, ptychopinn_set

#: What of the provenance decides whether two runs write the same, besides what always does.
DECISIVE = ("scan_files", "arrays_sha256")


@dataclass(frozen=True)
class TrainingResult:
    """What a run left behind.

    Attributes
    ----------
    output : Path or ObjectUrl
        The file or store.
    picture : Path, ObjectUrl or None
        The picture of the coverage, if there is one.
    groups : int
        Groups that it holds.
    seconds : float
        Duration of cutting, reading patterns and writing.
    report : Path, ObjectUrl or None
        The report, if there is one.
    """

    output: Location
    picture: Location | None
    groups: int
    seconds: float
    report: Location | None = None


@dataclass(frozen=True, eq=False)
class PlannedTraining:
    """A training job that can begin.

    Attributes
    ----------
    opened : Opened
        The scan, and what cuts.
    groups : Groups
        The groups.
    cut : Cut
        What is cut.
    patterns : Patterns or None
        Amplitudes of the scan.
    places : ndarray of float64, shape (B, C, 2)
        Where patches are cut.
    content : TrainingSet
        What is written.
    blocks : GroupBlocks
        How it comes.
    plan : Plan
        What cutting takes, and the patterns beside it.
    """

    opened: Opened
    groups: Groups
    cut: Cut
    patterns: Patterns | None
    places: Any
    content: TrainingSet
    blocks: GroupBlocks
    plan: Plan


def run(
    job: TrainingJob,
    *,
    run_id: str | None = None,
    progress: Progress | None = None,
    waiting: Waiting = nullcontext,
    runner: Runner | None = None,
) -> TrainingResult:
    """Make training data.

    Parameters
    ----------
    job : TrainingJob
        What to do.
    run_id, progress, waiting, runner
        As for :func:`ptycho_engine.app.jobs.extract.run`; groups are counted.

    Raises
    ------
    PtychoEngineError
        Of the class that says what is wrong; nothing is left behind then.
    """
    runner = runner or LocalRunner()
    runner.check(job.output)
    planned = plan_training_job(job)
    opened, groups, plan = planned.opened, planned.groups, planned.plan
    engine, scan, companions = opened.engine, opened.scan, opened.companions
    log_training_plan(job, planned)
    reach = engine.reach(scan.image, planned.places.reshape(-1, 2), **vars(planned.cut))
    doubts = log_doubts(reach, scan)
    records = provenance(engine, scan, run_id, job.context)
    records |= {"windows": reach.records(), "warnings": [*scan.warnings, *doubts]}
    records |= {"groups": {"strategy": groups.strategy, **groups.coverage.records()}}
    records |= {"scan_files": scan_facts(job.scan), "arrays_sha256": held_hashes(planned)}
    specs = planned.content.specs(job.packing)
    if is_finished(job, job.settings(), records, specs, DECISIVE):
        picture, report = standing(companions.picture), standing(companions.report)
        return TrainingResult(job.output, picture, len(groups), 0.0, report)
    load_framework(engine, waiting)
    started = time.perf_counter()
    resident, compiled = peak_resident_bytes(), compilation_counts()
    with runner, _begin(job, planned, records) as store:
        kept = GroupSamples(sampled_groups(planned) if job.report else ())
        writing = runner.fill_groups(_filling(store, planned, kept), progress)
        seconds = time.perf_counter() - started
        took = {"read": opened.reading, "extract": seconds - writing, "write": writing}
        spent = costs(plan, took, compiled, resident)
        if job.picture:
            companions.picture.draw(lambda: _draw(scan, groups))
        if job.report:
            companions.report.draw(lambda: report_training(job, planned, records | spent, kept))
        store.publish(provenance=spent, together=companions)
    if job.for_ptychopinn:
        report_dropped(job.output, scan, ("mask",))
    result = _result(job, companions, len(groups), seconds)
    size = format_bytes(sum(s.nbytes for s in store.arrays.values()))
    get_logger().info(
        "done",
        output=str(result.output),
        picture=str(result.picture) if result.picture else None,
        report=str(result.report) if result.report else None,
        groups=result.groups,
        size=size,
        seconds=round(seconds, 3),
    )
    return result


def plan_training_job(job: TrainingJob) -> PlannedTraining:
    """Read the scan, form the groups, and plan the rest; nothing has been written.

    Raises
    ------
    PtychoEngineError
        Of the class that says what is wrong.
    """
    check_settings(job.groups)
    opened = open_scan(job, job.cut())
    scan = opened.scan
    size, _ = window_size(scan, job.patch_size)
    if size is None:
        raise InputFileError(
            f"{scan.source}: holds neither patterns nor a probe, whose size patches would have. "
            "Expected one of them, or to be told. Set patch_size."
        )
    cut = job.cut(size)
    patterns = None if scan.patterns is None else scan.patterns.as_quantity("amplitude")
    groups = make_groups(scan.positions, job.groups, memory_budget=opened.budget)
    places = mirrored_members(groups) if job.mirrored else groups.members
    describe = ptychopinn_set if job.for_ptychopinn else native_set
    content = describe(scan, groups, cut, patterns)
    budget = opened.budget
    blocks = plan_blocks(content, job.shard or job.chunk, budget)
    left = None if budget is None else budget - blocks.held
    engine = opened.engine.with_budget(left)
    opened = replace(opened, engine=engine, budget=left)
    plan = engine.plan(scan.image, places, **vars(cut), layout="channel")
    plan = replace(plan, workspace_bytes=plan.workspace_bytes + blocks.held)
    return PlannedTraining(opened, groups, cut, patterns, places, content, blocks, plan)


def held_hashes(planned: PlannedTraining) -> dict[str, str]:
    """Hash what is written as it is in memory, and the mask, which decides how patterns scale."""
    held = {name: np.asarray(array.values) for name, array in planned.content.held.items()}
    mask = planned.opened.scan.mask
    held |= {} if mask is None else {"mask": mask}
    return {name: hash_arrays(array)[:16] for name, array in held.items()}


def log_training_plan(job: TrainingJob, planned: PlannedTraining) -> None:
    """Say what is about to be done, and what it will take."""
    scan, plan, specs = planned.opened.scan, planned.plan, planned.content.specs()
    count, members = planned.groups.indices.shape
    get_logger().info(
        "plan",
        scan=scan.source,
        object=list(scan.image.shape),
        patches=count * members,
        patch_size=planned.cut.patch_size,
        block=planned.blocks.groups,
        patterns=None if planned.patterns is None else list(planned.patterns.shape),
        output=format_bytes(sum(spec.nbytes for spec in specs.values())),
        workspace=format_bytes(plan.workspace_bytes),
        budget=format_bytes(plan.memory_budget),
    )


def _begin(job: TrainingJob, planned: PlannedTraining, records: dict[str, Any]) -> Store:
    settings = job.settings()
    quantity = None if planned.patterns is None else planned.patterns.quantity
    geometry = patch_geometry(planned.opened.scan, planned.cut, "channel") | {
        "members": planned.groups.indices.shape[1],
        "relative": "positions less centres",
        "mirrored": job.mirrored,
        "patterns": quantity,
    }
    create = partial(
        Store.create,
        job.output,
        overwrite=job.overwrite,
        resume=job.resume,
        geometry=geometry,
        configuration=settings,
        provenance=records,
        identity=identity(settings, records, DECISIVE),
    )
    specs = planned.content.specs(job.packing)
    return begin_training(create, planned.content, specs)


def _filling(store: Store, planned: PlannedTraining, kept: GroupSamples) -> Filling:
    return Filling(
        store,
        planned.content,
        planned.opened.engine,
        planned.opened.scan.image,
        planned.places,
        planned.groups.indices,
        planned.cut,
        planned.patterns,
        planned.opened.scan.mask,
        planned.blocks.groups,
        kept.watched,
    )


def _draw(scan: CuttableScan, groups: Groups) -> bytes:
    coverage, title = groups.coverage, f"{short_source(scan.source)}, {groups.strategy}"
    return draw_coverage(CoverageView(groups.positions, coverage.uses, coverage.extents, title))


def _result(
    job: TrainingJob, companions: Companions, groups: int, seconds: float
) -> TrainingResult:
    picture, report = companions.picture.standing, companions.report.standing
    return TrainingResult(job.output, picture, groups, seconds, report)
