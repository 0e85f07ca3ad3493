"""The report of a reassembly."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ...engine import Engine
from ...memory import format_bytes
from ...report.html.object_map import map_object, sampled, scales_of
from ...report.html.page import duration
from ...report.html.run_report import Accuracy, Costs, Fact, RunReport, write_page
from ...report.picture import first_plane
from ...request.normalisation import Reassembled
from .arrangement import Arranged
from .patch_output import short_source
from .reassembly_job import ReassemblyJob
from .report_parts import (
    accuracy_fact,
    doubts_of,
    origin_rows,
    plugin_rows,
    setting_rows,
    size_of,
)


def report_reassembly(
    job: ReassemblyJob,
    engine: Engine,
    made: Reassembled,
    arranged: Arranged,
    records: Mapping[str, Any],
    seconds: float,
    accuracy: Accuracy,
) -> bytes:
    """Return the report as a page.

    Parameters
    ----------
    job, engine, made, arranged
        What was done, with what, what came of it, and how patches lay.
    records : mapping
        What made it.
    seconds : float
        Duration of reading and placing.
    accuracy : Accuracy
        A part of the object beside the reference.
    """
    cut, count = arranged.cut, len(arranged.points)
    height, width = arranged.shape
    share = np.count_nonzero(made.coverage) / max(1, made.coverage.size)
    warnings = ["No patch reaches the object."] if count and not share else []
    warnings += records["warnings"]
    plane, covered = sampled(first_plane(made.object)), sampled(made.coverage) > 0
    noun = "patch" if count == 1 else "patches"
    facts = (
        Fact("Patches", f"{count:,}", f"{size_of(cut.patch_size)}, {cut.interpolation}"),
        Fact("Object", f"{height} x {width}", str(made.object.dtype)),
        Fact("Covered", f"{share:.1%}", "of the object"),
        Fact("Read and placed in", duration(seconds)),
        Fact("Output", format_bytes(made.object.nbytes + made.coverage.nbytes), job.output.name),
        Fact("Plugin", engine.plugin, engine.reason),
        *accuracy_fact(accuracy),
    )
    quantities = scales_of(np.where(covered, plane, 0), [])
    report = RunReport(
        heading=f"Object of {count:,} {noun}",
        summary=f"Put together from {short_source(str(job.patches.path))} on {records['created']}.",
        warnings=doubts_of(warnings, job.context, accuracy),
        facts=facts,
        plane=map_object(
            made.object,
            arranged.points,
            cut.patch_size,
            quantities,
            coverage=made.coverage,
            pixel_size=job.pixel_size,
        ),
        accuracy=accuracy,
        plugin=plugin_rows(engine),
        costs=Costs((("read and place", seconds),), ()),
        settings=setting_rows(job.settings(), job.context, job.origins),
        origins=origin_rows(records),
    )
    return write_page(report)
