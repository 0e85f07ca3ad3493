"""The picture of groups: which positions they use, how often, and how far each group reaches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .canvas import render

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Array = np.ndarray[Any, Any]

#: Positions beyond this many are drawn as an even share of them: a picture has no more room.
MOST = 20_000
#: Inches.
SIZE = (9.0, 4.6)
UNUSED, BAR = "#c9ced3", "#0b6cb5"


@dataclass(frozen=True, eq=False)
class CoverageView:
    """What is shown.

    Attributes
    ----------
    positions : ndarray of float64, shape (P, 2)
        Scan positions (y, x) in object pixels.
    uses : ndarray of int, shape (P,)
        How many groups hold each position.
    extents : ndarray of float64, shape (B, 2)
        Height and width of each group, in object pixels.
    title : str
        The line above the picture.
    """

    positions: Array
    uses: Array
    extents: Array
    title: str = ""


def draw_coverage(view: CoverageView) -> bytes:
    """Draw how groups cover a scan.

    The scan lies on the left, y downwards, each position in the colour of how many groups hold it,
    grey if none does. On the right stand how many positions are held how often, and how large
    groups are: the longer side of the box around each.

    Parameters
    ----------
    view : CoverageView
        What to show; there may be no positions or groups.

    Returns
    -------
    bytes
        A PNG file.
    """
    return render(SIZE, lambda figure: paint_coverage(figure, view))


def paint_coverage(figure: Figure, view: CoverageView) -> None:
    """Paint the picture that `draw_coverage` returns into an empty figure."""
    figure.set_layout_engine("constrained")
    panes = figure.subplot_mosaic([["scan", "uses"], ["scan", "extents"]], width_ratios=[1.4, 1])
    _paint_scan(panes["scan"], view)
    _paint_uses(panes["uses"], view.uses)
    _paint_extents(panes["extents"], view.extents)
    used, count = int(np.count_nonzero(view.uses)), len(view.uses)
    said = f"{len(view.extents):,} groups use {used:,} of {count:,} positions"
    figure.suptitle(f"{view.title}\n{said}" if view.title else said, size=10)


def _paint_scan(axis: Axes, view: CoverageView) -> None:
    step = -(-max(1, len(view.positions)) // MOST)
    positions, uses = view.positions[::step], view.uses[::step]
    size = float(np.clip(15_000 / max(1, len(positions)), 0.5, 30))
    idle = uses == 0
    axis.scatter(positions[idle, 1], positions[idle, 0], s=size, c=UNUSED, lw=0)
    if not idle.all():
        held = positions[~idle]
        shown = axis.scatter(
            held[:, 1], held[:, 0], s=size, c=uses[~idle], cmap="viridis", vmin=1, lw=0
        )
        figure = axis.get_figure(root=True)
        assert figure is not None
        figure.colorbar(shown, ax=axis, shrink=0.8, label="groups that hold the position")
    axis.set_aspect("equal", adjustable="datalim")
    axis.invert_yaxis()
    axis.set(xlabel="x (object pixels)", ylabel="y (object pixels)")
    if step > 1:
        axis.set_title(f"one position in {step} is drawn", size=8)


def _paint_uses(axis: Axes, uses: Array) -> None:
    counts = np.bincount(uses, minlength=1)
    colours = [UNUSED] + [BAR] * (len(counts) - 1)
    axis.bar(np.arange(len(counts)), counts, color=colours, width=0.9)
    axis.set(xlabel="groups that hold a position", ylabel="positions")
    axis.locator_params(axis="x", nbins=8, integer=True)


def _paint_extents(axis: Axes, extents: Array) -> None:
    if len(extents):
        axis.hist(np.maximum(extents[:, 0], extents[:, 1]), bins=30, color=BAR)
    axis.set(xlabel="longer side of a group (object pixels)", ylabel="groups")
