"""The parts of a preview: an object with frames, a patch, a colour bar, a scale bar."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .quantities import Quantity
from .scales import scale_bar
from .views import View

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.image import AxesImage

Array = np.ndarray[Any, Any]

OUTSIDE, HATCH, HATCHED = "#eceff1", "#90a4ae", "////"
DOTS = "#00bcd4"
#: Points of a frame's label: its height.
LABEL = 7.0


def paint_object(axis: Axes, image: Array, step: int, quantity: Quantity, view: View) -> AxesImage:
    """Paint the object, of which every `step`-th sample is given, and hatch what lies outside."""
    rows, columns = image.shape
    shown = _paint(axis, quantity.of(image), quantity, (-0.5, -0.5), (rows * step, columns * step))
    axis.set(xlim=(view.left, view.right), ylim=(view.bottom, view.top))
    hatch_outside(axis, view.shape, opaque=True)
    axis.locator_params(nbins=6, integer=True)
    axis.set_xlabel("x (object pixels)", labelpad=2)
    return shown


def paint_patch(
    axis: Axes, patch: Array, size: int, position: Array, quantity: Quantity, view: View
) -> None:
    """Paint a patch of some size, and hatch what of it lies outside the object."""
    corner = position - size // 2 - 0.5
    _paint(axis, quantity.of(patch), quantity, corner, (size, size))
    hatch_outside(axis, view.shape, opaque=False)
    axis.set(xticks=[], yticks=[])


def _paint(axis: Axes, values: Array, quantity: Quantity, corner: Any, sides: Any) -> AxesImage:
    y, x = corner
    height, width = sides
    return axis.imshow(
        values,
        cmap=quantity.colour_map(),
        vmin=quantity.scale.low,
        vmax=quantity.scale.high,
        extent=(x, x + width, y + height, y),
        interpolation="auto",
        interpolation_stage="rgba",  # means of phases would be wrong where they wrap
    )


def hatch_outside(axis: Axes, shape: tuple[int, int], *, opaque: bool) -> None:
    """Hatch what a pane shows beside the object."""
    from matplotlib.patches import Rectangle

    left, right = axis.get_xlim()
    bottom, top = axis.get_ylim()
    y0, y1, x0, x1 = -0.5, shape[0] - 0.5, -0.5, shape[1] - 0.5
    inner = np.clip([y0, y1], top, bottom)
    strips = [
        (left, top, right, y0),
        (left, y1, right, bottom),
        (left, inner[0], x0, inner[1]),
        (x1, inner[0], right, inner[1]),
    ]
    for x, y, to_x, to_y in strips:
        if to_x > x and to_y > y:
            strip = Rectangle((x, y), to_x - x, to_y - y, hatch=HATCHED, edgecolor=HATCH, lw=0)
            strip.set_facecolor(OUTSIDE if opaque else "none")
            axis.add_patch(strip)


def paint_positions(axis: Axes, points: Array, count: int) -> None:
    """Paint scan positions as dots, the smaller the more there are."""
    size = float(np.clip(100 / np.sqrt(max(1, count)), 1.0, 7.0))
    axis.plot(points[:, 1], points[:, 0], ".", ms=size, mew=0, color=DOTS, alpha=0.8)


def paint_frame(
    axis: Axes, index: int, position: Array, size: int, colour: str, view: View
) -> None:
    """Paint the frame of a patch, with its number at a corner inside the view."""
    from matplotlib.patches import Rectangle
    from matplotlib.patheffects import withStroke

    y, x = position - size // 2 - 0.5
    if x > view.right or y > view.bottom or x + size < view.left or y + size < view.top:
        return
    frame = Rectangle((x, y), size, size, fill=False, edgecolor=colour, linewidth=1.6)
    frame.set_path_effects([withStroke(linewidth=3, foreground="white")])
    axis.add_patch(frame)
    room = 0.05 * view.height
    corner = max(x, view.left), max(y, view.top + room)
    axis.text(*corner, str(index), va="bottom", ha="left", clip_on=True, **label(colour))


def label(colour: str) -> dict[str, Any]:
    """Return the style of a patch's number."""
    box = {"facecolor": colour, "edgecolor": "white", "linewidth": 0.6, "pad": 1.6}
    return {"size": LABEL, "color": "black", "weight": "bold", "bbox": box}


def paint_scale_bar(axis: Axes, pixel_size: float, view: View) -> None:
    """Paint a bar of a round length into the lower left corner of the object."""
    from matplotlib.patheffects import withStroke

    pixels, text = scale_bar(pixel_size, view.width)
    x, y = view.left + 0.04 * view.width, view.bottom - 0.05 * view.height
    outline = [withStroke(linewidth=5, foreground="white")]
    axis.plot(
        [x, x + pixels], [y, y], color="black", lw=3, solid_capstyle="butt", path_effects=outline
    )  # fmt: skip
    box = {"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1.0}
    axis.annotate(
        text, (x, y), (0, 5), textcoords="offset points", va="bottom", ha="left", size=8, bbox=box
    )


def paint_bar(axis: Axes, shown: AxesImage, quantity: Quantity) -> None:
    """Paint a colour bar."""
    figure = axis.get_figure(root=True)
    assert figure is not None
    bar = figure.colorbar(shown, cax=axis, extend=quantity.scale.beyond)
    if quantity.ticks:
        bar.set_ticks(list(quantity.ticks), labels=list(quantity.ticks.values()))
    unit = f" ({quantity.unit})" if quantity.unit else ""
    bar.set_label(quantity.name + unit, labelpad=3)
