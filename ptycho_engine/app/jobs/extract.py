"""The job, top to bottom: read, extract, write, picture."""

from __future__ import annotations

import hashlib
import platform
import resource
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from ...engine import Engine
from ...io.scan import Scan
from ...io.specs import ArraySpec
from ...io.store import Store
from ...io.targets import check_output, refuse_inputs
from ...logs import get_logger
from ...memory import format_bytes
from ...report.picture import Preview, draw_preview, picture_file, refuse_existing
from ...report.quiet import import_tensorflow_quietly
from ...request.blocks import Block
from ...request.planning import Plan
from ..config import JobConfig
from ..scans import read_configured

#: Patches shown in the picture.
SHOWN = 4

#: What a resumed run may change: where it writes, how it shows itself, the memory it takes.
WITHOUT_EFFECT = ("output", "runner", "memory_budget")
#: What it may not, besides the configuration.
DECISIVE = ("scan_sha256", "ptycho_engine", "numpy", "plugin_distribution")

Progress = Callable[[Iterator[Block], int], Iterator[Block]]


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
    config: JobConfig,
    folder: Path,
    run_id: str,
    reason: str,
    progress: Progress,
    settings: Mapping[str, Any] | None = None,
) -> Result:
    """Run one job.

    Parameters
    ----------
    config : JobConfig
        The composed configuration, each of its values settled.
    folder : Path
        What a relative output path is relative to.
    run_id : str
        Identifies the run in its logs and its output.
    reason : str
        Why this plugin, for the log line.
    progress : callable
        Wraps the iterator over blocks, given the number of patches.
    settings : mapping of str to object, optional
        What the log line says beside the reason. Its `sources`, where each value of the
        configuration comes from, go into the output too.

    Returns
    -------
    Result
        What was written.

    Raises
    ------
    PtychoEngineError
        Of the class that says what is wrong; nothing is left behind then.
    """
    output = folder / Path(config.output.path).expanduser()
    picture = output.with_suffix(".png") if config.output.picture else None
    scan_path = getattr(config.scan, "path", None)
    inputs = [Path(scan_path).expanduser()] if scan_path else []
    check_output(output, config.output.overwrite, inputs)
    if picture is not None:
        refuse_inputs(picture, inputs)
        refuse_existing(picture, config.output.overwrite)

    options = dict(config.plugin)
    name = options.pop("name")
    engine = Engine(
        name,
        options=options,
        memory_budget=config.memory_budget,
        wrappers=config.wrappers,
        reason=reason,
        context=settings,
    )
    started = time.perf_counter()
    scan = read_configured(config.scan)
    read = time.perf_counter() - started
    how: dict[str, Any] = {
        "interpolation": config.interpolation,
        "fill": config.fill,
        "rounding": config.rounding,
    }
    arguments = (scan.image, scan.positions, config.patch_size)
    plan = engine.plan(*arguments, **how)
    count = len(scan.positions)
    log = get_logger()
    log.info(
        "plan",
        scan=scan.source,
        patches=count,
        patch_size=config.patch_size,
        chunk_size=plan.chunk_size,
        chunks=plan.chunk_count,
        output=format_bytes(plan.output_bytes),
        workspace=format_bytes(plan.workspace_bytes),
        budget=format_bytes(plan.memory_budget),
    )
    records = provenance(engine, scan, run_id)
    if settings:
        records["setting_sources"] = settings["sources"]
    if "tensorflow" in engine.capabilities.arrays:
        import_tensorflow_quietly()
    started = time.perf_counter()
    resident = peak_resident_bytes()
    # The picture is drawn before the output appears, so that both appear or neither.
    with picture_file(picture) as canvas, begin_output(output, config, scan, how, records) as store:
        missing = store.missing("patches")
        blocks = stream_ranges(engine, scan, config.patch_size, how, missing)
        wanted = evenly_spaced(count, SHOWN)
        left = sum(stop - first for first, stop in missing)
        samples = write_all(progress(blocks, left), store, wanted)
        if canvas is not None:
            again = [index for index in wanted if index not in samples]  # a resumed run skips them
            if again:
                cut = engine.extract(scan.image, scan.positions[again], config.patch_size, **how)
                samples |= dict(zip(again, cut, strict=True))
            size = f"{config.patch_size} x {config.patch_size}"
            title = f"{count} patches of {size} by {engine.plugin}"
            draw_preview(Preview(scan.image, scan.positions, samples), title, canvas)
        seconds = time.perf_counter() - started
        grown = peak_resident_bytes() - resident
        store.publish(
            provenance={
                "seconds": {"read": round(read, 4), "extract_and_write": round(seconds, 4)},
                "bytes": {"planned_workspace": plan.workspace_bytes, "peak_growth": grown},
            }
        )
    log.info(
        "done",
        output=str(output),
        picture=str(picture) if picture else None,
        patches=count,
        seconds=round(seconds, 3),
    )
    return Result(output, picture, count, plan, seconds)


