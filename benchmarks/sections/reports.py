"""What the report of a run costs: beside the same run without one, and in bytes."""

from __future__ import annotations

import tempfile
from contextlib import redirect_stdout
from io import StringIO
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
CASES = ((1_000, 64, 512), (10_000, 64, 1024), (200_000, 8, 1024), (500, 64, 4096))
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
    """Time a run with and without its report, in turn; the first report imports what it needs."""
    from ptycho_engine.app.jobs.extract import run as extract
    from ptycho_engine.app.jobs.extraction_job import ExtractionJob
    from ptycho_engine.geometry.cut import Cut
    from ptycho_engine.io.scan_files import ScanSource

    options = {"points": task["points"], "object_size": task["object"], "step": 0.5}
    scan = ScanSource("synthetic", options=options)
    seconds: dict[bool, list[float]] = {False: [], True: []}
    with tempfile.TemporaryDirectory() as folder, redirect_stdout(StringIO()):
        output = Path(folder, "patches.h5")

        def cut(report: bool) -> None:
            job = ExtractionJob(
                scan, Cut(task["patch"]), output, plugin="numba", picture=False, report=report,
                overwrite=True,
            )  # fmt: skip
            extract(job)

        cut(False)  # numba's kernel is loaded
        for _ in range(task["turns"]):
            for report in (False, True):
                seconds[report].append(once(lambda chosen=report: cut(chosen)))
        written = Path(f"{output}.report.html").stat().st_size
    without = median(seconds[False])
    return {
        **task,
        "seconds": without,
        "first": seconds[True][0] - without,
        "report": median(seconds[True]) - without,
        "allowed": max(SECONDS, SHARE * without),
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
        "Reports: seconds of an extraction to HDF5 without a report, and what a report adds; the "
        "first of a process\nimports what it needs, and may take "
        f"{SECONDS:g} s or {SHARE:.0%} of the run, whichever is more"
    )
    return f"{title}\n\n{format_table(header, rows, left=1)}"
