"""Runs exported kernels on jax's device, against a copy on that device: NumPy and jax alone."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ..table import format_table, number, size
from ..timing import best_ratio, in_turn, once, ratio
from .case import KINDS, Case
from .transcript import Transcript, TranscriptError, read_transcript

#: Largest error, as a share of the largest magnitude expected: as for other contenders.
TOLERANCE = 1e-5
#: Turns of kernel and copy; and launches in a row, which hide the microseconds that each takes a
#: GPU. A CPU has nothing to hide, and takes a hundred times as long.
REPEATS, LAUNCHES = 9, 10
REPEATS_ON_CPU, LAUNCHES_ON_CPU = 3, 1


class WrongAnswerError(RuntimeError):
    """A kernel whose values differ from those expected; it is not timed."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure an exported folder and print the table; 1 if a kernel failed, 2 without kernels."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("--measure", type=Path, required=True, metavar="DIR")
    parser.add_argument("--json", type=Path, metavar="PATH", help="store everything measured")
    given = parser.parse_args(arguments)
    try:
        rows = measure(read_transcript(given.measure), say=_progress)
    except TranscriptError as error:
        print(error, file=sys.stderr)
        return 2
    except ImportError as error:
        print(f"{error}. Expected jax, with support for the device.", file=sys.stderr)
        return 2
    print(table(rows))
    if given.json:
        given.json.write_text(json.dumps({"rows": rows}, indent=1))
    return int(any(row["status"] != "timed" for row in rows))


def _progress(text: str) -> None:
    print(f"  {text}", file=sys.stderr, flush=True)


def measure(
    transcript: Transcript,
    repeats: int | None = None,
    say: Callable[[str], None] = lambda text: None,
) -> list[dict[str, Any]]:
    """Check and time every kernel; one that fails is said to, and the others proceed.

    Parameters
    ----------
    transcript : Transcript
        What was exported.
    repeats : int, optional
        Turns of kernel and copy; by default 9, or 3 on a CPU.
    say : callable
        Told what is being measured.

    Returns
    -------
    list of dict
        A row for each kernel, plain JSON.
    """
    import jax

    device = jax.devices()[0]
    if repeats is None:
        repeats = REPEATS_ON_CPU if device.platform == "cpu" else REPEATS
    about = {"device": device.device_kind, "platform": device.platform, "jax": jax.__version__}
    rows = []
    for case in transcript.cases:
        for kind in KINDS:
            say(f"{kind}, {case.patches:,} patches of {case.patch_size} x {case.patch_size}")
            row = about | {"kind": kind, "patch_size": case.patch_size, "patches": case.patches}
            try:
                rows.append(row | measure_kernel(transcript, case, kind, repeats))
            except Exception as error:  # jax raises what the runtime does: the table goes on
                reason = str(error).strip().splitlines() or [type(error).__name__]
                say(f"failed: {reason[0]}")
                rows.append(row | {"status": f"failed: {reason[0][:60]}"})
    return rows


def measure_kernel(transcript: Transcript, case: Case, kind: str, repeats: int) -> dict[str, Any]:
    """Compare one kernel with what is expected, then time it in turn with the copy."""
    import jax

    arguments = jax.device_put(case.arguments(kind))
    kernel = jax.jit(imported(transcript, case, kind, arguments).call)
    alone = jax.device_put(case.arguments(kind, checked_only=True))
    error = largest_error(transcript, case, kind, kernel(*alone))
    del alone
    if not error <= TOLERANCE:
        raise WrongAnswerError(f"values are off by {error:.1e}, expected {TOLERANCE:.0e} at most")
    patches = arguments[-1] if kind == "gradient" else kernel(*arguments)
    return {"error": error} | timed_beside_copy(kernel, arguments, patches, repeats)


def timed_beside_copy(
    kernel: Callable[..., Any], arguments: Sequence[Any], patches: Any, repeats: int
) -> dict[str, Any]:
    """Time a compiled kernel in turn with a copy of the patches: the figures of a row."""
    import jax
    import jax.numpy as jnp

    copy = jax.jit(jnp.copy)
    launches = LAUNCHES_ON_CPU if jax.devices()[0].platform == "cpu" else LAUNCHES

    def launch(function: Any, *values: Any) -> None:
        for _ in range(launches):
            last = function(*values)
        jax.block_until_ready(last)

    actions = {
        "kernel": partial(launch, kernel, *arguments),
        "copy": partial(launch, copy, patches),
    }
    for action in actions.values():
        once(action)
    seconds = in_turn(actions, repeats)
    gigabytes = launches * patches.nbytes / 1e9
    return {
        "status": "timed",
        "patch_bytes": patches.nbytes,
        "gigabytes_per_second": gigabytes / float(np.median(seconds["kernel"])),
        "copy_gigabytes_per_second": gigabytes / float(np.median(seconds["copy"])),
        "to_copy": ratio(seconds["kernel"], seconds["copy"]),
        "to_copy_best": best_ratio(seconds["kernel"], seconds["copy"]),
        "seconds": seconds,
    }


def imported(
    transcript: Transcript,
    case: Case,
    kind: str,
    arguments: Sequence[Any],
    platforms: Sequence[str] | None = None,
) -> Any:
    """Put an exported module in the place of one that jax exports for the same arrays.

    jax's own serialised form needs a library beside jax to be read; StableHLO does not.
    """
    import jax
    from jax import export

    def stand_in(*arrays: Any) -> Any:
        # All arguments are used, so that none is dropped from the signature.
        used = sum(array.reshape(-1)[0] for array in arrays)
        return jax.numpy.zeros(case.output_shape(kind), np.float32) + used

    specs = [jax.ShapeDtypeStruct(a.shape, a.dtype) for a in arguments]
    exported = export.export(jax.jit(stand_in), platforms=platforms)(*specs)
    module = transcript.kernel(case, kind).read_bytes()
    return dataclasses.replace(exported, mlir_module_serialized=module)


def largest_error(transcript: Transcript, case: Case, kind: str, output: Any) -> float:
    """Largest error of a kernel's checked values, over the largest magnitude expected."""
    expected = transcript.expected(case)[kind]
    received = case.answer(kind, output)
    if received.shape != expected.shape:
        return float("inf")
    return float(np.abs(received - expected).max() / np.abs(expected).max())


def table(rows: Sequence[dict[str, Any]], of: str = "Exported kernels") -> str:
    """Make the table, with the device's name."""
    header = ("", "N", "kernel", "patches", "GB/s", "copy GB/s", "/ copy", "best", "error", "")
    keys = "gigabytes_per_second", "copy_gigabytes_per_second", "to_copy", "to_copy_best"
    lines = []
    for row in rows:
        begin = (row.get("device", ""), str(row["patch_size"]), row["kind"])
        if row["status"] != "timed":
            lines.append((*begin, *("-",) * 6, row["status"]))
            continue
        cells = (*(number(row[key]) for key in keys), f"{row['error']:.0e}", "")
        lines.append((*begin, size(row["patch_bytes"]), *cells))
    versions = ", ".join(sorted({f"jax {row['jax']}" for row in rows if "jax" in row}))
    title = (
        f"{of} of ptycho_engine on jax's device{f' ({versions})' if versions else ''}; GB/s of "
        "patches, written\n(gradients: read); / copy: time over that of a device-to-device copy of "
        "the patches"
    )
    return f"{title}\n\n{format_table(header, lines, left=3)}"
