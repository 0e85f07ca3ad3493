"""The map of a page: an object, what covers it, and the positions of its scan, to zoom into."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..picture import LARGEST_PIXEL, LEAST_PIXEL, first_plane
from ..quantities import Quantity, quantities_of
from ..scales import Beyond, Scale, scale_bar
from ..views import View
from ..window_counts import window_counts
from .images import Legend, Picture, hexadecimal, legend_of, picture_of

Array = np.ndarray[Any, Any]

#: Samples along an object that a page holds: three planes of noise still leave it below 3 MB.
SAMPLES = 720
#: Positions that are drawn, and those that the coverage counts: an even share of more.
DRAWN, COUNTED = 4000, 500_000
#: Radians: a phase that keeps to less is shown on a scale of its own.
NARROW = np.pi


@dataclass(frozen=True)
class Plane:
    """One quantity over the plane of the object.

    Attributes
    ----------
    picture : Picture
        The quantity.
    legend : Legend
        What its colours stand for.
    low, high : float
        Values of the first and the last colour.
    beyond : {"neither", "min", "max", "both"}
        Which of them samples beyond have too.
    colours : str
        All of them, six characters each, from which a browser tells values.
    left, top, width, height : float
        Where it lies, in object pixels.
    """

    picture: Picture
    legend: Legend
    low: float
    high: float
    beyond: Beyond
    colours: str
    left: float
    top: float
    width: float
    height: float


@dataclass(frozen=True)
class Frame:
    """The window of a sample: its upper left corner and its size, in object pixels."""

    left: float
    top: float
    size: float


@dataclass(frozen=True)
class ObjectMap:
    """An object under its scan.

    Attributes
    ----------
    planes : tuple of Plane
        Amplitude, phase, coverage, as far as there are any.
    left, top, width, height : float
        What is shown of the plane, in object pixels.
    rows, columns : int
        Of the object; 0 without one.
    dots : str
        The positions that are drawn, as the path of a drawing.
    count, step : int
        How many positions there are, and every which is drawn.
    size : int
        Rows and columns of a window; 0 if unknown.
    frames : tuple of Frame
        Windows of the samples.
    notes : tuple of str
        What a reader must know.
    bar : (float, str) or None
        Length of the scale bar in object pixels, and in words.
    """

    planes: tuple[Plane, ...]
    left: float
    top: float
    width: float
    height: float
    rows: int
    columns: int
    dots: str
    count: int
    step: int
    size: int
    frames: tuple[Frame, ...]
    notes: tuple[str, ...]
    bar: tuple[float, str] | None = None


def map_object(
    image: Array | None,
    positions: Array,
    size: int,
    quantities: Sequence[Quantity],
    *,
    framed: Array | None = None,
    windows: Array | None = None,
    coverage: Array | None = None,
    pixel_size: float | None = None,
) -> ObjectMap:
    """Make the map of an object.

    Parameters
    ----------
    image : ndarray, shape (..., H, W), or None
        The object; of several planes the first is shown.
    positions : ndarray of float64, shape (P, 2)
        Scan positions (y, x) in object pixels.
    size : int
        Rows and columns of a window; 0 if unknown.
    quantities : sequence of Quantity
        What is shown of the object.
    framed : ndarray of float64, shape (F, 2), optional
        Positions whose windows are framed.
    windows : ndarray of float64, shape (W, 2), optional
        Positions whose windows the coverage counts, if they are others.
    coverage : ndarray, shape (H, W), optional
        What covers each sample, if that is known better than from the positions.
    pixel_size : float, optional
        Metres between neighbouring samples of the object.
    """
    shape = (0, 0) if image is None else (int(image.shape[-2]), int(image.shape[-1]))
    known = image is not None
    view = View.around(shape, positions, size) if known else View.about(positions, size)
    planes = [] if image is None else object_planes(first_plane(image), quantities)
    if coverage is not None:
        planes.append(_coverage(coverage, "sum of weights", (-0.5, -0.5), shape))
    elif size and len(positions):
        planes.append(_windows(positions if windows is None else windows, size, view))
    step = -(-max(1, len(positions)) // DRAWN)
    frames = tuple(_frame(position, size) for position in (() if framed is None else framed))
    notes = tuple(_notes(image, view, step))
    return ObjectMap(
        tuple(planes), view.left, view.top, view.width, view.height, *shape,
        _dots(positions[::step]), len(positions), step, size, frames, notes, _bar(view, pixel_size),
    )  # fmt: skip


def _bar(view: View, pixel_size: float | None) -> tuple[float, str] | None:
    """Choose a scale bar; files give 0 or NaN for what they do not know."""
    if pixel_size is None or not LEAST_PIXEL <= pixel_size <= LARGEST_PIXEL:
        return None
    return scale_bar(pixel_size, view.width)


def sampled(image: Array) -> Array:
    """Return samples of an image (H, W) at equal steps, as many as a page has room for."""
    step = _thinning(image)
    return image[::step, ::step]


def scales_of(image: Array, patches: Sequence[Array]) -> list[Quantity]:
    """Return what is shown of an object (..., H, W) and of patches of it, on the same scales.

    A phase that keeps to a part of the turn is shown on a scale of that part.
    """
    planes = [sampled(first_plane(array)) for array in (image, *patches)]
    found = quantities_of(planes[0], planes[1:])
    return [
        _narrowed(quantity, planes) if quantity.unit == "rad" else quantity for quantity in found
    ]


def _narrowed(phase: Quantity, planes: Sequence[Array]) -> Quantity:
    scale = Scale.of(np.concatenate([phase.of(plane).ravel() for plane in planes]), share=0.0)
    if scale.high - scale.low > NARROW:
        return phase
    return replace(phase, scale=scale, colours="cividis", ticks=None)


def object_planes(image: Array, quantities: Sequence[Quantity]) -> list[Plane]:
    """Return the planes of an object (H, W)."""
    step, drawn = _thinning(image), sampled(image)
    rows, columns = drawn.shape
    found = []
    for quantity in quantities:
        alt = f"{quantity.name} of the object, {image.shape[0]} by {image.shape[1]} pixels"
        found.append(
            _plane(drawn, quantity, alt, (-0.5, -0.5), (rows * step, columns * step)),
        )
    return found


def _thinning(image: Array) -> int:
    return -(-max(image.shape) // SAMPLES) or 1


def _plane(
    values: Array,
    quantity: Quantity,
    alt: str,
    corner: tuple[float, float],
    sides: tuple[float, float],
) -> Plane:
    legend, scale = legend_of(quantity), quantity.scale
    unit = f" {quantity.unit}" if quantity.unit else ""
    picture = picture_of(values, quantity, f"{alt}; from {legend.low} to {legend.high}{unit}")
    colours = hexadecimal(quantity.colours)
    (top, left), (height, width) = corner, sides
    return Plane(
        picture, legend, scale.low, scale.high, scale.beyond, colours, left, top, width, height
    )


def _windows(positions: Array, size: int, view: View) -> Plane:
    """Count the windows over each place; of very many positions an even share, scaled."""
    step = -(-len(positions) // COUNTED) or 1
    counts, (left, right, bottom, top) = window_counts(positions[::step], size, view)
    sides = bottom - top, right - left
    return _coverage(counts * step, "windows over a place", (top, left), sides)


def _coverage(
    values: Array, unit: str, corner: tuple[float, float], sides: tuple[float, float]
) -> Plane:
    highest = float(values.max(initial=0))
    scale = Scale(0.0, highest if highest > 0 else 1.0, "neither")
    quantity = Quantity("coverage", unit, np.asarray, scale, "viridis")
    drawn, step = sampled(values), _thinning(values)
    reach = [s * step * d / v for s, d, v in zip(sides, drawn.shape, values.shape, strict=True)]
    return _plane(drawn, quantity, "coverage of the plane", corner, (reach[0], reach[1]))


def _frame(position: Array, size: int) -> Frame:
    top, left = (float(at) for at in position - size // 2 - 0.5)
    return Frame(round(left, 2), round(top, 2), size)


def _dots(positions: Array) -> str:
    """Write positions as a path of lines without length, which round ends make dots."""
    return "".join(f"M{x:.2f} {y:.2f}h0" for y, x in positions.tolist())


def _notes(image: Array | None, view: View, step: int) -> list[str]:
    notes = []
    if image is not None:
        if image.ndim > 2:
            planes = " x ".join(map(str, image.shape[:-2]))
            notes.append(f"The first of {planes} planes of the object is shown.")
        thinned = _thinning(first_plane(image))
        if thinned > 1:
            notes.append(f"One sample in {thinned} along each side of the object is shown.")
    if step > 1:
        notes.append(f"One position in {step:,} is drawn.")
    if view.beyond:
        notes.append(f"{view.beyond:,} positions lie too far away to be shown.")
    return notes
