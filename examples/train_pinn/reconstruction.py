"""From the patches that a network predicts to an object, its figures and its picture."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from evaluation import Figures, compare, fitted
from numpy.typing import NDArray
from scan import TrainingScan, seen_positions
from settings import Settings

from ptycho_engine import Engine, PatchDataset

#: Of a batch of patterns and positions, the patches (B, N, N, C).
Predict = Callable[[dict[str, NDArray[Any]]], NDArray[np.complex64]]


def reassemble(
    predict: Predict, made: TrainingScan, dataset: PatchDataset, settings: Settings
) -> tuple[NDArray[np.complex64], NDArray[np.bool_]]:
    """Put predicted patches together, weighed by the intensity of the probe.

    Returns
    -------
    object : ndarray of complex64, shape (H, W)
        The object.
    seen : ndarray of bool, shape (H, W)
        Where it is lit by at least a tenth of the most light.
    """
    batches = list(dataset.batches(settings.batch_size))
    for batch in batches:
        batch["positions"] = seen_positions(batch["positions"], settings)
    made_whole = Engine("numba").reassemble(
        map(predict, batches),
        np.concatenate([batch["positions"] for batch in batches]),
        made.scan.image.shape,
        interpolation=settings.interpolation,
        layout="channel",
        probe=made.scan.probe,
    )
    return made_whole.object, made_whole.coverage > 0.1 * made_whole.coverage.max()


def judge(found: NDArray[np.complex64], seen: NDArray[np.bool_], truth: NDArray[Any]) -> Figures:
    """Compare inside the largest box about the middle of what is seen that is lit everywhere."""
    rows, columns = (np.flatnonzero(seen.any(axis)) for axis in (1, 0))
    middle = (rows[0] + rows[-1]) // 2, (columns[0] + columns[-1]) // 2
    half = 1
    while _box(seen, middle, half + 1).all() and half < min(seen.shape) // 2:
        half += 1
    return compare(
        _box(found, middle, half).astype(complex), _box(truth, middle, half).astype(complex)
    )


def _box(image: NDArray[Any], middle: tuple[int, int], half: int) -> NDArray[Any]:
    rows, columns = (slice(max(0, m - half), m + half) for m in middle)
    return image[rows, columns]


def draw(found: NDArray[Any], truth: NDArray[Any], losses: list[float], path: Path) -> None:
    """Draw an object times its best factor, the true one, and the losses."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    found = fitted(found, truth)
    figure = Figure(figsize=(13, 8), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(2, 3)
    for row, (name, values) in zip(panels, {"found": found, "true": truth}.items(), strict=True):
        for panel, what, part in zip(row, ("amplitude", "phase"), (np.abs, np.angle), strict=False):
            low, high = part(truth).min(), part(truth).max()
            panel.imshow(part(values), cmap="gray", vmin=low, vmax=high)
            panel.set_title(f"{what}, {name}")
        row[2].set_axis_off()
    panels[0, 2].set_axis_on()
    panels[0, 2].plot(range(1, len(losses) + 1), losses)
    panels[0, 2].set_xlabel("epoch")
    panels[0, 2].set_title("loss")
    figure.savefig(path)
