"""The chunk kernel on jax's device: its StableHLO, exported by TensorFlow, against a device copy.

Both run through the same runtime on the same device, so that the ratio tells about the kernel.
TensorFlow exports in one process, jax measures in another: two runtimes in one would fight for
the memory of a GPU.
"""

from __future__ import annotations

import dataclasses
import tempfile
from dataclasses import asdict, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from ptycho_engine.geometry.layouts import flat_to_channel
from ptycho_engine.request.extraction import build_request
from ptycho_engine.request.windows import find_windows, pad
from ptycho_engine.testing.reference import reference_patches

from ..problem import Problem
from ..settings import Settings, progress
from ..table import format_table, number, size
from ..timing import best_ratio, in_turn, once, ratio
from ..worker import WorkerError, measure

PATCH_SIZES = (64, 128)
MEMBERS = (1, 4)
CHECKED = 32
#: Of the object's largest magnitude, as for other contenders.
TOLERANCE = 1e-5


def run(settings: Settings) -> dict[str, Any]:
    """Export here, measure on the device."""
    rows: list[dict[str, Any]] = []
    if find_spec("jax") is None:
        return {"rows": rows, "missing": "jax"}
    base, effort = settings.effort.problem, settings.effort
    sizes = [n for n in PATCH_SIZES if n < base.object_size] or [base.patch_size]
    for n in sizes:
        for channels in MEMBERS:
            count = max(4, effort.curve_bytes // (n * n * 8) // 4 * 4)
            problem = replace(base, patches=count, patch_size=n, channels=channels)
            progress(f"device: {problem.layout}, {problem.describe()}")
            with tempfile.TemporaryDirectory() as folder:
                file = str(Path(folder) / "kernel.stablehlo")
                task = {"problem": asdict(problem), "file": file, "repeats": effort.repeats}
                try:
                    measure("device", task | {"step": "export"})
                    rows.append(measure("device", task | {"step": "time"}, settings.device))
                except WorkerError as error:
                    progress(str(error))
                    failed = {"layout": problem.layout, "patch_size": n, "status": "failed"}
                    rows.append(failed)
    return {"rows": rows}


def work(task: dict[str, Any]) -> dict[str, Any]:
    problem = Problem(**task["problem"])
    step = _export if task["step"] == "export" else _time
    return step(problem, Path(task["file"]), task["repeats"])


def _arguments(problem: Problem) -> tuple[np.ndarray, ...]:
    """Padded real view of the object, starts and offsets: what the kernel takes."""
    request = build_request(
        problem.image(), problem.positions(), problem.patch_size, layout=problem.layout
    )
    windows = find_windows(request)
    padded = pad(request.image, windows.padding, request.fill).view(request.real_dtype)
    return padded, windows.starts, windows.offsets


def _export(problem: Problem, file: Path, repeats: int) -> dict[str, Any]:
    import tensorflow as tf

    from ptycho_engine.ops.chunks import ChunkKind, chunk_function

    n, channels = problem.patch_size, problem.channels
    cut_chunk = chunk_function(ChunkKind(n, "bilinear", "exact", interleave=2, compiled=True))

    @tf.function(jit_compile=True, autograph=False)
    def kernel(image: Any, starts: Any, offsets: Any) -> Any:
        flat = cut_chunk(image, starts, offsets)  # (B * C, N, 2 N)
        if channels == 1:
            return flat
        members = tf.reshape(flat, (-1, channels, n, n, 2))
        return tf.reshape(tf.transpose(members, [0, 2, 3, 1, 4]), (-1, n, 2 * n * channels))

    specs = [tf.TensorSpec(a.shape, a.dtype) for a in _arguments(problem)]
    ir = kernel.experimental_get_compiler_ir(*specs)
    file.write_bytes(ir(stage="stablehlo_serialized"))
    return {}


def _time(problem: Problem, file: Path, repeats: int) -> dict[str, Any]:
    import jax
    import jax.numpy as jnp

    device = jax.devices()[0]
    arguments = _arguments(problem)
    kernel = jax.jit(_imported(file, problem, arguments).call)
    on_device = [jax.device_put(a, device) for a in arguments]
    error = _largest_error(np.asarray(kernel(*on_device)), problem)
    if error > TOLERANCE:
        raise RuntimeError(f"the kernel's patches are off by {error:.1e}")
    target = kernel(*on_device).block_until_ready()
    copy = jax.jit(jnp.copy)
    # A launch takes a GPU some microseconds; several in a row hide that.
    launches = 1 if device.platform == "cpu" else 10

    def launch(function: Any, *values: Any) -> None:
        for _ in range(launches):
            last = function(*values)
        last.block_until_ready()

    actions = {
        "kernel": lambda: launch(kernel, *on_device),
        "copy": lambda: launch(copy, target),
    }
    for action in actions.values():
        once(action)
    seconds = in_turn(actions, repeats)
    per_second = launches * problem.output_bytes / 1e9
    return {
        "status": "timed",
        "device": device.device_kind,
        "platform": device.platform,
        "jax": jax.__version__,
        "layout": problem.layout,
        "patch_size": problem.patch_size,
        "patches": problem.patches,
        "output_bytes": problem.output_bytes,
        "error": error,
        "gigabytes_per_second": per_second / float(np.median(seconds["kernel"])),
        "copy_gigabytes_per_second": per_second / float(np.median(seconds["copy"])),
        "to_copy": ratio(seconds["kernel"], seconds["copy"]),
        "to_copy_best": best_ratio(seconds["kernel"], seconds["copy"]),
        "seconds": seconds,
    }


def _imported(file: Path, problem: Problem, arguments: tuple[np.ndarray, ...]) -> Any:
    """Put TensorFlow's module in the place of one that jax exported for the same arrays."""
    import jax
    from jax import export

    n = problem.patch_size
    groups = problem.patches // problem.channels
    shape = (groups, n, 2 * n * problem.channels)

    def stand_in(*arrays: Any) -> Any:
        # All arguments are used, so that none is dropped from the signature.
        return jax.numpy.zeros(shape, np.float32) + sum(a[0, 0] for a in arrays)

    specs = [jax.ShapeDtypeStruct(a.shape, a.dtype) for a in arguments]
    exported = export.export(jax.jit(stand_in))(*specs)
    return dataclasses.replace(exported, mlir_module_serialized=file.read_bytes())


def _largest_error(patches: np.ndarray, problem: Problem) -> float:
    few = problem.positions().reshape(-1, 2)[:CHECKED]
    image = problem.image()
    expected = reference_patches(image, few, problem.patch_size)
    if problem.layout == "channel":
        expected = flat_to_channel(expected, problem.channels)
    received = patches.view(np.complex64).reshape(problem.output_shape)[: len(expected)]
    return float(np.abs(received - expected).max() / np.abs(image).max())


def report(result: dict[str, Any]) -> str:
    if "missing" in result:
        return f"Kernel on jax's device: {result['missing']} is not installed"
    header = ("", "N", "layout", "output", "GB/s", "copy GB/s", "/ copy", "best", "")
    rows = []
    for row in result["rows"]:
        begin = (row.get("device", ""), str(row["patch_size"]), row["layout"])
        if row["status"] != "timed":
            rows.append((*begin, *("-",) * 5, row["status"]))
            continue
        keys = "gigabytes_per_second", "copy_gigabytes_per_second", "to_copy", "to_copy_best"
        rows.append((*begin, size(row["output_bytes"]), *(number(row[key]) for key in keys), ""))
    title = (
        "Kernel on jax's device, from TensorFlow's StableHLO; GB/s of output;\n/ copy: "
        "time over that of a device-to-device copy of the output"
    )
    return f"{title}\n\n{format_table(header, rows, left=3)}"
