"""The command: which sections, how thoroughly, and where the results go."""

from __future__ import annotations

import argparse
import importlib
import json
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from .device.export import cases
from .effort import FULL, QUICK, Effort
from .machine import describe, facts
from .plot import draw
from .registry import contenders
from .settings import Settings
from .table import size
from .worker import measure

DEFAULT_SECTIONS = (
    "throughput",
    "latency",
    "chunks",
    "compile",
    "scaling",
    "memory",
    "migration",
    "grouping",
    "simulation",
    "placement",
    "datasets",
    "scan_reading",
    "warp",
    "reports",
)
#: Only when asked for: two sections need jax, streaming and training write gigabytes, and layers
#: are compiled for minutes.
SECTIONS = (*DEFAULT_SECTIONS, "jax_arrays", "streaming", "training", "layers", "device")
RESULTS = Path(__file__).parent / "results"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the sections that were asked for; print, store and draw."""
    given = parse(arguments)
    if given.draw:
        return draw_again(given.draw, given.plot)
    if given.export:
        return export_kernels(given.export)
    settings = Settings(choose_effort(given), tuple(given.contender), given.device)
    results: dict[str, Any] = {"machine": facts(), "sections": {}}
    print(describe(results["machine"]), flush=True)
    for name in choose_sections(given):
        section = importlib.import_module(f"benchmarks.sections.{name}")
        start = time.perf_counter()
        result = section.run(settings)
        result["section_seconds"] = round(time.perf_counter() - start, 1)
        results["sections"][name] = result
        print(f"\n{section.report(result)}", flush=True)
    given.json.parent.mkdir(parents=True, exist_ok=True)
    given.json.write_text(json.dumps(results, indent=1))
    written = [str(given.json)]
    if draw(results, given.plot):
        written.append(str(given.plot))
    print(f"\nWritten: {', '.join(written)}")
    return 0


def draw_again(stored: Path, picture: Path) -> int:
    """Draw the picture of a run that was stored."""
    if not draw(json.loads(stored.read_text(encoding="utf-8")), picture):
        print(f"{stored}: holds nothing that is drawn: throughput, latency or scaling.")
        return 1
    print(f"Written: {picture}")
    return 0


def export_kernels(folder: Path) -> int:
    """Write the kernels in a process of its own, where TensorFlow is quiet; print their size."""
    task = {"folder": str(folder.resolve()), "export": [asdict(case) for case in cases()]}
    measure("device", task)
    count = sum(file.stat().st_size for file in folder.iterdir())
    print(f"Written: {folder}, {size(count)}. Next: python -m benchmarks --measure {folder}")
    return 0


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Ratios of time and memory against peers and limits, measured on this machine.",
    )
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--quick", action="store_true", help="small sizes, two minutes")
    length.add_argument("--full", action="store_true", help="all sizes, and 6.5 GB of streaming")
    parser.add_argument(
        "--only", action="append", choices=SECTIONS, default=[], help="one section; repeatable"
    )
    parser.add_argument(
        "--contender",
        action="append",
        choices=[contender.name for contender in contenders()],
        default=[],
        metavar="NAME",
        help="one plugin or peer, by its name in the main table; repeatable",
    )
    parser.add_argument(
        "--device", choices=("cpu", "gpu"), default="cpu", help="cpu hides GPUs (the default)"
    )
    parser.add_argument(
        "--gpu",
        action="store_true",
        help="the kernel on jax's device against a device copy: --only device --device gpu",
    )
    parser.add_argument(
        "--export", type=Path, metavar="DIR", help="write the kernels for a machine with jax alone"
    )
    parser.add_argument(
        "--measure",
        type=Path,
        metavar="DIR",
        help="check and time exported kernels on jax's device; needs NumPy and jax alone",
    )
    parser.add_argument(
        "--draw", type=Path, metavar="JSON", help="draw what an earlier run stored, measure nothing"
    )
    parser.add_argument("--patches", type=int, help="P of the main table")
    parser.add_argument("--patch-size", type=int, help="N around which everything is measured")
    parser.add_argument("--object-size", type=int, help="H around which everything is measured")
    parser.add_argument("--json", type=Path, default=RESULTS / "benchmarks.json", metavar="PATH")
    parser.add_argument("--plot", type=Path, default=RESULTS / "benchmarks.png", metavar="PATH")
    given = parser.parse_args(arguments)
    if given.gpu:
        given.device = "gpu"
    return given


def choose_sections(given: argparse.Namespace) -> list[str]:
    if given.only or given.gpu:
        return [name for name in SECTIONS if name in given.only or (given.gpu and name == "device")]
    return list(SECTIONS[:-1] if given.full else DEFAULT_SECTIONS)


def choose_effort(given: argparse.Namespace) -> Effort:
    effort = QUICK if given.quick else FULL if given.full else Effort()
    changed = {
        name: value
        for name in ("patches", "patch_size", "object_size")
        if (value := getattr(given, name)) is not None
    }
    return effort.for_problem(replace(effort.problem, **changed)) if changed else effort