def begin_output(
    path: Path, config: JobConfig, scan: Scan, how: dict[str, Any], records: dict[str, Any]
) -> Store:
    """Begin an output, or resume one: flat patches, and the positions in it already."""
    shape = (len(scan.positions), config.patch_size, config.patch_size)
    settings = asdict(config)
    store = Store.create(
        path,
        {
            "patches": ArraySpec(shape, scan.image.dtype, ("point", "y", "x")),
            "positions": ArraySpec.of(scan.positions, ("point", "coordinate"), "object pixels"),
        },
        overwrite=config.output.overwrite,
        resume=config.output.resume,
        geometry={
            "axis_order": "y, x",
            "units": "object pixels",
            "anchor": "sample patch_size // 2 sits at the position",
            "object_shape": list(scan.image.shape),
            "patch_size": config.patch_size,
            "layout": "flat",
            **how,
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


def stream_ranges(
    engine: Engine,
    scan: Scan,
    patch_size: int,
    how: dict[str, Any],
    ranges: Sequence[tuple[int, int]],
) -> Iterator[Block]:
    """Yield the blocks of some ranges of the positions."""
    for start, stop in ranges:
        for block in engine.stream(scan.image, scan.positions[start:stop], patch_size, **how):
            yield Block(start + block.start, start + block.stop, block.patches)


def write_all(
    blocks: Iterator[Block], store: Store, shown: Sequence[int]
) -> dict[int, np.ndarray[Any, Any]]:
    """Write every block; return copies of the patches whose indices are in `shown`."""
    samples = {}
    for block in blocks:
        region = slice(block.start, block.stop)
        store.write("patches", region, block.patches)
        store.finish(region)
        for index in shown:
            if block.start <= index < block.stop:
                samples[index] = block.patches[index - block.start].copy()
    return samples


def evenly_spaced(count: int, wanted: int) -> Sequence[int]:
    """Up to `wanted` different indices below `count`, from first to last."""
    return sorted({int(i) for i in np.linspace(0, count - 1, wanted)}) if count else []


def provenance(engine: Engine, scan: Scan, run_id: str) -> dict[str, Any]:
    """Say what made an output: versions, plugin, source and time."""
    from ... import __version__

    source = engine.source
    return {
        "ptycho_engine": __version__,
        "plugin": engine.plugin,
        "plugin_source": source.target,
        "plugin_distribution": f"{source.distribution} {source.version}".strip(),
        "plugin_options": engine.options,
        "run_id": run_id,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "scan": scan.source,
        "scan_path": str(Path(scan.source).resolve()) if Path(scan.source).is_file() else None,
        "scan_sha256": scan_hash(scan),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "libraries": library_versions(),
    }


def scan_hash(scan: Scan) -> str:
    """Hash what an extraction takes of a scan: the object and the positions."""
    digest = hashlib.sha256()
    for array in (scan.image, scan.positions):
        digest.update(f"{array.shape} {array.dtype.str}".encode())
        if array.size:
            digest.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
    return digest.hexdigest()


def library_versions() -> dict[str, str]:
    """Return the versions of the libraries that compute and write, as far as installed."""
    versions = {}
    for name in ("tensorflow", "numba", "h5py", "zarr"):
        with suppress(PackageNotFoundError):
            versions[name] = version(name)
    return versions


def peak_resident_bytes() -> int:
    """Return the most memory that this process has had."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
