"""The preview picture: the object under its scan positions, and a few patches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import TYPE_CHECKING, Any

import numpy as np

from . import panes
from .canvas import render
from .quantities import Quantity, quantities_of
from .views import Layout, View

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Array = np.ndarray[Any, Any]

#: Positions beyond this many are drawn as a sample; a picture has no more room.
MAX_POINTS = 20_000
#: Samples along an object that are drawn: about as many as a screen shows.
MAX_SAMPLES = 1024
#: Colours of patches and their frames: told apart by people who are colour-blind too.
COLOURS = ("#e69f00", "#3ddc97", "#e78ac3", "#56b4e9")
MARGIN = 0.1
#: Metres; files give 0 or NaN for what they do not know.
LEAST_PIXEL, LARGEST_PIXEL = 1e-15, 1e3


@dataclass(frozen=True, eq=False)
class Preview:
    """What is shown.

    Attributes
    ----------
    image : ndarray, shape (..., H, W)
        The object, real or complex; of several slices or modes the first is shown.
    positions : ndarray of float64, shape (P, 2)
        Scan positions (y, x) in object pixels.
    patches : mapping of int to ndarray (..., N, N)
        Some patches by index.
    title : str
        The line above the picture.
    caption : str
        The line below it: how the patches were cut.
    pixel_size : float, optional
        Metres between neighbouring samples of the object; it gives a scale bar.
    """

    image: Array
    positions: Array
    patches: Mapping[int, Array]
    title: str = ""
    caption: str = ""
    pixel_size: float | None = None


def draw_preview(preview: Preview) -> bytes:
    """Draw a preview.

    Amplitude and phase stand side by side; of a real object, its value alone. In each column the
    patches lie below the object, in the colours of their frames there, on one scale with it. What
    lies outside the object is hatched, and what is not finite is red.

    Parameters
    ----------
    preview : Preview
        What to show.

    Returns
    -------
    bytes
        A PNG file.
    """
    scene = Scene.of(preview)
    return render(scene.layout.size, scene.paint)


@dataclass(frozen=True, eq=False)
class Scene:
    """A preview whose parts have their place on the paper.

    Attributes
    ----------
    preview : Preview
        What is shown.
    image : ndarray, shape (h, w)
        Every `step`-th sample of the object.
    step : int
        So that a large object costs no large copy.
    patches : dict of int to ndarray (n, n)
        By index, thinned likewise.
    size : int
        Rows and columns of a whole patch.
    quantities : list of Quantity
        A column each.
    view : View
        What is shown of the plane.
    lines : list of str
        The caption.
    layout : Layout
        Where it all lies.
    """

    preview: Preview
    image: Array
    step: int
    patches: dict[int, Array]
    size: int
    quantities: list[Quantity]
    view: View
    lines: list[str]
    layout: Layout

    @classmethod
    def of(cls, preview: Preview) -> Scene:
        """Lay a preview out."""
        image = first_plane(preview.image)
        patches = {index: first_plane(patch) for index, patch in sorted(preview.patches.items())}
        size = next((patch.shape[0] for patch in patches.values()), 0)
        view = View.around(image.shape, preview.positions, size)
        step = thinning(max(image.shape))
        image = image[::step, ::step]
        rarely = thinning(size)
        patches = {index: patch[::rarely, ::rarely] for index, patch in patches.items()}
        shown = [image, *patches.values()]
        quantities = quantities_of(image, shown[1:])
        lines = [text for text in (preview.caption, notes_on(preview, shown, view)) if text]
        layout = Layout.of(view, len(quantities), len(patches), len(lines))
        return cls(preview, image, step, patches, size, quantities, view, lines, layout)

    def paint(self, figure: Figure) -> None:
        """Paint everything."""
        edge = MARGIN / self.layout.size[1]
        figure.text(0.5, 1 - edge, self.preview.title, ha="center", va="top", size=11)
        how: dict[str, Any] = {
            "ha": "center",
            "va": "bottom",
            "size": 8,
            "color": "0.25",
            "linespacing": 1.3,
        }
        figure.text(0.5, edge, "\n".join(self.lines), **how)
        for column in range(len(self.quantities)):
            self._paint_object(figure, column)
            self._paint_patches(figure, column)

    def _paint_object(self, figure: Figure, column: int) -> None:
        quantity, view, positions = self.quantities[column], self.view, self.preview.positions
        axis = figure.add_axes(self.layout.place_object(column))
        shown = panes.paint_object(axis, self.image, self.step, quantity, view)
        title = f"object {quantity.name}"
        if column == 0:  # the other shows the object without dots
            axis.set_ylabel("y (object pixels)", labelpad=2)
            panes.paint_positions(axis, positions[:: point_step(positions)], len(positions))
            title += ", scan positions"
            size = self.preview.pixel_size
            if size is not None and LEAST_PIXEL <= size <= LARGEST_PIXEL:
                panes.paint_scale_bar(axis, size, view)
        else:
            axis.tick_params(labelleft=False)
        axis.set_title(title, pad=4)
        for colour, index in zip(cycle(COLOURS), self.patches, strict=False):
            panes.paint_frame(axis, index, positions[index], self.size, colour, view)
        panes.paint_bar(figure.add_axes(self.layout.place_bar(column)), shown, quantity)

    def _paint_patches(self, figure: Figure, column: int) -> None:
        for number, (index, patch) in enumerate(self.patches.items()):
            axis = figure.add_axes(self.layout.place_patch(column, number))
            position, quantity = self.preview.positions[index], self.quantities[column]
            panes.paint_patch(axis, patch, self.size, position, quantity, self.view)
            colour = COLOURS[number % len(COLOURS)]
            axis.set_title(str(index), pad=5, **panes.label(colour))
            for spine in axis.spines.values():
                spine.set(color=colour, linewidth=2.5)
            if column == 0:
                axis.set_xlabel("y {:.1f}, x {:.1f}".format(*position), size=7, labelpad=2)


def notes_on(preview: Preview, shown: Sequence[Array], view: View) -> str:
    """Return what a reader must know to read the picture right, of which images are given."""
    notes = []
    *leading, _, _ = preview.image.shape
    if leading:
        notes.append(f"shown: the first of {' x '.join(map(str, leading))} planes")
    step = point_step(preview.positions)
    if step > 1:
        notes.append(f"shown: one position in {step}")
    if view.beyond:
        notes.append(f"positions too far away to be shown: {view.beyond:,}")
    if not all(np.isfinite(image).all() for image in shown):
        notes.append("red: not finite")
    return "; ".join(notes)


def thinning(length: int) -> int:
    """Every which sample is drawn of so many in a row."""
    return max(1, -(-length // MAX_SAMPLES))


def point_step(positions: Array) -> int:
    """Every which position is drawn."""
    return max(1, -(-len(positions) // MAX_POINTS))


def first_plane(array: Array) -> Array:
    """Return the first of the images that an array with leading axes holds."""
    array = np.asarray(array)
    plane: Array = array[(0,) * (array.ndim - 2)]
    return plane
