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
>>> scan = ScanSource("synthetic", options={"points": 50, "object_size": 64})
>>> with tempfile.TemporaryDirectory() as folder:
...     cut = Path(folder, "patches.npz")
...     _ = extract.run(ExtractionJob(scan, Cut(16), cut, plugin="numba", picture=False))
...     source = PatchSource(cut)
...     run(ReassemblyJob(source, Path(folder, "object.h5"), plugin="numba")).shape
(64, 64)
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...data.stored_patches import StoredPatches, open_patches
from ...engine import Engine
from ...errors import InputFileError
from ...geometry import Positions
from ...geometry.cut import Cut
from ...io.containers import FORMATS
from ...io.patterns import BLOCK_BYTES
from ...io.scan_files import find_writer
from ...io.targets import check_output
from ...logs import get_logger
from ...memory import format_bytes
from ...report.companion import Companion, check_picture
from ...request.blocks import Block
from ...request.canvas_shape import canvas_shape
from ...request.normalisation import Reassembled
from .extract import Waiting, load_framework
from .object_output import Arranged, write_object
from .patch_output import Progress
from .reassembly_job import ReassemblyJob


@dataclass(frozen=True)
class ReassemblyResult:
    """What a run left behind.

    Attributes
    ----------
    output : Path
        The file or store.
    picture : Path or None
        The picture, if there is one.
    patches : int
        Patches that were put together.
    shape : tuple of int
        Of the object.
    covered : float
        Share of its samples that something covers.
    seconds : float
        Duration of reading, placing and writing.
    """

    output: Path
    picture: Path | None
    patches: int
    shape: tuple[int, ...]
    covered: float
    seconds: float


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
    companion = check_places(job)
    engine = Engine(
        job.plugin,
        options=job.options,
        memory_budget=job.memory_budget,
        wrappers=job.wrappers,
        reason=job.reason,
        context=job.context,
    )
    with open_patches(job.patches) as stored:
        arranged = arrange(job, stored)
        log_plan(job, stored, arranged)
        load_framework(engine, waiting)
        made = put_together(job, engine, stored, arranged, progress)
        probe = stored.probe
    covered = float(np.count_nonzero(made.coverage)) / max(1, made.coverage.size)
    if not covered and arranged.positions.size:
        get_logger().warning(
            "nothing_covered",
            reason=f"no window reaches the object of {arranged.shape}: are positions in its frame? "
            "fit=true moves them into one that holds them all.",
        )
    write_object(job, engine, made, arranged, companion, probe, run_id)
    picture = companion.path if companion.placed else None
    seconds = time.perf_counter() - started
    count = arranged.positions.size // 2
    result = ReassemblyResult(job.output, picture, count, made.object.shape, covered, seconds)
    get_logger().info(
        "done",
        output=str(result.output),
        picture=str(picture) if picture else None,
        patches=result.patches,
        covered=f"{covered:.1%}",
        size=format_bytes(made.object.nbytes + made.coverage.nbytes),
        seconds=round(seconds, 3),
    )
    return result


def check_places(job: ReassemblyJob) -> Companion:
    """Refuse an output, or its picture, that could not be written; return the picture to be.

    Raises
    ------
    ConfigurationError, OutputError, CapabilityError
        With what is in the way.
    """
    inputs = [job.patches.path]
    if job.patches.positions_path is not None:
        inputs.append(job.patches.positions_path)
    if writes_arrays(job):
        check_output(job.output, job.overwrite, inputs)
    else:
        find_writer(job.output, job.format)
    companion = Companion(job.output)
    check_picture(companion.path, job.overwrite, inputs, wanted=job.picture)
    return companion


def writes_arrays(job: ReassemblyJob) -> bool:
    """Whether the output is arrays in a store of ours, rather than a scan in some format."""
    return job.format is None and job.output.suffix.lower() in FORMATS


def arrange(job: ReassemblyJob, stored: StoredPatches) -> Arranged:
    """Settle what the job leaves open: how patches were cut, where they lie, on what.

    Raises
    ------
    RequestError, InputFileError
        If it cannot be settled.
    """
    recorded = stored.recorded
    interpolation = job.interpolation or recorded.get("interpolation", "bilinear")
    fill = job.fill or recorded.get("fill", "zeros")
    # The windows of an extraction that refuses those which leave the object all lie inside.
    cut = Cut(stored.patch_size, interpolation, "zeros" if fill == "error" else fill)
    positions, origin = stored.positions, np.zeros(2)
    shape = job.shape
    if job.fit:
        positions, origin = fitted(positions, cut.patch_size)
    elif shape is None:
        shape = stored.object_shape
    if shape is None:
        shape = canvas_shape(positions.reshape(-1, 2), cut.patch_size)
    if job.weight == "probe":
        check_probe(stored, job.patches.path, cut.patch_size)
    return Arranged(cut, positions, (int(shape[0]), int(shape[1])), origin, stored.layers,
                    stored.said)  # fmt: skip


def check_probe(stored: StoredPatches, path: Path, size: int) -> None:
    """Refuse to weigh by a probe that is missing, or of another size than patches.

    Raises
    ------
    InputFileError
        With what there is.
    """
    found = None if stored.probe is None else stored.probe.shape[-2:]
    if found != (size, size):
        what = "no probe" if found is None else f"a probe of {found[0]} x {found[1]}"
        raise InputFileError(
            f"{path}: holds {what}, and weight=probe asks for one of {size} x {size}. Name it: "
            "patches.probe=NAME, or choose weight=none."
        )


def fitted(positions: Positions, size: int) -> tuple[Positions, Positions]:
    """Move positions by whole pixels so that the first window begins in the first pixel.

    Returns
    -------
    positions, origin : ndarray of float64
        The positions moved, and where the new pixel [0, 0] lies in the old frame.
    """
    flat = positions.reshape(-1, 2)
    if not len(flat):
        return positions, np.zeros(2)
    origin = np.floor(flat.min(axis=0) - size // 2)
    return positions - origin, origin


def put_together(
    job: ReassemblyJob,
    engine: Engine,
    stored: StoredPatches,
    arranged: Arranged,
    progress: Progress | None,
) -> Reassembled:
    """Read all patches, and place them."""
    blocks = counted(stored)
    if progress is not None:
        blocks = progress(blocks, len(arranged.positions))
    return engine.reassemble(
        blocks,
        arranged.positions,
        arranged.shape,
        interpolation=arranged.cut.interpolation,
        fill=arranged.cut.fill,
        layout=stored.layout,
        probe=stored.probe if job.weight == "probe" else None,
        border=job.border,
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
        patches_shape=list(stored.parts.shape),
        object=[*stored.layers, *arranged.shape],
        interpolation=arranged.cut.interpolation,
        fill=arranged.cut.fill,
        origin=arranged.origin.tolist(),
    )
