"""The kernels on jax's device: TensorFlow exports them in one process, jax measures in another.

Two runtimes in one process would fight for the memory of a GPU.
"""

from __future__ import annotations

import tempfile
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ..device.case import Case
from ..device.export import cases, export
from ..device.measurement import measure as measure_kernels
from ..device.measurement import table
from ..device.transcript import read_transcript
from ..settings import Settings, progress
from ..worker import WorkerError, measure

PATCH_SIZES = (64, 128)


def run(settings: Settings) -> dict[str, Any]:
    """Export here, measure on the device."""
    if find_spec("jax") is None:
        return {"rows": [], "missing": "jax"}
    base, effort = settings.effort.problem, settings.effort
    sizes = [n for n in PATCH_SIZES if n < base.object_size] or [base.patch_size]
    chosen = cases(sizes, effort.curve_bytes, base.object_size)
    with tempfile.TemporaryDirectory() as folder:
        task = {"folder": folder, "repeats": effort.repeats}
        try:
            progress(f"device: export, N = {', '.join(map(str, sizes))}")
            measure("device", task | {"export": [asdict(case) for case in chosen]})
            progress("device: measure")
            return measure("device", task, settings.device)
        except WorkerError as error:
            progress(str(error))
            failed = {"kind": "all", "status": "failed"}
            return {"rows": [failed | {"patch_size": n} for n in sizes]}


def work(task: dict[str, Any]) -> dict[str, Any]:
    folder = Path(task["folder"])
    if "export" in task:
        export(folder, [Case(**case) for case in task["export"]])
        return {}
    return {"rows": measure_kernels(read_transcript(folder), task["repeats"])}


def report(result: dict[str, Any]) -> str:
    if "missing" in result:
        return f"Kernels on jax's device: {result['missing']} is not installed"
    return table(result["rows"])
