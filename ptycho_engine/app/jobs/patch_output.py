"""The output of an extraction: begun or resumed, filled with patches, drawn."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ...engine import Engine
from ...geometry import Positions
from ...geometry.cut import Cut
from ...io.scan import CuttableScan
from ...io.specs import ArraySpec
from ...io.store import Store
from ...lazy import Cutter
from ...report.picture import Preview, draw_preview
from ...request.blocks import Block
from .accuracy import compared
from .extraction_job import ExtractionJob

Array = np.ndarray[Any, Any]

#: Patches shown in the picture.
SHOWN = 4

#: Characters of a source that the title of the picture has room for.
LONGEST = 80

#: What a resumed run may change: where it writes, the memory it takes, what it says of itself.
WITHOUT_EFFECT = ("output", "memory_budget", "report")
#: What it may not, besides the other settings.
DECISIVE = ("scan_sha256", "ptycho_engine", "numpy", "plugin_distribution")


@dataclass(frozen=True, eq=False)
class Filled:
    """What came of filling an output.

    Attributes
    ----------
    samples : dict of int to ndarray, (N, N) or (layers, N, N)
        Copies of the patches that picture and report show, by index.
    extracting, writing : float
        Seconds spent on either.
    """

    samples: dict[int, Array]
    extracting: float
    writing: float


Progress = Callable[[Iterator[Block], int], Iterator[Block]]


def output_arrays(job: ExtractionJob, scan: CuttableScan) -> dict[str, ArraySpec]:
    """Return what an output holds.

    Patches of an object with layers are (P, layers, N, N), so that points are the first axis.
    """
    size, layers = job.cut.patch_size, scan.image.shape[:-2]
    return {
        "patches": ArraySpec(
            (len(scan.positions), *layers, size, size),
            scan.image.dtype,
            ("point", *scan.layer_axes, "y", "x"),
        ),
        "positions": ArraySpec.of(scan.positions, ("point", "coordinate"), "object pixels"),
    }


def patch_geometry(scan: CuttableScan, cut: Cut, layout: str) -> dict[str, Any]:
    """Say what positions and patches mean."""
    return {
        "axis_order": "y, x",
        "units": "object pixels",
        "anchor": "sample patch_size // 2 sits at the position",
        "object_shape": list(scan.image.shape),
        "layout": layout,
        **asdict(cut),
    }


def identity(
    settings: Mapping[str, Any], records: Mapping[str, Any], more: Sequence[str] = ()
) -> dict[str, Any]:
    """Return what decides whether two runs write the same.

    Parameters
    ----------
    settings, records : mapping
        Configuration and provenance.
    more : sequence of str
        What of the provenance decides besides what always does.
    """
    configuration = {k: v for k, v in settings.items() if k not in WITHOUT_EFFECT}
    if records.get("scan_path") and "path" in configuration.get("scan", {}):
        # However it was spelt, from whichever folder.
        configuration["scan"] = configuration["scan"] | {"path": records["scan_path"]}
    return {
        "configuration": configuration,
        **{name: records.get(name) for name in (*DECISIVE, *more)},
    }


def begin_output(job: ExtractionJob, scan: CuttableScan, records: dict[str, Any]) -> Store:
    """Begin an output, or resume one: flat patches, and the positions in it already."""
    settings = job.settings()
    store = Store.create(
        job.output,
        output_arrays(job, scan),
        overwrite=job.overwrite,
        resume=job.resume,
        geometry=patch_geometry(scan, job.cut, "flat"),
        configuration=settings,
        provenance=records,
        identity=identity(settings, records),
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
    store: Store, job: ExtractionJob, engine: Engine, scan: CuttableScan, progress: Progress | None
) -> Filled:
    """Cut and write all patches that are missing."""
    missing = store.missing("patches")
    blocks = stream_ranges(job, engine, scan, missing)
    if progress is not None:
        blocks = progress(blocks, sum(stop - start for start, stop in missing))
    shown = wanted_samples(job, scan)
    samples: dict[int, Array] = {}
    started, writing = time.perf_counter(), 0.0
    for block in blocks:
        region = slice(block.start, block.stop)
        begun = time.perf_counter()
        store.write("patches", region, block.patches)
        store.finish(region)
        writing += time.perf_counter() - begun
        for index in shown:
            if block.start <= index < block.stop:
                samples[index] = block.patches[index - block.start].copy()
    return Filled(samples, time.perf_counter() - started - writing, writing)


def wanted_samples(job: ExtractionJob, scan: CuttableScan) -> Sequence[int]:
    """Return which patches are kept for the picture and the report."""
    count, size = len(scan.positions), job.cut.patch_size
    layers = math.prod(scan.image.shape[:-2])
    shown = evenly_spaced(count, SHOWN) if job.picture or job.report else ()
    more = compared(count, size, layers, job.cut.interpolation) if job.report else 0
    return sorted({*shown, *evenly_spaced(count, more)})


def with_missing(
    job: ExtractionJob, engine: Engine, scan: CuttableScan, samples: dict[int, Array]
) -> dict[int, Array]:
    """Cut again those samples that a resumed run skipped."""
    again = [index for index in wanted_samples(job, scan) if index not in samples]
    if not again:
        return samples
    cut = engine.extract(scan.image, scan.positions[again], **asdict(job.cut))
    return samples | dict(zip(again, points_first(cut), strict=True))


class Room(threading.local):
    """An array for each thread, to be written again and again; it does not travel."""

    _held: Array | None = None

    def array(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
        """Return this thread's array, a new one if it is to have another shape or type."""
        if self._held is None or (self._held.shape, self._held.dtype) != (shape, dtype):
            self._held = np.empty(shape, dtype)
        return self._held

    def __reduce__(self) -> tuple[type[Room], tuple[()]]:
        return Room, ()


