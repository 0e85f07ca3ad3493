"""What the report of a run costs: in processor time, and in bytes."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

from ..settings import Settings, progress
from ..table import format_table, number, size
from ..timing import once
from ..worker import WorkerError, measure

#: What a report may take: so many seconds, or so much of the run, whichever is more.
SECONDS, SHARE = 2.0, 0.1
#: Points, patch size and object size of each run.
CASES = ((1_000, 64, 512), (10_000, 64, 1024), (200_000, 8, 1024), (500, 64, 2048))
TURNS = 3


def run(settings: Settings) -> dict[str, Any]:
    rows = []
    for points, patch, pixels in CASES:
        points = min(points, 10 * settings.effort.problem.patches)
        progress(f"reports: {points:,} patches of {patch} out of {pixels}")
        task = {"points": points, "patch": patch, "object": pixels, "turns": TURNS}
        try:
            rows.append(measure("reports", task, settings.device))
        except WorkerError as error:
            progress(str(error))
    return {"rows": rows}


def work(task: dict[str, Any]) -> dict[str, Any]:
    """Time runs and the reports of them; the first report of a process imports what it needs."""
    from ptycho_engine.app.jobs import extract
    from ptycho_engine.app.jobs.extraction_job import ExtractionJob
    from ptycho_engine.geometry.cut import Cut
    from ptycho_engine.io.scan_files import ScanSource

    options = {"points": task["points"], "object_size": task["object"], "step": 0.5}
    scan, make = ScanSource("synthetic", options=options), extract.report_extraction
    seconds: list[float] = []
    reports: list[float] = []

    def timed(*given: Any) -> bytes:
        begun = time.thread_time()
        page = make(*given)
        reports.append(time.thread_time() - begun)
        return page

    extract.report_extraction = timed
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder, "patches.h5")
        job = ExtractionJob(
            scan, Cut(task["patch"]), output, plugin="numba", picture=False, overwrite=True
        )
        for _ in range(task["turns"]):
            seconds.append(once(lambda: extract.run(job)))
        written = Path(f"{output}.report.html").stat().st_size
    whole = median(seconds)
    return {
        **task,
        "seconds": whole,
        "first": reports[0],
        "report": median(reports[1:] or reports),
        "allowed": max(SECONDS, SHARE * whole),
        "bytes": written,
    }


def report(result: dict[str, Any]) -> str:
    header = ("run", "seconds", "report", "first", "of what is allowed", "size")
    rows = [
        (
            f"P {row['points']:,}, N {row['patch']}, H {row['object']}",
            number(row["seconds"]),
            number(row["report"]),
            number(row["first"]),
            f"{100 * row['first'] / row['allowed']:.0f} %",
            size(row["bytes"]),
        )
        for row in result["rows"]
    ]
    if not rows:
        return "Reports: failed, see above"
    title = (
        "Reports: seconds of an extraction to HDF5 with its report, and processor seconds of the "
        "report alone; the\nfirst of a process imports what it needs, and may take "
        f"{SECONDS:g} s or {SHARE:.0%} of the run, whichever is more"
    )
    return f"{title}\n\n{format_table(header, rows, left=1)}"
