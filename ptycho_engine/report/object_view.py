"""The picture of an object that was put together: amplitude, phase, and what covers it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from . import panes
from .canvas import render
from .picture import LARGEST_PIXEL, LEAST_PIXEL, MARGIN, first_plane, point_step, thinning
from .quantities import Quantity, quantities_of
from .scales import Scale
from .views import Layout, View

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, eq=False)
class ObjectView:
    """What is shown.

    Attributes
    ----------
    image : ndarray, shape (..., H, W)
        The object, real or complex; of several planes the first is shown.
    coverage : ndarray, shape (H, W)
        How much covers each sample; 0 where the object is unknown.
    positions : ndarray of float64, shape (P, 2)
        Where patches lay, (y, x) in object pixels.
    title, caption : str
        The lines above and below.
    pixel_size : float, optional
        Metres between neighbouring samples of the object; it gives a scale bar.
    """

    image: Array
    coverage: Array
    positions: Array
    title: str = ""
    caption: str = ""
    pixel_size: float | None = None


def draw_object(view: ObjectView) -> bytes:
    """Draw an object and its coverage side by side, on scales of what is covered.

    Returns
    -------
    bytes
        A PNG file.
    """
    image = first_plane(view.image)
    place = View.around(image.shape, view.positions[:0], 0)
    step = thinning(max(image.shape))
    image, coverage = image[::step, ::step], view.coverage[::step, ::step]
    quantities = [*quantities_of(image[coverage > 0], []), _coverage(coverage)]
    planes = [image] * (len(quantities) - 1) + [coverage]
    share = np.count_nonzero(view.coverage) / max(1, view.coverage.size)
    lines = [text for text in (view.caption, _notes(view, image, share)) if text]
    layout = Layout.of(place, len(quantities), 0, len(lines))

    def paint(figure: Figure) -> None:
        edge = MARGIN / layout.size[1]
        figure.text(0.5, 1 - edge, view.title, ha="center", va="top", size=11)
        how: dict[str, Any] = {"ha": "center", "va": "bottom", "size": 8, "color": "0.25"}
        figure.text(0.5, edge, "\n".join(lines), **how)
        for column, (quantity, plane) in enumerate(zip(quantities, planes, strict=True)):
            axis = figure.add_axes(layout.place_object(column))
            shown = panes.paint_object(axis, plane, step, quantity, place)
            title = quantity.name
            if column == 0:
                axis.set_ylabel("y (object pixels)", labelpad=2)
                size = view.pixel_size
                if size is not None and LEAST_PIXEL <= size <= LARGEST_PIXEL:
                    panes.paint_scale_bar(axis, size, place)
            else:
                axis.tick_params(labelleft=False)
            if plane is coverage:
                positions = view.positions
                panes.paint_positions(axis, positions[:: point_step(positions)], len(positions))
                title += ", positions"
            axis.set_title(title if plane is coverage else f"object {title}", pad=4)
            panes.paint_bar(figure.add_axes(layout.place_bar(column)), shown, quantity)

    return render(layout.size, paint)


def _coverage(coverage: Array) -> Quantity:
    highest = float(coverage.max(initial=0.0))
    scale = Scale(0.0, highest if highest > 0 else 1.0, "neither")
    return Quantity("coverage", "sum of weights", np.asarray, scale, "viridis")


def _notes(view: ObjectView, image: Array, share: float) -> str:
    """Return what a reader must know to read the picture right."""
    notes = [f"covered: {share:.1%} of the object"]
    *leading, _, _ = view.image.shape
    if leading:
        notes.append(f"shown: the first of {' x '.join(map(str, leading))} planes")
    if not np.isfinite(image).all():
        notes.append("red: not finite")
    return "; ".join(notes)
