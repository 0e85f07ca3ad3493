"""The package under several versions of TensorFlow: a table.

    python -m benchmarks.tensorflow_versions 2.18 2.19 2.20 2.21

Each version is installed with a copy of this checkout, as it is committed, in a virtual environment
in a temporary folder, one after the other. There the tests of ``tests/ops`` run, without the slow
ones; the largest error of ``chunked_xla`` is measured against the float64 reference, and its time
over that of ``numba``, into a reused output.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np

from .table import format_table

ROOT = Path(__file__).parents[1]
#: Patches of 64 x 64 complex64 that are cut, and how often.
PATCHES, TURNS = 4000, 9


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a line as each version is done, and the table in the end."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("versions", nargs="*", default=["2.18", "2.19", "2.20", "2.21"])
    parser.add_argument("--package", default="tensorflow-cpu", help="which package has them")
    parser.add_argument("--here", action="store_true", help="measure this environment, as JSON")
    given = parser.parse_args(arguments)
    if given.here:
        print(json.dumps(measure()))
        return
    rows = []
    for version in given.versions:
        rows.append(row(version, judge(given.package, version)))
        print("  ".join(rows[-1]), flush=True)
    header = ["TensorFlow", "NumPy", "passed", "failed", "skipped", "error", "chunked_xla / numba"]
    print("\n" + format_table(header, rows))


def judge(package: str, version: str) -> dict[str, Any]:
    """Install a version in a folder that is removed again, and say how the package fares there.

    Returns
    -------
    dict
        What `measure` and `counted` return, or what went wrong under ``problem``.
    """
    with tempfile.TemporaryDirectory() as folder:
        work, tree = Path(folder), Path(folder, "tree")
        python = str(work / "venv/bin/python")
        tree.mkdir()
        archive = subprocess.run(
            ["git", "archive", "HEAD"], cwd=ROOT, check=True, capture_output=True
        ).stdout
        subprocess.run(["tar", "-x"], cwd=tree, input=archive, check=True)
        subprocess.run([sys.executable, "-m", "venv", str(work / "venv")], check=True)
        install = [python, "-m", "pip", "install", "--quiet", f"{package}=={version}.*"]
        found = subprocess.run([*install, "-e", ".[testing]"], cwd=tree, capture_output=True)
        if found.returncode:
            return {"problem": found.stderr.decode().strip().splitlines()[-1][:60]}
        environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"}
        report = work / "report.xml"
        tests = [python, "-m", "pytest", "-q", "tests/ops", "--junitxml", str(report)]
        subprocess.run(tests, cwd=tree, capture_output=True, env=environment)
        here = [python, "-m", "benchmarks.tensorflow_versions", "--here"]
        found = subprocess.run(here, cwd=tree, capture_output=True, env=environment)
        if found.returncode:
            return counted(report) | {"problem": found.stderr.decode().splitlines()[-1][:60]}
        return counted(report) | json.loads(found.stdout.splitlines()[-1])


def counted(report: Path) -> dict[str, int]:
    """Count the tests of a report in JUnit's XML."""
    if not report.exists():
        return {}
    suite = ElementTree.parse(report).getroot().find("testsuite")
    numbers = {} if suite is None else suite.attrib
    every, skipped = int(numbers.get("tests", 0)), int(numbers.get("skipped", 0))
    failed = int(numbers.get("failures", 0)) + int(numbers.get("errors", 0))
    return {"passed": every - skipped - failed, "failed": failed, "skipped": skipped}


def measure() -> dict[str, Any]:
    """Measure the environment that this runs in."""
    import tensorflow as tf

    from ptycho_engine import Engine

    from .accuracy import error

    rng = np.random.default_rng(0)
    image = rng.normal(size=(512, 512)).astype(np.complex64)
    positions = rng.uniform(40, 472, (PATCHES, 2))
    out = np.empty((PATCHES, 64, 64), np.complex64)
    engines = [Engine("chunked_xla"), Engine("numba")]
    ratios = []
    for _ in range(TURNS + 1):
        taken = []
        for engine in engines:
            start = time.perf_counter()
            engine.extract(image, positions, 64, out=out)
            taken.append(time.perf_counter() - start)
        ratios.append(taken[0] / taken[1])
    return {
        "tensorflow": tf.__version__,
        "numpy": np.__version__,
        "error": error(engines[0], "complex64"),
        "ratio": statistics.median(ratios[1:]),  # the first turn compiles
    }


def row(version: str, found: dict[str, Any]) -> list[str]:
    """Write what was found as a row of the table; what is missing is a dash."""
    name = str(found.get("tensorflow", version))
    cells = [str(found.get(key, "-")) for key in ("numpy", "passed", "failed", "skipped")]
    if "problem" in found:
        return [name, *cells, "-", str(found["problem"])]
    return [name, *cells, f"{found['error']:.0e}", f"{found['ratio']:.2f}"]


if __name__ == "__main__":
    main()
