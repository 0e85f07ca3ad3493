"""What each subcommand does with its settings: it makes a job of them, runs it, and answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .composition import conversion_job, extraction_job, inspection_job
from .jobs import convert as conversion
from .jobs import extract as extraction
from .jobs import inspect as inspections
from .legacy import work_in_legacy
from .schema import ConvertConfig, InspectConfig, JobConfig

if TYPE_CHECKING:
    from .runs import Run


def extract(settings: JobConfig, run: Run) -> str:
    """Cut patches; return the path of the output."""
    settings, legacy = work_in_legacy(settings, run.typed)
    reason, context = run.plugin_reason(), None
    if legacy is not None:
        reason, context = legacy.reason, legacy.context()
    job = extraction_job(settings, run.folder, reason, context)
    result = extraction.run(job, run_id=run.run_id, progress=run.progress, waiting=run.waiting)
    return str(result.output)


def inspect(settings: InspectConfig, run: Run) -> str:
    """Say what a file, or each file of a folder, holds."""
    found = inspections.run(inspection_job(settings, run.folder), waiting=run.waiting)
    return found.as_json() if "--json" in run.flags else found.as_text()


def convert(settings: ConvertConfig, run: Run) -> str:
    """Write a scan in another format; return the path of the file."""
    job = conversion_job(settings, run.folder)
    return str(conversion.run(job, counting=run.counting, waiting=run.waiting).output)
