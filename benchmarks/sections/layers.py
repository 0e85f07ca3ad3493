"""Training steps of a small network, with layers of this package beside the legacy way."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from statistics import median
from typing import Any

import numpy as np

from ..networks import batch_of, build
from ..resident import give_back, peak, reset_peak, resident
from ..settings import Settings, progress
from ..table import Notes, format_table, number, size
from ..timing import in_turn, ratio
from ..worker import WorkerError, measure

KINDS = "layers", "legacy"
BATCHES = 4, 16, 64
SIZE, MEMBERS = 64, 4
#: Patterns of one timed call, in as many steps as they fill; and the fewest steps.
PATTERNS, STEPS = 32, 2
#: What patterns of equal networks may differ by, as a share of the largest sample.
TOLERANCE = 1e-4


def run(settings: Settings) -> dict[str, Any]:
    """Measure each batch with and without XLA in a process of its own."""
    rows, same = [], {"size": SIZE, "members": MEMBERS, "repeats": settings.effort.curve_repeats}
    for compiled in (True, False):
        for batch in BATCHES:
            progress(f"layers: batches of {batch}, {_way(compiled)}")
            row: dict[str, Any] = {"batch": batch, "compiled": compiled, **same}
            try:
                row |= measure("layers", row, settings.device)
            except WorkerError as error:
                progress(str(error))
                row["status"] = str(error)[:60]
            rows.append(row)
    return {"rows": rows, "size": SIZE, "members": MEMBERS}


def work(task: dict[str, Any]) -> dict[str, Any]:
    """Train both networks in turn, then each alone, and return what that took."""
    # TensorFlow's own pool would hide what a step takes.
    os.environ["TF_ONEDNN_USE_SYSTEM_ALLOCATOR"] = "1"
    shape = task["size"], task["members"]
    data = batch_of(task["batch"], *shape)
    models = {kind: build(kind, *shape, task["compiled"]) for kind in KINDS}
    check(models, data[0])
    count = max(STEPS, PATTERNS // task["batch"])
    actions = {kind: partial(train, model, data, count) for kind, model in models.items()}
    for action in actions.values():
        action()  # traces, and compiles
    seconds = in_turn(actions, task["repeats"])
    return {
        "status": "timed",
        "bytes": {kind: bytes_of(action) for kind, action in actions.items()},
        "steps_per_second": {kind: count / median(times) for kind, times in seconds.items()},
        "to_legacy": ratio(seconds["legacy"], seconds["layers"]),
    }


def train(model: Any, data: tuple[Any, Any], steps: int) -> None:
    """Take some steps; the loss of each is waited for."""
    for _ in range(steps):
        float(model.train_on_batch(*data))


def check(models: dict[str, Any], inputs: list[np.ndarray]) -> None:
    """Refuse to time what differs: both predict the same patterns."""
    few = [array[:2] for array in inputs]
    ours, theirs = (np.asarray(models[kind](few)) for kind in KINDS)
    error = np.abs(ours - theirs).max()
    if not error <= TOLERANCE * np.abs(ours).max():
        raise RuntimeError(f"the patterns are off by {error:.1e}")


def bytes_of(action: Callable[[], None]) -> dict[str, int | None]:
    """Bytes that steps take at most beyond what lay there before, of the host and of a GPU."""
    import tensorflow as tf

    on_gpu = bool(tf.config.list_logical_devices("GPU"))
    if on_gpu:
        tf.config.experimental.reset_memory_stats("GPU:0")
        held = tf.config.experimental.get_memory_info("GPU:0")["current"]
    give_back()
    before, since_reset = resident(), reset_peak()
    action()
    return {
        "host": max(0, peak() - before) if since_reset else None,
        "gpu": tf.config.experimental.get_memory_info("GPU:0")["peak"] - held if on_gpu else None,
    }


def report(result: dict[str, Any]) -> str:
    """Make the table."""
    header = (
        "", "batch", "steps/s", "legacy", "times as fast",
        "host", "legacy", "/ legacy", "GPU", "legacy", "",
    )  # fmt: skip
    rows, notes = [], Notes()
    for row in result["rows"]:
        first = _way(row["compiled"]), str(row["batch"])
        if row["status"] != "timed":
            rows.append((*first, *["-"] * 8, notes.marks([row["status"]])))
            continue
        speed = (number(row["steps_per_second"][kind]) for kind in KINDS)
        host, gpu = ([row["bytes"][kind][where] for kind in KINDS] for where in ("host", "gpu"))
        share = number(host[0] / host[1] if host[0] is not None and host[1] else None)
        sizes = [["-" if n is None else size(n) for n in pair] for pair in (host, gpu)]
        rows.append((*first, *speed, number(row["to_legacy"]), *sizes[0], share, *sizes[1], ""))
    title = (
        f"Layers: training steps of a small network, groups of {result['members']} patterns, "
        f"N = {result['size']};\nlegacy: the same network with Lambda layers that move whole "
        "canvases and cut their centres;\nhost, GPU: bytes that a step takes beyond what it finds"
    )
    return "\n".join([f"{title}\n", format_table(header, rows), *notes.lines()])


def _way(compiled: bool) -> str:
    return "XLA" if compiled else "graph"