@dataclass(frozen=True, eq=False)
class PatchMaker:
    """Makes patches of a few positions, wherever it is sent.

    Attributes
    ----------
    cutter : Cutter
        What cuts.
    """

    cutter: Cutter
    _room: Room = field(init=False, repr=False, default_factory=Room)

    def __call__(self, positions: Positions) -> dict[str, Array]:
        """Return the patches at positions (P, 2), (P, [layers,] N, N), by the array's name.

        They stay until this thread calls again: memory that the system has to find anew each time
        costs as much as the cutting.
        """
        image, size = self.cutter.image, self.cutter.cut.patch_size
        shape = (*image.shape[:-2], len(positions), size, size)
        out = self._room.array(shape, image.dtype)
        return {"patches": points_first(self.cutter(positions, out))}


def stream_ranges(
    job: ExtractionJob, engine: Engine, scan: CuttableScan, ranges: Sequence[tuple[int, int]]
) -> Iterator[Block]:
    """Yield the blocks of some ranges of the positions."""
    for start, stop in ranges:
        for block in engine.stream(scan.image, scan.positions[start:stop], **asdict(job.cut)):
            patches = points_first(block.patches)
            yield Block(start + block.start, start + block.stop, patches)


def points_first(patches: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return patches (P, N, N) or (layers, P, N, N) with the points before the layers."""
    return np.moveaxis(patches, -3, 0)


def draw(
    job: ExtractionJob,
    engine: Engine,
    scan: CuttableScan,
    samples: dict[int, Array],
) -> bytes:
    """Return the preview as a PNG file."""
    count, size = len(scan.positions), job.cut.patch_size
    shown = {index: samples[index] for index in evenly_spaced(count, SHOWN)}
    noun = "patch" if count == 1 else "patches"
    title = f"{count:,} {noun} of {size} x {size} from {short_source(scan.source)}"
    height, width = scan.image.shape[-2:]
    caption = (
        f"object {height} x {width} {scan.image.dtype}; interpolation {job.cut.interpolation}, "
        f"rounding {job.cut.rounding}; outside the object (hatched): {job.cut.fill}; "
        f"plugin {engine.plugin}"
    )
    across = None if scan.pixel_size is None else scan.pixel_size[1]
    return draw_preview(Preview(scan.image, scan.positions, shown, title, caption, across))


def short_source(source: str) -> str:
    """Name where a scan came from in the width of a picture."""
    name = source if source.startswith("synthetic") else Path(source).name
    name = name.encode(errors="replace").decode()  # no font has what no text may hold
    return name if len(name) <= LONGEST else f"{name[: LONGEST // 2]}…{name[-LONGEST // 2 :]}"


def evenly_spaced(count: int, wanted: int) -> Sequence[int]:
    """Up to `wanted` different indices below `count`, from first to last."""
    return sorted({int(i) for i in np.linspace(0, count - 1, wanted)}) if count else []
