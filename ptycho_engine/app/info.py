"""``ptycho-engine info``: versions, plugins, devices, limits; what a report of a bug needs."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from collections.abc import Mapping
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from ..allowance import address_space, cgroup_memory, free_memory, slurm_memory
from ..errors import ConfigurationError
from ..memory import format_bytes, parse_bytes
from ..report.progress import Display
from ..report.quiet import tensorflow_devices
from ..workers import core_count
from .listing import describe
from .outcomes import DONE

#: Distributions whose versions change what a run does.
LIBRARIES = (
    "numpy", "scipy", "numba", "llvmlite", "tensorflow", "keras", "jax", "torch", "h5py", "zarr",
    "hydra-core", "omegaconf", "pluggy", "structlog", "rich", "matplotlib", "psutil",
)  # fmt: skip
#: How the names of variables begin that change what it does.
VARIABLES = (
    "PTYCHO_ENGINE_", "TF_CPP_", "TF_XLA_", "TF_GPU_", "TF_FORCE_GPU_", "TF_NUM_",
    "TF_ENABLE_", "TF_USE_", "TF_DETERMINISTIC_", "XLA_", "CUDA_", "NUMBA_", "OMP_",
    "MPLBACKEND", "HYDRA_", "SLURM_MEM", "SLURM_CPUS_", "USE_XLA_",
)  # fmt: skip


def main(arguments: list[str]) -> int:
    """Print what there is; return 0."""
    parser = argparse.ArgumentParser(
        prog="ptycho-engine info",
        description="Print versions, plugins, devices and limits: what a report of a bug needs. "
        "TensorFlow is started to find the devices.",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    as_json = parser.parse_args(arguments).json
    with Display("never" if as_json else "auto").waiting("looking for devices"):
        found = collect(os.environ)
    if as_json:
        print(json.dumps(found, indent=2))
        return DONE
    for title, values in found.items():
        print(title)
        for name, value in values.items():
            print(f"  {name:<22} {shown(value)}")
    return DONE


def collect(environ: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Collect what is installed here, and what this process may use.

    Parameters
    ----------
    environ : mapping of str to str
        The environment.

    Returns
    -------
    dict
        By topic; sizes in bytes, None for no limit.
    """
    versions = {"ptycho_engine": version("ptycho_engine"), "python": platform.python_version()}
    for name in LIBRARIES:
        with suppress(PackageNotFoundError):
            versions[name] = version(name)
    listed = describe(check=False)
    return {
        "versions": versions,
        "system": {"platform": platform.platform(), "executable": sys.executable},
        "plugins": {s.name: f"{s.distribution} {s.version}, {s.state}" for s in listed
                    if s.kind == "plugin"},
        "formats": {s.name: f"{s.distribution} {s.version}, {s.state}" for s in listed
                    if s.kind == "format"},
        "devices": {"cpu": cores_in_words(), **tensorflow_devices()},
        "limits": {
            "free_memory": free_memory(),
            "memory_budget": parse_bytes(None),
            "cgroup_memory": cgroup_memory(),
            "address_space": address_space(),
            "slurm_memory": slurm_memory(environ),
        },
        "environment": {k: v for k, v in sorted(environ.items()) if k.startswith(VARIABLES)},
    }  # fmt: skip


def cores_in_words() -> str:
    """Say how many cores a run may use, or why that is not known."""
    try:
        return f"{core_count()} of {os.cpu_count()} cores"
    except ConfigurationError as error:
        return str(error)


def shown(value: Any) -> str:
    """Write a value for a reader: numbers here are bytes."""
    if value is None:
        return "no limit"
    return format_bytes(value) if isinstance(value, int) else str(value)
