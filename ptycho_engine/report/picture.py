"""The preview picture: the object under its scan positions, and a few patches."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import OutputError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = np.ndarray[Any, Any]

#: Positions beyond this many are drawn as a sample; a picture has no more room.
MAX_POINTS = 20_000


@dataclass(frozen=True, eq=False)
class Preview:
    """What is shown.

    Attributes
    ----------
    image : ndarray, shape (H, W)
        The object, real or complex.
    positions : ndarray of float64, shape (P, 2)
        Scan positions (y, x) in object pixels.
    patches : mapping of int to ndarray (N, N)
        Some patches by index.
    """

    image: Array
    positions: Array
    patches: Mapping[int, Array]


@contextmanager
def picture_file(path: Path | None) -> Iterator[Path | None]:
    """Give a file beside `path` to draw into, which becomes `path` when the block succeeds.

    Parameters
    ----------
    path : Path or None
        The picture; None gives None, for runs without one.

    Yields
    ------
    Path or None
        Where to draw.
    """
    if path is None:
        yield None
        return
    canvas = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.part")
    try:
        yield canvas
        os.replace(canvas, path)
    finally:
        canvas.unlink(missing_ok=True)


def refuse_existing(path: Path, overwrite: bool) -> None:
    """Refuse a picture that exists.

    Raises
    ------
    OutputError
        Unless `overwrite`.
    """
    if path.is_dir() or (path.exists() and not overwrite):
        raise OutputError(
            f"output.picture: {path} exists. Move it, or set output.overwrite=true, or "
            "output.picture=false."
        )


def draw_preview(preview: Preview, title: str, path: Path) -> None:
    """Draw a preview as a PNG file.

    Parameters
    ----------
    preview : Preview
        What to show.
    title : str
        The line above the picture.
    path : Path
        The file to write.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    columns = max(1, len(preview.patches))
    figure = Figure(figsize=(4.6 + 1.7 * columns, 4.6), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(title)
    left, right = figure.subfigures(1, 2, width_ratios=(4.6, 1.7 * columns), squeeze=False)[0]
    _draw_object(left.subplots(), preview)
    axes = right.subplots(2, columns, squeeze=False)
    for column, (index, patch) in enumerate(sorted(preview.patches.items())):
        _draw_patch(axes[:, column], index, patch)
    if not preview.patches:
        for axis in axes.flat:
            axis.set_axis_off()
    figure.savefig(path, format="png", dpi=130)


def _draw_object(axis: Axes, preview: Preview) -> None:
    height, width = preview.image.shape
    # Thinned to what a screen shows, so that a large object costs no large copy.
    step = max(1, max(height, width) // 1024)
    axis.imshow(
        np.abs(preview.image[::step, ::step]),
        cmap="gray",
        extent=(-0.5, width - 0.5, height - 0.5, -0.5),
        interpolation="nearest",
    )
    points = preview.positions[:: max(1, -(-len(preview.positions) // MAX_POINTS))]
    axis.plot(points[:, 1], points[:, 0], ".", markersize=2, color="tab:cyan", alpha=0.7)
    for index, patch in preview.patches.items():
        y, x = preview.positions[index]
        n = patch.shape[0]
        corner = (x - n // 2 - 0.5, y - n // 2 - 0.5)
        axis.add_patch(_square(corner, n))
        axis.annotate(str(index), corner, color="tab:orange", fontsize=8)
    axis.set(title="object amplitude, scan positions", xlabel="x (pixel)", ylabel="y (pixel)")


def _square(corner: tuple[float, float], size: int) -> Any:
    from matplotlib.patches import Rectangle

    return Rectangle(corner, size, size, fill=False, edgecolor="tab:orange", linewidth=1)


def _draw_patch(axes: Any, index: int, patch: Array) -> None:
    amplitude, phase = axes
    amplitude.imshow(np.abs(patch), cmap="gray", interpolation="nearest")
    amplitude.set_title(f"patch {index}\namplitude", fontsize=9)
    phase.imshow(np.angle(patch), cmap="twilight", vmin=-np.pi, vmax=np.pi, interpolation="nearest")
    phase.set_title("phase", fontsize=9)
    for axis in axes:
        axis.set(xticks=[], yticks=[])
