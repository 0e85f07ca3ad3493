"""Extraction as a job: one plain object says what to do, and one function does it.

Neither knows where the values came from: the command, Python callers and sweeps run the same.

Examples
--------
>>> import tempfile
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
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ...engine import DEFAULT_PLUGIN, Engine
from ...errors import MemoryBudgetError
from ...geometry.cut import Cut
from ...io.scan import Scan
from ...io.scan_files import ScanSource, read_scan
from ...io.specs import ArraySpec
from ...io.store import Store
from ...io.targets import check_output
from ...logs import get_logger
from ...memory import format_bytes, parse_bytes
from ...report.picture import Preview, draw_preview, picture_file, refuse_existing
from ...report.quiet import import_tensorflow_quietly
from ...request.blocks import Block
from ...request.planning import Plan
from .origins import peak_resident_bytes, provenance

#: Patches shown in the picture.
SHOWN = 4

#: What a resumed run may change: where it writes, the memory it takes.
WITHOUT_EFFECT = ("output", "memory_budget")
#: What it may not, besides the other settings.
DECISIVE = ("scan_sha256", "ptycho_engine", "numpy", "plugin_distribution")

Progress = Callable[[Iterator[Block], int], Iterator[Block]]


@dataclass(frozen=True)
class ExtractionJob:
    """What to read, what to cut from it, with what, and where to write.

    Attributes
    ----------
    scan : ScanSource
        What to read.
    cut : Cut
        What is cut at each position.
    output : Path
        The file or store of patches; the suffix names its format.
    plugin : str
        Who cuts.
    options : mapping of str to object
        The plugin's options by name.
    wrappers : tuple of str
        Plugins whose wrappers surround it.
    memory_budget : int or str, optional
        Bytes, or a text such as ``"2GiB"``, that scan, patches and workspace may take together;
        by default half of the memory that is free at each step.
    overwrite : bool
        Whether an earlier output may be replaced.
    resume : bool
        Whether to go on with what a killed run of the same job left.
    picture : bool
        Whether to draw a preview beside the output.
    reason : str, optional
        Why this plugin, for the log line.
    context : mapping of str to object
        What that line says beside the reason. Its `sources`, where each value of the configuration
        comes from, go into the output too.
    """

    scan: ScanSource
    cut: Cut
    output: Path
    plugin: str = DEFAULT_PLUGIN
    options: Mapping[str, Any] = field(default_factory=dict)
    wrappers: tuple[str, ...] = ()
    memory_budget: int | str | None = None
    overwrite: bool = False
    resume: bool = False
    picture: bool = True
    reason: str | None = None
    context: Mapping[str, Any] = field(default_factory=dict)

    @property
    def preview(self) -> Path | None:
        """Where the picture goes; None without one."""
        return self.output.with_suffix(".png") if self.picture else None

    def settings(self) -> dict[str, Any]:
        """Return the job as the configuration that makes it, for the records of the output."""
        return {
            "plugin": {"name": self.plugin, **self.options},
            "scan": self.scan.settings(),
            "output": {
                "path": str(self.output),
                "overwrite": self.overwrite,
                "resume": self.resume,
                "picture": self.picture,
            },
            **asdict(self.cut),
            "memory_budget": self.memory_budget,
            "wrappers": list(self.wrappers),
        }


@dataclass(frozen=True)
class Result:
    """What a run left behind.

    Attributes
    ----------
    output : Path
        The file or store of patches.
    picture : Path or None
        The preview.
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
    job: ExtractionJob, *, run_id: str | None = None, progress: Progress | None = None
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

    Returns
    -------
    Result
        What was written.

    Raises
    ------
    PtychoEngineError
        Of the class that says what is wrong; nothing is left behind then.
    """
    check_output(job.output, job.overwrite)
    if job.preview is not None:
        refuse_existing(job.preview, job.overwrite)
    engine = Engine(
        job.plugin,
        options=job.options,
        memory_budget=job.memory_budget,
        wrappers=job.wrappers,
        reason=job.reason,
        context=job.context,
    )
    started = time.perf_counter()
    scan = read_scan(
        job.scan.format, job.scan.path, job.scan.options, memory_budget=job.memory_budget
    )
    read = time.perf_counter() - started
    engine = engine.with_budget(remaining_budget(job, scan))
    plan = engine.plan(scan.image, scan.positions, **asdict(job.cut))
    log_plan(job, scan, plan)
    records = provenance(engine, scan, run_id or uuid.uuid4().hex[:12])
    if "sources" in job.context:
        records["setting_sources"] = job.context["sources"]
    if "tensorflow" in engine.capabilities.arrays:
        import_tensorflow_quietly()
    started = time.perf_counter()
    resident = peak_resident_bytes()
    # The picture is drawn before the output appears, so that both appear or neither.
    with picture_file(job.preview) as canvas, begin_output(job, scan, records) as store:
        samples = fill(store, job, engine, scan, progress)
        if canvas is not None:
            draw(canvas, job, engine, scan, samples)
        seconds = time.perf_counter() - started
        grown = peak_resident_bytes() - resident
        store.publish(
            provenance={
                "seconds": {"read": round(read, 4), "extract_and_write": round(seconds, 4)},
                "bytes": {"planned_workspace": plan.workspace_bytes, "peak_growth": grown},
            }
        )
    result = Result(job.output, job.preview, len(scan.positions), plan, seconds)
    log_done(result)
    return result


def remaining_budget(job: ExtractionJob, scan: Scan) -> int | str | None:
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


def log_plan(job: ExtractionJob, scan: Scan, plan: Plan) -> None:
    """Say what is about to be done, and what it will take."""
    get_logger().info(
        "plan",
        scan=scan.source,
        patches=len(scan.positions),
        patch_size=job.cut.patch_size,
        chunk_size=plan.chunk_size,
        chunks=plan.chunk_count,
        output=format_bytes(plan.output_bytes),
        workspace=format_bytes(plan.workspace_bytes),
        budget=format_bytes(plan.memory_budget),
    )


def log_done(result: Result) -> None:
    """Say what was left behind."""
    get_logger().info(
        "done",
        output=str(result.output),
        picture=str(result.picture) if result.picture else None,
        patches=result.patches,
        seconds=round(result.seconds, 3),
    )


def begin_output(job: ExtractionJob, scan: Scan, records: dict[str, Any]) -> Store:
    """Begin an output, or resume one: flat patches, and the positions in it already."""
    size = job.cut.patch_size
    settings = job.settings()
    store = Store.create(
        job.output,
        {
            "patches": ArraySpec(
                (len(scan.positions), size, size), scan.image.dtype, ("point", "y", "x")
            ),
            "positions": ArraySpec.of(scan.positions, ("point", "coordinate"), "object pixels"),
        },
        overwrite=job.overwrite,
        resume=job.resume,
        geometry={
            "axis_order": "y, x",
            "units": "object pixels",
            "anchor": "sample patch_size // 2 sits at the position",
            "object_shape": list(scan.image.shape),
            "layout": "flat",
            **asdict(job.cut),
        },
        configuration=settings,
        provenance=records,
        identity={
            "configuration": {k: v for k, v in settings.items() if k not in WITHOUT_EFFECT},
            **{name: records[name] for name in DECISIVE},
        },
    )
    try:
        if not store.is_finished("positions", ()):
            store.write("positions", (), np.asarray(scan.positions))
            store.finish(())
    except BaseException:
        store.discard()
        raise
    return store


def fill(
    store: Store, job: ExtractionJob, engine: Engine, scan: Scan, progress: Progress | None
) -> dict[int, np.ndarray[Any, Any]]:
    """Cut and write all patches that are missing; return copies of those that the picture shows."""
    missing = store.missing("patches")
    blocks = stream_ranges(job, engine, scan, missing)
    if progress is not None:
        blocks = progress(blocks, sum(stop - start for start, stop in missing))
    shown = evenly_spaced(len(scan.positions), SHOWN) if job.picture else ()
    samples = {}
    for block in blocks:
        region = slice(block.start, block.stop)
        store.write("patches", region, block.patches)
        store.finish(region)
        for index in shown:
            if block.start <= index < block.stop:
                samples[index] = block.patches[index - block.start].copy()
    return samples


def stream_ranges(
    job: ExtractionJob, engine: Engine, scan: Scan, ranges: Sequence[tuple[int, int]]
) -> Iterator[Block]:
    """Yield the blocks of some ranges of the positions."""
    for start, stop in ranges:
        for block in engine.stream(scan.image, scan.positions[start:stop], **asdict(job.cut)):
            yield Block(start + block.start, start + block.stop, block.patches)


def draw(
    canvas: Path,
    job: ExtractionJob,
    engine: Engine,
    scan: Scan,
    samples: dict[int, np.ndarray[Any, Any]],
) -> None:
    """Draw the preview; patches that a resumed run skipped are cut again."""
    count, size = len(scan.positions), job.cut.patch_size
    again = [index for index in evenly_spaced(count, SHOWN) if index not in samples]
    if again:
        cut = engine.extract(scan.image, scan.positions[again], **asdict(job.cut))
        samples = samples | dict(zip(again, cut, strict=True))
    title = f"{count} patches of {size} x {size} by {engine.plugin}"
    draw_preview(Preview(scan.image, scan.positions, samples), title, canvas)


def evenly_spaced(count: int, wanted: int) -> Sequence[int]:
    """Up to `wanted` different indices below `count`, from first to last."""
    return sorted({int(i) for i in np.linspace(0, count - 1, wanted)}) if count else []
