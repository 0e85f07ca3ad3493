"""What the numbers were taken on, without names of hosts or paths."""

from __future__ import annotations

import os
import platform
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import psutil

from .limits import cores

PACKAGES = (
    "ptycho_engine",
    "tensorflow",
    "numpy",
    "numba",
    "scipy",
    "opencv-python-headless",
    "opencv-python",
    "jax",
    "torch",
    "ptychi",
    "torch-subpixel-crop",
)


def facts() -> dict[str, Any]:
    """Day, cores, memory, load and versions."""
    return {
        "date": date.today().isoformat(),
        "system": platform.system(),
        "architecture": platform.machine(),
        "cores": cores(),
        "memory_gib": round(psutil.virtual_memory().total / 1024**3, 1),
        "huge_pages": huge_pages(),
        "load_before": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        "python": platform.python_version(),
        **{name: installed for name in PACKAGES if (installed := _version(name))},
    }


def huge_pages() -> str:
    """Setting of transparent huge pages, which decides what the first touch of memory costs."""
    setting = Path("/sys/kernel/mm/transparent_hugepage/enabled")
    try:
        return setting.read_text().split("[")[1].split("]")[0]
    except (OSError, IndexError):
        return "unknown"


def describe(machine: dict[str, Any]) -> str:
    versions = [f"{name} {machine[name]}" for name in ("python", *PACKAGES) if name in machine]
    return (
        f"{machine['cores']} cores, {machine['memory_gib']} GiB, {machine['system']} "
        f"{machine['architecture']}, huge pages {machine['huge_pages']}, load before the run "
        f"{machine['load_before']}\n{', '.join(versions)}"
    )


def in_short(machine: dict[str, Any]) -> str:
    """Return a line for a picture: of what is known, the day, the cores, the main versions."""
    cores = f"{machine['cores']} cores" if "cores" in machine else None
    system = " ".join(machine[key] for key in ("system", "architecture") if key in machine)
    names = ("python", "numpy", "tensorflow", "numba", "jax")
    versions = [f"{name} {machine[name]}" for name in names if name in machine]
    parts = ["python -m benchmarks", machine.get("date"), cores, system, *versions]
    return ", ".join(filter(None, parts))


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
