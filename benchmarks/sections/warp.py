"""Images moved and warped, beside TensorFlow's own ``ImageProjectiveTransformV3``.

All do the same: images of one channel, float32, each moved by a shift of its own. TensorFlow's
operator is eager, and has no gradient for its transforms.
"""

from __future__ import annotations

from statistics import median
from typing import Any

import numpy as np

from ..settings import Settings, progress
from ..table import format_table, number
from ..timing import Action, best_ratio, in_turn, once, ratio
from ..worker import WorkerError, measure

#: Images of one call, and their side.
COUNT, SIZE = 256, 64
OTHERS = "ImageProjectiveTransformV3"


def run(settings: Settings) -> dict[str, Any]:
    """Measure in a process of its own."""
    progress("warp")
    task = {"count": COUNT, "size": SIZE, "repeats": settings.effort.repeats}
    try:
        return measure("warp", task, settings.device)
    except WorkerError as error:
        progress(str(error))
        return {**task, "rows": []}


def work(task: dict[str, Any]) -> dict[str, Any]:
    """Time every operator, eager and compiled, beside TensorFlow's; nearest beside its nearest."""
    count, size = task["count"], task["size"]
    rng = np.random.default_rng(0)
    images = rng.standard_normal((count, size, size, 1), np.float32)
    shifts = rng.uniform(-5, 5, (count, 2))
    actions = _actions(images, shifts)
    for action in actions.values():
        once(action)
    seconds = in_turn(actions, task["repeats"])
    rows = []
    for name, own in seconds.items():
        others = seconds[f"{OTHERS}, {'nearest' if 'nearest' in name else 'bilinear'}"]
        rows.append(
            {
                "what": name,
                "images_per_second": count / median(own),
                "to_others": ratio(own, others),
                "to_others_best": best_ratio(own, others),
            }
        )
    return {**task, "rows": rows}


def _actions(images: np.ndarray, shifts: np.ndarray) -> dict[str, Action]:
    """Return the calls; each waits for its result."""
    import tensorflow as tf

    from ptycho_engine import projective_warp, translate

    matrices = np.tile(np.eye(3, dtype=np.float32), (len(images), 1, 1))
    matrices[:, :2, 2] = -shifts[:, ::-1]
    given, moves = tf.constant(images), tf.constant(shifts)
    parameters = tf.constant(matrices.reshape(-1, 9)[:, :8])

    def tensorflows(kind: str) -> Action:
        return lambda: tf.raw_ops.ImageProjectiveTransformV3(
            images=given, transforms=parameters, output_shape=images.shape[1:3],
            fill_value=0.0, interpolation=kind.upper(), fill_mode="CONSTANT",
        ).numpy()  # fmt: skip

    def ours(operator: Any, how: Any, kind: str, jit: bool) -> Action:
        return lambda: operator(given, how, interpolation=kind, jit_compile=jit).numpy()

    actions = {f"{OTHERS}, {kind}": tensorflows(kind) for kind in ("bilinear", "nearest")}
    for jit in (True, False):
        for operator, how in ((translate, moves), (projective_warp, parameters)):
            for kind in ("bilinear", "nearest"):
                name = f"{operator.__name__}, {kind}, {'XLA' if jit else 'eager'}"
                actions[name] = ours(operator, how, kind, jit)
    return actions | {"translate, bicubic, XLA": ours(translate, moves, "bicubic", True)}


def report(result: dict[str, Any]) -> str:
    """Make the table."""
    header = ("", "images/s", "/ TensorFlow", "best")
    rows = [
        (
            row["what"],
            f"{row['images_per_second']:,.0f}",
            number(row["to_others"]),
            number(row["to_others_best"]),
        )
        for row in result["rows"]
    ] or [("warp", "-", "-", "failed")]
    count, size = result["count"], result["size"]
    title = (
        f"Warps: {count} images of {size} x {size}, float32, one channel, each moved by its own "
        "shift;\n"
        f"/ TensorFlow: time over that of its {OTHERS}, nearest over nearest, others over bilinear"
    )
    return f"{title}\n\n{format_table(header, rows)}"
