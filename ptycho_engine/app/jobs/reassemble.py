"""An object put together from a store of patches, top to bottom: read, place, write, picture.

Examples
--------
>>> import tempfile
>>> from pathlib import Path
>>> from ptycho_engine.app.jobs import extract
>>> from ptycho_engine.app.jobs.extraction_job import ExtractionJob
>>> from ptycho_engine.data.stored_patches import PatchSource
>>> from ptycho_engine.geometry.cut import Cut
>>> from ptycho_engine.io.scan_files import ScanSource
>>> scan = ScanSource("synthetic", options={"points": 50, "object_size": 96})
>>> with tempfile.TemporaryDirectory() as folder:
...     cut = Path(folder, "patches.npz")
...     _ = extract.run(ExtractionJob(scan, Cut(16), cut, plugin="numba", picture=False))
...     source = PatchSource(cut)
...     run(ReassemblyJob(source, Path(folder, "object.h5"), plugin="numba")).shape
(96, 96)
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass

import numpy as np

from ...data.stored_patches import StoredPatches, open_patches
from ...engine import Engine
from ...io.objects.urls import Location
from ...io.patterns import BLOCK_BYTES
from ...io.scan_files import check_writing
from ...io.targets import check_output
from ...logs import get_logger
from ...memory import format_bytes, parse_bytes
from ...report.companion import Companions
from ...request.blocks import Block
from ...request.normalisation import Reassembled
from ...request.reach import measure_reach
from .arrangement import Arranged, arrange
from .extract import Waiting, load_framework
from .object_accuracy import Spot, find_spot
from .object_output import as_scan, write_object
from .patch_output import Progress
from .prerequisites import engine_of
from .reassembly_job import ReassemblyJob


@dataclass(frozen=True)
class ReassemblyResult:
    """What a run left behind.

    Attributes
    ----------
    output : Path or ObjectUrl
        The file or store.
    picture : Path, ObjectUrl or None
        The picture, if there is one.
    patches : int
        Patches that were put together.
    shape : tuple of int
        Of the object.
    covered : float
        Share of its samples that something covers.
    seconds : float
        Duration of reading, placing and writing.
    report : Path, ObjectUrl or None
        The report, if there is one.
    """

    output: Location
    picture: Location | None
    patches: int
    shape: tuple[int, ...]
    covered: float
    seconds: float
    report: Location | None = None


def run(
    job: ReassemblyJob,
    *,
    run_id: str | None = None,
    progress: Progress | None = None,
    waiting: Waiting = nullcontext,
) -> ReassemblyResult:
    """Put patches together. They go through memory block by block.

    Parameters
    ----------
    job : ReassemblyJob
        What to do.
    run_id, progress, waiting
        As for :func:`ptycho_engine.app.jobs.extract.run`.

    Raises
    ------
    PtychoEngineError
        Of the class that says what is wrong; nothing is left behind then.
    """
    started = time.perf_counter()
    engine = engine_of(job)
    with open_patches(job.patches) as stored:
        arranged = arrange(job, stored)
        engine.capabilities.check_cut(arranged.cut, engine.plugin)
        companions = check_places(job, arranged, stored)
        log_plan(job, stored, arranged)
        load_framework(engine, waiting)
        spot = (
            find_spot(arranged, stored.dtype, parse_bytes(job.memory_budget))
            if job.report
            else None
        )
        made = put_together(job, engine, stored, arranged, spot, progress)
        probe = stored.probe
    covered = float(np.count_nonzero(made.coverage)) / max(1, made.coverage.size)
    if not covered and arranged.positions.size:
        get_logger().warning(
            "nothing_covered",
            reason=f"no window reaches the object of {arranged.shape}: are positions in its frame? "
            "fit=true moves them into one that holds them all.",
        )
    placed = time.perf_counter() - started
    write_object(job, engine, made, arranged, companions, probe, spot, run_id, placed)
    picture = companions.picture.standing
    seconds = time.perf_counter() - started
    count = arranged.positions.size // 2
    report, shape = companions.report.standing, made.object.shape
    result = ReassemblyResult(job.output, picture, count, shape, covered, seconds, report)
    get_logger().info(
        "done",
        output=str(result.output),
        picture=str(picture) if picture else None,
        report=str(report) if report else None,
        patches=result.patches,
        covered=f"{covered:.1%}",
        size=format_bytes(made.object.nbytes + made.coverage.nbytes),
        seconds=round(seconds, 3),
    )
    return result


def check_places(job: ReassemblyJob, arranged: Arranged, stored: StoredPatches) -> Companions:
    """Refuse an output, or a file beside it, that could not be written; return those to be.

    Raises
    ------
    ConfigurationError, OutputError, CapabilityError, InputFileError
        With what is in the way, or wanting for the format.
    """
    inputs = [job.patches.path]
    if job.patches.positions_path is not None:
        inputs.append(job.patches.positions_path)
    if job.writes_arrays:
        check_output(job.output, job.overwrite, inputs)
    else:
        # The object has its shape and dtype by now, and takes no memory until it has values.
        shape = (*arranged.layers, *arranged.shape)
        image = np.broadcast_to(np.zeros((), stored.dtype), shape)
        check_writing(job.output, as_scan(job, arranged, stored.probe, image), job.format)
    return Companions.checked(
        job.output, job.overwrite, inputs, picture=job.picture, report=job.report
    )


def put_together(
    job: ReassemblyJob,
    engine: Engine,
    stored: StoredPatches,
    arranged: Arranged,
    spot: Spot | None,
    progress: Progress | None,
) -> Reassembled:
    """Read all patches, and place them."""
    blocks = counted(stored)
    if spot is not None:
        blocks = spot.watch(blocks, stored.layout)
    if progress is not None:
        blocks = progress(blocks, len(arranged.positions))
    return engine.reassemble(
        blocks,
        arranged.positions,
        arranged.shape,
        interpolation=arranged.cut.interpolation,
        fill=arranged.cut.fill,
        layout=stored.layout,
        **job.weighing(stored.probe),
    )


def counted(stored: StoredPatches) -> Iterator[Block]:
    """Yield the patches of a file with their numbers: groups in the channel layout."""
    at, axis = 0, -3 if stored.layout == "flat" else -4
    for patches in stored.blocks(BLOCK_BYTES):
        yield Block(at, at + patches.shape[axis], patches)
        at += patches.shape[axis]


def log_plan(job: ReassemblyJob, stored: StoredPatches, arranged: Arranged) -> None:
    """Say what is about to be done."""
    get_logger().info(
        "reassembly",
        source=str(job.patches.path),
        **stored.said,
        count=len(arranged.points),
        patch_size=stored.patch_size,
        object=[*stored.layers, *arranged.shape],
        interpolation=arranged.cut.interpolation,
        fill=arranged.cut.fill,
        origin=arranged.origin.tolist(),
    )
    reach = measure_reach(arranged.points, arranged.shape, arranged.cut)
    get_logger().info("windows", **reach.records())
    for text in reach.warnings():
        get_logger().warning("doubtful_positions", reason=text)
