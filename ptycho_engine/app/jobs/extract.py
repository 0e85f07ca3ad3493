"""The job, top to bottom: read, extract, write, picture."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from ...engine import Engine
from ...io.scan import Scan
from ...io.writers import OutputHeader, Writer, check_output, open_writer
from ...logs import get_logger
from ...memory import format_bytes
from ...report.picture import Preview, draw_preview, picture_file, refuse_existing
from ...report.quiet import import_tensorflow_quietly
from ...request.blocks import Block
from ...request.planning import Plan
from ..config import JobConfig
from ..legacy import work_in_legacy
from ..scans import read_configured

#: Patches shown in the picture.
SHOWN = 4

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
    overrides: Sequence[str] = (),
) -> Result:
    """Run one job.

    Parameters
    ----------
    config : JobConfig
        The composed configuration.
    folder : Path
        What a relative output path is relative to.
    run_id : str
        Identifies the run in its logs and its output.
    reason : str
        Why this plugin, for the log line.
    progress : callable
        Wraps the iterator over blocks, given the number of patches.
    overrides : sequence of str
        What the command line set; it wins over legacy settings.

    Returns
    -------
    Result
        What was written.

    Raises
    ------
    PtychoEngineError
        Of the class that says what is wrong; nothing is left behind then.
    """
    config, legacy = work_in_legacy(config, overrides)
    output = folder / Path(config.output.path).expanduser()
    picture = output.with_suffix(".png") if config.output.picture else None
    check_output(output, config.output.overwrite)
    if picture is not None:
        refuse_existing(picture, config.output.overwrite)

    options = dict(config.plugin)
    name = options.pop("name")
    engine = Engine(
        name,
        options=options,
        memory_budget=config.memory_budget,
        wrappers=config.wrappers,
        reason=legacy.reason if legacy else reason,
        context=legacy.context() if legacy else None,
    )
    scan = read_configured(config.scan)
    how: dict[str, Any] = {
        "interpolation": config.interpolation,
        "fill": config.fill,
        "rounding": config.rounding,
    }
    arguments = (scan.image, scan.positions, config.patch_size)
    plan = engine.plan(*arguments, **how)
    blocks = engine.stream(*arguments, **how)
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
    if legacy:
        records["setting_sources"] = legacy.sources
    header = describe(config, scan, how, records)
    if engine.capabilities.tensors:
        import_tensorflow_quietly()
    started = time.perf_counter()
    # The picture is drawn before the output appears, so that both appear or neither.
    with (
        picture_file(picture) as canvas,
        open_writer(output, header, config.output.overwrite) as writer,
    ):
        samples = write_all(progress(blocks, count), writer, evenly_spaced(count, SHOWN))
        if canvas is not None:
            title = f"{count} patches of {config.patch_size} x {config.patch_size} by {name}"
            draw_preview(Preview(scan.image, scan.positions, samples), title, canvas)
    seconds = time.perf_counter() - started
    log.info(
        "done",
        output=str(output),
        picture=str(picture) if picture else None,
        patches=count,
        seconds=round(seconds, 3),
    )
    return Result(output, picture, count, plan, seconds)


def describe(
    config: JobConfig, scan: Scan, how: dict[str, Any], records: dict[str, Any]
) -> OutputHeader:
    """Say what an output will hold: flat patches, what their positions mean, what made them."""
    return OutputHeader(
        shape=(len(scan.positions), config.patch_size, config.patch_size),
        axis=0,
        dtype=scan.image.dtype,
        positions=scan.positions,
        geometry={
            "axis_order": "y, x",
            "units": "object pixels",
            "anchor": "sample patch_size // 2 sits at the position",
            "object_shape": list(scan.image.shape),
            "patch_size": config.patch_size,
            "layout": "flat",
            **how,
        },
        configuration=asdict(config),
        provenance=records,
    )


def write_all(
    blocks: Iterator[Block], writer: Writer, shown: Sequence[int]
) -> dict[int, np.ndarray[Any, Any]]:
    """Write every block; return copies of the patches whose indices are in `shown`."""
    samples = {}
    for block in blocks:
        writer.write(block.start, block.stop, block.patches)
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
        "python": platform.python_version(),
        "numpy": np.__version__,
    }
