"""The report of an extraction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ...engine import Engine
from ...io.scan import CuttableScan
from ...memory import format_bytes
from ...report.html.object_map import map_object
from ...report.html.run_report import Fact, RunReport, write_page
from ...request.planning import Plan
from .accuracy import measure_accuracy
from .extraction_job import ExtractionJob
from .patch_output import SHOWN, evenly_spaced, short_source
from .report_parts import (
    accuracy_fact,
    costs_of,
    doubts_of,
    object_scales,
    origin_rows,
    patch_gallery,
    plugin_rows,
    setting_rows,
    size_of,
    time_fact,
)


def report_extraction(
    job: ExtractionJob,
    engine: Engine,
    scan: CuttableScan,
    plan: Plan,
    records: Mapping[str, Any],
    samples: Mapping[int, np.ndarray[Any, Any]],
) -> bytes:
    """Return the report as a page.

    Parameters
    ----------
    job : ExtractionJob
        What was done.
    engine, scan, plan
        With what, of what, and what was planned.
    records : mapping
        The provenance of the output, what the run took included.
    samples : mapping of int to ndarray, (..., N, N)
        Patches as they were written, by the number of their position.
    """
    positions, size, count = scan.positions, job.cut.patch_size, len(scan.positions)
    shown = {i: samples[i] for i in evenly_spaced(count, SHOWN) if i in samples}
    accuracy = measure_accuracy(scan.image, positions, samples, job.cut)
    quantities = object_scales(scan.image, list(shown.values()))
    height, width = scan.image.shape[-2:]
    windows = records["windows"]
    away = f"by up to {windows['beyond_pixels']:g} pixels" if windows["leaving"] else ""
    facts = (
        Fact("Patches", f"{count:,}", f"{size_of(size)} {scan.image.dtype}"),
        Fact("Object", f"{height} x {width}", f"{job.cut.interpolation}, {job.cut.rounding}"),
        Fact("Leave the object", f"{windows['leaving']:,}", away or f"outside: {job.cut.fill}"),
        *accuracy_fact(accuracy),
        time_fact(records["seconds"], plan.output_bytes),
        Fact("Output", format_bytes(plan.output_bytes), job.output.name),
        Fact("Plugin", engine.plugin, engine.reason),
    )
    noun = "patch" if count == 1 else "patches"
    report = RunReport(
        heading=f"{count:,} {noun} of {size_of(size)}",
        summary=f"Cut from {short_source(scan.source)} on {records['created']}.",
        warnings=doubts_of(records["warnings"], job.context, accuracy),
        facts=facts,
        plane=map_object(scan.image, positions, size, quantities, framed=positions[list(shown)]),
        galleries=(patch_gallery(quantities, shown, positions),) if shown else (),
        accuracy=accuracy,
        plugin=plugin_rows(engine),
        costs=costs_of(records, plan, scan.held_bytes),
        settings=setting_rows(job.settings(), job.context, job.origins),
        origins=origin_rows(records),
    )
    return write_page(report)
