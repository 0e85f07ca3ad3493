"""What a job will take and make, before it does: bytes, chunks, the budget, the output.

The scan is read, since nothing else tells its sizes; nothing is cut or written. Whatever would
refuse the job refuses its plan.

Examples
--------
>>> import tempfile
>>> from pathlib import Path
>>> from ptycho_engine.geometry.cut import Cut
>>> from ptycho_engine.io.scan_files import ScanSource
>>> scan = ScanSource("synthetic", options={"points": 5, "object_size": 64})
>>> with tempfile.TemporaryDirectory() as folder:
...     job = ExtractionJob(scan, Cut(8), Path(folder, "patches.npz"), plugin="numba")
...     plan_extraction(job)["output"]["bytes"]  # patches and positions
2640
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ...geometry.footprint import windows_over
from ...io.objects.urls import Location
from ...io.specs import ArraySpec
from ...io.targets import resolve
from ...memory import format_bytes
from .extraction_job import ExtractionJob
from .patch_output import output_arrays
from .prerequisites import prepare
from .wording import row


def plan_extraction(job: ExtractionJob) -> dict[str, Any]:
    """Plan an extraction.

    Returns
    -------
    dict
        What JSON holds; sizes in bytes.

    Raises
    ------
    PtychoEngineError
        As the job itself.
    """
    opened, plan = prepare(job)
    scan, size = opened.scan, job.cut.patch_size
    height, width = scan.image.shape[-2:]
    reach = opened.engine.reach(scan.image, scan.positions, **asdict(job.cut))
    covered = windows_over(scan.positions, (height, width), size) > 0
    return {
        "job": "extract",
        "scan": scan.source,
        "object": list(scan.image.shape),
        "patches": len(scan.positions),
        "patch_size": size,
        "leaving": reach.leaving,
        "coverage": float(covered.mean()) if covered.size else 0.0,
        "plugin": plan.plugin,
        "chunks": {"patches": plan.chunk_size, "count": plan.chunk_count},
        "memory": {
            "scan": scan.held_bytes,
            "workspace": plan.workspace_bytes,
            "budget": plan.memory_budget,
        },
        "output": output_plan(job.output, output_arrays(job, scan)),
    }


def output_plan(path: Location, arrays: Mapping[str, ArraySpec]) -> dict[str, Any]:
    """Say what an output will hold, and whether the disk has room for it."""
    return {
        "path": str(path),
        "arrays": {
            name: {"shape": list(spec.shape), "dtype": str(spec.dtype), "bytes": spec.nbytes}
            for name, spec in arrays.items()
        },
        "bytes": sum(spec.nbytes for spec in arrays.values()),
        "free": shutil.disk_usage(resolve(path).parent).free if isinstance(path, Path) else None,
    }


def plan_as_json(plan: Mapping[str, Any]) -> str:
    """Write a plan for programs."""
    return json.dumps(plan, indent=2)


def plan_as_text(plan: Mapping[str, Any]) -> str:
    """Write a plan for people."""
    memory, output = plan["memory"], plan["output"]
    size = f"{plan['patch_size']} x {plan['patch_size']}"
    rows = [
        ("job", plan["job"]),
        ("scan", f"{plan['scan']}, object {' x '.join(map(str, plan['object']))}"),
        *(("groups", _groups(plan["groups"])) for _ in ["groups"] if "groups" in plan),
        ("patches", f"{plan['patches']:,} of {size}, {plan['leaving']:,} leave the object"),
        ("coverage", f"{plan['coverage']:.1%} of the object"),
        ("plugin", plan["plugin"]),
        ("chunks", f"{plan['chunks']['count']:,} of {plan['chunks']['patches']:,} patches"),
        ("memory", ", ".join(f"{name} {format_bytes(size)}" for name, size in memory.items())),
        *((name, _array(array)) for name, array in output["arrays"].items()),
        ("output", f"{output['path']}, {format_bytes(output['bytes'])}"),
        *_disk(output),
    ]
    return "\n".join(row(name, words) for name, words in rows)


def _groups(groups: Mapping[str, Any]) -> str:
    return (
        f"{groups['groups']:,} of {groups['members']} ({groups['strategy']}), which use "
        f"{groups['used']:,} of {groups['points']:,} points"
    )


def _array(array: Mapping[str, Any]) -> str:
    shape = " x ".join(map(str, array["shape"]))
    return f"{shape} {array['dtype']}, {format_bytes(array['bytes'])}"


def _disk(output: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Say what the disk has; nothing of an object store, which tells nobody."""
    if output["free"] is None:
        return []
    short = ", which is too little" if output["bytes"] > output["free"] else ""
    return [("disk", f"{format_bytes(output['free'])} free{short}")]
