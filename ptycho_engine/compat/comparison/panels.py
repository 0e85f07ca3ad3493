"""The picture of a comparison: where each difference acts, and on what patch most."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...report.canvas import render
from .effects import Comparison, Effect


def draw_comparison(comparison: Comparison) -> bytes:
    """Draw a comparison, a row for each difference.

    Parameters
    ----------
    comparison : Comparison
        What to show.

    Returns
    -------
    bytes
        A PNG file.
    """
    rows = len(comparison.effects)

    def paint(figure: Any) -> None:
        figure.set_layout_engine("constrained")
        figure.suptitle(f"{comparison.scan.source}: legacy and new settings")
        axes = figure.subplots(rows, 4, squeeze=False)
        for row, effect in zip(axes, comparison.effects, strict=True):
            _draw_map(figure, row[0], comparison, effect)
            _draw_worst(figure, row[1:], effect)

    return render((13, 3.2 * rows), paint)


def _draw_map(figure: Any, axis: Any, comparison: Comparison, effect: Effect) -> None:
    height, width = comparison.scan.image.shape
    step = max(1, max(height, width) // 512)
    axis.imshow(
        np.abs(comparison.scan.image[::step, ::step]),
        cmap="gray",
        alpha=0.4,
        extent=(-0.5, width - 0.5, height - 0.5, -0.5),
    )
    points = axis.scatter(
        comparison.positions[:, 1],
        comparison.positions[:, 0],
        c=effect.differences,
        s=12,
        cmap="inferno",
        vmin=0,
        vmax=effect.largest if 0 < effect.largest < np.inf else 1,
    )
    figure.colorbar(points, ax=axis, label="largest difference")
    axis.set(title=f"{effect.name}: {effect.count} patches", xlabel="x (pixel)", ylabel="y (pixel)")


def _draw_worst(figure: Any, axes: Any, effect: Effect) -> None:
    for axis in axes:
        axis.set(xticks=[], yticks=[])
    if effect.worst is None:
        for axis in axes:
            axis.set_axis_off()
        axes[0].set_title("no patch differs", fontsize=9)
        return
    legacy, new = effect.worst
    top = max(float(np.nanmax(np.abs(patch), initial=0.0)) for patch in effect.worst)
    for axis, patch, name in ((axes[0], legacy, effect.legacy), (axes[1], new, effect.new)):
        axis.imshow(np.abs(patch), cmap="gray", vmin=0, vmax=top)
        axis.set_title(f"{name}: amplitude", fontsize=9)
    shown = axes[2].imshow(np.abs(legacy - new), cmap="inferno")
    figure.colorbar(shown, ax=axes[2])
    axes[2].set_title(f"patch {effect.index}: difference", fontsize=9)
