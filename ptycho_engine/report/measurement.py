"""The picture of a scan without an object: its positions, their coverage, and a pattern."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .canvas import render
from .coverage import MOST
from .picture import thinning
from .views import View
from .window_counts import window_counts

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Array = np.ndarray[Any, Any]

#: Inches for each pane.
SIDE = (5.0, 4.6)


@dataclass(frozen=True, eq=False)
class MeasurementView:
    """What is shown.

    Attributes
    ----------
    positions : ndarray of float64, shape (P, 2), or None
        Scan positions (y, x).
    units : str
        Of the positions, for the axes.
    size : int or None
        Rows and columns of a window about a position, in the unit of the positions; without it
        nothing is said of coverage.
    pattern : ndarray, shape (H, W), or None
        A diffraction pattern.
    index : int
        Which.
    title : str
        The line above the picture.
    """

    positions: Array | None
    units: str = "object pixels"
    size: int | None = None
    pattern: Array | None = None
    index: int = 0
    title: str = ""


def draw_measurement(view: MeasurementView) -> bytes:
    """Draw a scan of which no object is known.

    The positions lie on the left, y downwards, over the number of windows above each place; on the
    right stands a pattern, on a logarithmic scale.

    Parameters
    ----------
    view : MeasurementView
        What to show: positions, a pattern, or both.

    Returns
    -------
    bytes
        A PNG file.
    """
    count = (view.positions is not None) + (view.pattern is not None)
    return render((SIDE[0] * count, SIDE[1]), lambda figure: paint_measurement(figure, view))


def paint_measurement(figure: Figure, view: MeasurementView) -> None:
    """Paint the picture that `draw_measurement` returns into an empty figure."""
    figure.set_layout_engine("constrained")
    names = ["scan"] * (view.positions is not None) + ["pattern"] * (view.pattern is not None)
    panes = dict(zip(names, figure.subplots(1, len(names), squeeze=False)[0], strict=True))
    if view.positions is not None:
        _paint_positions(panes["scan"], view.positions, view)
    if view.pattern is not None:
        _paint_pattern(panes["pattern"], view.pattern, view.index)
    figure.suptitle(view.title, size=10)


def _paint_positions(axis: Axes, positions: Array, view: MeasurementView) -> None:
    step = -(-max(1, len(positions)) // MOST)
    if view.size is not None and len(positions):
        windows, extent = window_counts(positions, view.size, View.about(positions, view.size))
        shown = axis.imshow(windows, cmap="Blues", vmin=0, extent=extent)
        figure = axis.get_figure(root=True)
        assert figure is not None
        figure.colorbar(shown, ax=axis, shrink=0.8, label="windows over a place")
    drawn = positions[::step]
    axis.plot(drawn[:, 1], drawn[:, 0], ".", color="#d55e00", ms=2)
    axis.set_aspect("equal", adjustable="datalim")
    if not axis.yaxis_inverted():
        axis.invert_yaxis()
    axis.set(xlabel=f"x ({view.units})", ylabel=f"y ({view.units})")
    said = f"{len(positions):,} positions"
    axis.set_title(said if step == 1 else f"{said}, one in {step} is drawn")


def _paint_pattern(axis: Axes, pattern: Array, index: int) -> None:
    from matplotlib.colors import LogNorm

    every = thinning(max(pattern.shape))
    values = np.asarray(pattern[::every, ::every], np.float64)
    bright = values[np.isfinite(values) & (values > 0)]
    low, high = (bright.min(), bright.max()) if bright.size else (1.0, 1.0)
    scale = LogNorm(low, high if high > low else low * 10)
    # What is zero, or less by noise, has no logarithm: it is as dark as the darkest.
    shown = axis.imshow(np.where(values > 0, values, low), cmap="magma", norm=scale)
    figure = axis.get_figure(root=True)
    assert figure is not None
    figure.colorbar(shown, ax=axis, shrink=0.8)
    axis.set_title(f"pattern {index}, {' x '.join(map(str, pattern.shape))}, logarithmic")
    axis.set(xticks=[], yticks=[])
