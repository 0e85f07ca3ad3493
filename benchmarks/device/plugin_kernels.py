"""The plugin that computes in jax, on jax's device: checked in double precision, then timed.

Needs NumPy and jax, and this tree; torch and pty-chi are measured where they import.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from .case import MEMBERS, Case
from .exchange import rows_of_others
from .measurement import (
    REPEATS,
    REPEATS_ON_CPU,
    TOLERANCE,
    WrongAnswerError,
    table,
    timed_beside_copy,
)
from .truth import true_object, true_patches, true_slopes

PATCH_SIZES = (32, 64, 128, 256)
#: Forward, in two layouts; the adjoint; and the slopes along positions.
KINDS = ("flat", "channel", "place", "slopes")
#: Bytes of the patches of a case, on a GPU: five times the cache of a large one.
PATCH_BYTES = 256 * 1024**2


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print the table; 1 if a kernel failed, 2 without jax."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("--measure-plugin", action="store_true", required=True)
    parser.add_argument("--patch-size", type=int, action="append", metavar="N", help="repeatable")
    parser.add_argument("--patch-bytes", type=int, default=PATCH_BYTES, help="of each case")
    parser.add_argument("--object-size", type=int, default=1024)
    parser.add_argument("--json", type=Path, metavar="PATH", help="store everything measured")
    given = parser.parse_args(arguments)
    sizes = given.patch_size or PATCH_SIZES
    counts = {n: max(MEMBERS, given.patch_bytes // (8 * n * n) // MEMBERS * MEMBERS) for n in sizes}
    cases = [Case(n, count, given.object_size) for n, count in counts.items()]
    try:
        rows = measure(cases, say=lambda text: print(f"  {text}", file=sys.stderr, flush=True))
    except ImportError as error:
        print(f"{error}. Expected jax, with support for the device.", file=sys.stderr)
        return 2
    print(table(rows, "The jax plugin"))
    if given.json:
        given.json.write_text(json.dumps({"rows": rows}, indent=1))
    return int(any(row["status"].startswith("failed") for row in rows))


def measure(
    cases: Sequence[Case],
    repeats: int | None = None,
    say: Callable[[str], None] = lambda text: None,
) -> list[dict[str, Any]]:
    """Check and time every kernel of every case; one that fails is said to, and others proceed."""
    import jax

    device = jax.devices()[0]
    if repeats is None:
        repeats = REPEATS_ON_CPU if device.platform == "cpu" else REPEATS
    about = {"device": device.device_kind, "platform": device.platform, "jax": jax.__version__}
    rows = []
    for case in cases:
        for kind in KINDS:
            say(f"{kind}, {case.patches:,} patches of {case.patch_size} x {case.patch_size}")
            row = about | {"kind": kind, "patch_size": case.patch_size, "patches": case.patches}
            try:
                rows.append(row | measure_kernel(case, kind, repeats))
            except Exception as error:  # jax raises what the runtime does: the table goes on
                reason = str(error).strip().splitlines() or [type(error).__name__]
                say(f"failed: {reason[0]}")
                rows.append(row | {"status": f"failed: {reason[0][:60]}"})
        rows += [about | row for row in rows_of_others(case, repeats)]
    return rows


def measure_kernel(case: Case, kind: str, repeats: int) -> dict[str, Any]:
    """Compare one kernel with the truth, then time it in turn with a copy."""
    import jax

    kernel, expected = kernels(case)[kind], TRUTHS[kind](case)
    alone = jax.device_put(kernel_arguments(case, kind, checked_only=True))
    received = checked(case, kind, kernel(*alone))
    error = float(np.abs(received - expected).max() / np.abs(expected).max())
    if not error <= TOLERANCE:
        raise WrongAnswerError(f"values are off by {error:.1e}, expected {TOLERANCE:.0e} at most")
    arguments = jax.device_put(kernel_arguments(case, kind))
    patches = arguments[0] if kind in ("place", "slopes") else kernel(*arguments)
    return {"error": error} | timed_beside_copy(kernel, arguments, patches, repeats)


def kernels(case: Case) -> dict[str, Any]:
    """The plugin's own functions, compiled for the shapes of a case."""
    import jax

    from ptycho_engine.jax_ops.adjoint import place_object
    from ptycho_engine.jax_ops.blending import CutKind
    from ptycho_engine.jax_ops.native_path import cut_object
    from ptycho_engine.request.windows import Padding

    n, side = case.patch_size, case.object_size
    how = Padding(0, (0, 0)), "zeros", CutKind(n, "bilinear", "exact")  # windows lie inside

    def flat(image: Any, starts: Any, fractions: Any) -> Any:
        return cut_object(image, starts, fractions, *how)

    def channel(image: Any, starts: Any, fractions: Any) -> Any:
        groups = flat(image, starts, fractions).reshape(-1, MEMBERS, n, n)
        return jax.numpy.moveaxis(groups, 1, -1)

    def place(patches: Any, starts: Any, fractions: Any) -> Any:
        return place_object(patches, starts, fractions, (side, side), *how)

    def slopes(upstream: Any, image: Any, starts: Any, fractions: Any) -> Any:
        cut = partial(flat, image, starts)
        return jax.vjp(cut, fractions)[1](upstream.conj())[0]

    made = {"flat": flat, "channel": channel, "place": place, "slopes": slopes}
    return {kind: jax.jit(function) for kind, function in made.items()}


def kernel_arguments(case: Case, kind: str, *, checked_only: bool = False) -> tuple[Any, ...]:
    """What a kernel takes, complex64; upstream patches are zero but for those checked."""
    windows = case.starts(), case.fractions()
    image = case.image().view(np.complex64)
    if kind in ("flat", "channel"):
        return image, *windows
    upstream = case.upstream(checked_only).view(np.complex64)
    return (upstream, *windows) if kind == "place" else (upstream, image, *windows)


def checked(case: Case, kind: str, output: Any) -> np.ndarray:
    """Take from an output what is compared."""
    if kind == "place":
        return np.asarray(output)
    if kind == "channel":
        n = case.patch_size
        groups = np.moveaxis(np.asarray(output[case.checked // MEMBERS]), -1, 1)
        return groups.reshape(-1, MEMBERS, n, n)[
            np.arange(len(case.checked)), case.checked % MEMBERS
        ]
    return np.asarray(output[case.checked])


TRUTHS = {
    "flat": true_patches,
    "channel": true_patches,
    "place": true_object,
    "slopes": true_slopes,
}
