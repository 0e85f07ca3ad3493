"""What made an output: versions, the plugin, the scan and its hash, and the memory it took."""

from __future__ import annotations

import hashlib
import platform
import sys
import uuid
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from ...allowance import peak_resident_bytes
from ...compilations import compilation_counts
from ...engine import Engine
from ...io.scan import CuttableScan
from ...request.planning import Plan

#: Named by their versions when they are loaded; a plugin may compute with any of them.
FRAMEWORKS = ("tensorflow", "jax", "torch", "cupy", "llvmlite")


def provenance(
    engine: Engine, scan: CuttableScan, run_id: str | None, context: Mapping[str, Any]
) -> dict[str, Any]:
    """Say what made an output: versions, plugin, source and time, and where settings come from."""
    return {
        **made_by(engine, run_id, context),
        "scan": scan.source,
        "scan_path": str(Path(scan.source).resolve()) if Path(scan.source).exists() else None,
        "scan_sha256": scan_hash(scan),
        "assumptions": scan.assumptions,
    }


def made_by(engine: Engine, run_id: str | None, context: Mapping[str, Any]) -> dict[str, Any]:
    """Say what of that no scan tells."""
    from ... import __version__

    source = engine.source
    sources = {"setting_sources": context["sources"]} if "sources" in context else {}
    return {
        "ptycho_engine": __version__,
        "plugin": engine.plugin,
        "plugin_source": source.target,
        "plugin_distribution": f"{source.distribution} {source.version}".strip(),
        "plugin_options": engine.options,
        "run_id": run_id or uuid.uuid4().hex[:12],
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "libraries": library_versions(),
        **sources,
    }


def scan_hash(scan: CuttableScan) -> str:
    """Hash what an extraction takes of a scan: the object and the positions."""
    return hash_arrays(scan.image, scan.positions)


def hash_arrays(*arrays: np.ndarray[Any, Any]) -> str:
    """Hash arrays with their shapes and dtypes."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(f"{array.shape} {array.dtype.str}".encode())
        if array.size:
            digest.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
    return digest.hexdigest()


def library_versions() -> dict[str, str]:
    """Return the versions of the libraries that compute and write.

    Those that are installed; of frameworks that others bring along, those that are loaded.
    """
    versions = {}
    for name in ("tensorflow", "numba", "h5py", "zarr"):
        with suppress(PackageNotFoundError):
            versions[name] = version(name)
    for name in FRAMEWORKS:
        if (found := getattr(sys.modules.get(name), "__version__", None)) is not None:
            versions[name] = str(found)
    return versions


def costs(
    plan: Plan, seconds: Mapping[str, float], before: Mapping[str, int], resident: int
) -> dict[str, Any]:
    """Say what a run took, for the part of its provenance that is known at its end.

    Parameters
    ----------
    plan : Plan
        What was predicted.
    seconds : mapping of str to float
        What each step took.
    before : mapping of str to int
        The compilations until the run began.
    resident : int
        The most memory that the process had had by then.
    """
    now = compilation_counts()
    return {
        "seconds": {name: round(spent, 4) for name, spent in seconds.items()},
        "bytes": {
            "planned_workspace": plan.workspace_bytes,
            "peak_growth": peak_resident_bytes() - resident,
        },
        "compilations": {name: count - before[name] for name, count in now.items()},
        "libraries": library_versions(),  # a plugin may have loaded one
    }
