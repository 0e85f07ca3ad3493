"""The migration command: a tree of files scanned by two processes, and its start."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from ptycho_engine.migrations.codemod.job import Settings as How
from ptycho_engine.migrations.codemod.pool import migrate_all

from ..settings import Settings, progress
from ..table import format_table, number
from ..timing import in_turn, ratio
from ..worker import WorkerError, measure

JOBS = 2
STARTS = {
    "ptycho-migrate --help": ["-m", "ptycho_engine.migrations.cli", "--help"],
    "python -c pass": ["-c", "pass"],
}
HEAD = "from ptycho import params as p, tf_helper as hh\nimport ptycho.raw_data as rd\n"
BODY = '''
def function_{n}(image, offsets, *, side=2, **more):
    """Text of some length, as functions have it."""
    values = [value * side for value in range({n}) if value % 2]
    for key, value in more.items():
        if key in values and value is not None:
            values.append(len(key) + {n})
    return {call}(image, offsets), dict(zip(values, values))

'''


def run(settings: Settings) -> dict[str, Any]:
    progress("migration")
    effort = settings.effort
    task = {"files": effort.migrated, "repeats": effort.curve_repeats}
    try:
        return measure("migration", task, settings.device)
    except WorkerError as error:
        progress(str(error))
        return {"rows": [], "files": effort.migrated}


def work(task: dict[str, Any]) -> dict[str, Any]:
    """Time the scan beside Python's own compiler, and the command's start beside Python's."""
    with tempfile.TemporaryDirectory() as folder:
        paths = make_tree(Path(folder), task["files"])
        scans = {
            "scan": lambda: check_changed(list(migrate_all(paths, How(), JOBS))),
            "compile": lambda: compile_all(paths),
        }
        rows = [timed(f"scan, {JOBS} processes", "compile() of each file", scans, task["repeats"])]
    starts = {name: starter(arguments) for name, arguments in STARTS.items()}
    rows.append(timed(*STARTS, starts, task["repeats"]))
    return {"rows": rows, "files": task["files"]}


def timed(name: str, beside: str, actions: dict[str, Any], repeats: int) -> dict[str, Any]:
    """Time two actions in turn."""
    own, other = in_turn(actions, repeats).values()
    return {"what": name, "seconds": median(own), "beside": beside, "ratio": ratio(own, other)}


def make_tree(folder: Path, files: int) -> list[Path]:
    """Write modules of 180 lines; one in five uses legacy functions, in three of its twenty."""
    paths = [folder / f"module_{n}.py" for n in range(files)]
    for n, path in enumerate(paths):
        legacy = n % 5 == 0
        head = HEAD if n % 2 == 0 or legacy else "import os\n"
        calls = ["rd.get_image_patches" if legacy and i % 7 == 0 else "print" for i in range(20)]
        bodies = (BODY.format(n=i, call=call) for i, call in enumerate(calls))
        path.write_text(head + "".join(bodies))
    return paths


def check_changed(outcomes: list[Any]) -> None:
    """Nothing is timed unchecked: one file in five would change, and none failed."""
    changed = sum(outcome.changed for outcome in outcomes)
    if changed != -(-len(outcomes) // 5) or any(outcome.error for outcome in outcomes):
        raise RuntimeError(f"{changed} of {len(outcomes)} files would change")


def compile_all(paths: list[Path]) -> None:
    for path in paths:
        compile(path.read_text(), str(path), "exec")


def starter(arguments: list[str]) -> Callable[[], object]:
    command = [sys.executable, *arguments]
    return lambda: subprocess.run(command, capture_output=True, check=True)


def report(result: dict[str, Any]) -> str:
    rows = [
        (row["what"], f"{row['seconds']:.2f} s", row["beside"], number(row["ratio"]))
        for row in result["rows"]
    ] or [("failed", "-", "-", "-")]
    title = f"Migration: {result['files']:,} files of 180 lines, one in five with legacy calls"
    return f"{title}\n\n{format_table(('', 'median', 'beside', 'ratio'), rows)}"
