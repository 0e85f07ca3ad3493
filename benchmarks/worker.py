"""One measurement in a process of its own, so that no library's threads or memory meet another's.

``python -m benchmarks.worker SECTION`` reads its task as JSON from standard input and writes the
result to the file named in it; what libraries print goes nowhere.
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
TIMEOUT = 1800


class WorkerError(RuntimeError):
    """A measurement ended without a result."""


def measure(
    section: str,
    task: dict[str, Any],
    device: str = "cpu",
    *,
    python: str = sys.executable,
    root: Path = ROOT,
) -> dict[str, Any]:
    """Run one task of a section in a fresh process.

    Parameters
    ----------
    section : str
        Module of `benchmarks.sections` whose `work` does it.
    task : dict
        Its argument, plain JSON.
    device : {"cpu", "gpu"}
        ``cpu`` hides GPUs from TensorFlow and jax.
    python : str
        The interpreter.
    root : Path
        Root of the checkout whose harness measures.

    Returns
    -------
    dict
        What `work` returned.

    Raises
    ------
    WorkerError
        If the process failed; the last line that it wrote is in the message.
    """
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "result.json"
        try:
            done = subprocess.run(
                [python, "-m", "benchmarks.worker", section],
                input=json.dumps({"task": task, "result": str(result)}),
                capture_output=True,
                text=True,
                cwd=root,
                env=environment(device),
                timeout=TIMEOUT,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise WorkerError(f"{section}: no result after {TIMEOUT} s") from error
        if done.returncode or not result.exists():
            lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
            raise WorkerError(f"{section}: {lines[-1]}")
        return json.loads(result.read_text())


def environment(device: str) -> dict[str, str]:
    """Environment of a worker: quiet, and without GPUs unless asked for."""
    changed = {"TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONWARNINGS": "ignore"}
    if device == "cpu":
        changed |= {"CUDA_VISIBLE_DEVICES": "-1", "JAX_PLATFORMS": "cpu"}
    else:
        changed |= {"XLA_PYTHON_CLIENT_PREALLOCATE": "false", "TF_FORCE_GPU_ALLOW_GROWTH": "true"}
    return {**os.environ, **changed}


def main() -> None:
    job = json.load(sys.stdin)
    section = importlib.import_module(f"benchmarks.sections.{sys.argv[1]}")
    Path(job["result"]).write_text(json.dumps(section.work(job["task"])))


if __name__ == "__main__":
    main()
