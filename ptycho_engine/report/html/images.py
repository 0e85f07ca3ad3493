"""Pictures inside a page: arrays as PNG files of 255 colours, written as data URIs.

A colour stands for a value, so that whoever points at a sample can be told what it is.
"""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import numpy as np

from ..canvas import palette
from ..quantities import BAD, Quantity

Array = np.ndarray[Any, Any]

#: Colours of a scale; one more is for what is not finite.
LEVELS = 255
#: Twice as fast as the default of the format, for a file that is a tenth larger.
PACKING = 3
#: Colours of the bar beside a picture.
STOPS = 12


@dataclass(frozen=True)
class Picture:
    """A picture in a page.

    Attributes
    ----------
    name, unit : str
        The quantity.
    uri : str
        The picture itself.
    width, height : int
        Its samples.
    alt : str
        What it shows, for those who do not see it.
    """

    name: str
    unit: str
    uri: str
    width: int
    height: int
    alt: str


@dataclass(frozen=True)
class Legend:
    """What the colours of pictures stand for.

    Attributes
    ----------
    name, unit : str
        The quantity.
    low, high : str
        Its least and largest value, in words; with a sign where some lie beyond.
    stops : str
        Colours from the one to the other, as a style takes them.
    """

    name: str
    unit: str
    low: str
    high: str
    stops: str


def picture_of(values: Array, quantity: Quantity, alt: str) -> Picture:
    """Make the picture of an image.

    Parameters
    ----------
    values : ndarray, shape (h, w)
        The image, real or complex, as small as it is to be drawn.
    quantity : Quantity
        What is shown of it.
    alt : str
        What it shows.
    """
    levels = levels_of(quantity.of(values), quantity)
    uri = _png(levels, quantity.colours)
    height, width = levels.shape
    return Picture(quantity.name, quantity.unit, uri, width, height, alt)


def levels_of(values: Array, quantity: Quantity) -> Array:
    """Return the number of the colour of each value, uint8 of the same shape."""
    low, high = quantity.scale.low, quantity.scale.high
    with np.errstate(invalid="ignore", over="ignore"):
        share = (np.asarray(values, np.float64) - low) / (high - low) * (LEVELS - 1)
        levels = np.clip(np.rint(share), 0, LEVELS - 1)
    return np.where(np.isfinite(values), levels, LEVELS).astype(np.uint8)


def _png(levels: Array, colours: str) -> str:
    from PIL import Image

    image = Image.fromarray(np.ascontiguousarray(levels))
    image.putpalette([part for colour in colours_of(colours) for part in colour])
    file = BytesIO()
    image.save(file, format="png", compress_level=PACKING)
    return "data:image/png;base64," + b64encode(file.getvalue()).decode("ascii")


def colours_of(name: str) -> list[tuple[int, int, int]]:
    """Return the colours of a scale, and after them that of what is not finite."""
    every = palette(name)
    steps = np.linspace(0, len(every) - 1, LEVELS).round().astype(int)
    bad = int(BAD[1:3], 16), int(BAD[3:5], 16), int(BAD[5:7], 16)
    return [*(every[step] for step in steps), bad]


def hexadecimal(name: str) -> str:
    """Write the colours of a scale one after the other, six characters each."""
    return "".join(f"{r:02x}{g:02x}{b:02x}" for r, g, b in colours_of(name)[:LEVELS])


def legend_of(quantity: Quantity) -> Legend:
    """Say what the colours of a quantity stand for."""
    colours = colours_of(quantity.colours)
    chosen = np.linspace(0, LEVELS - 1, STOPS).round().astype(int)
    stops = ", ".join("#{:02x}{:02x}{:02x}".format(*colours[i]) for i in chosen)
    low, high = quantity.scale.low, quantity.scale.high
    marks = quantity.ticks or {}
    least, most = (marks.get(value, number(value)) for value in (low, high))
    least = f"≤ {least}" if quantity.scale.beyond in ("min", "both") else least
    most = f"≥ {most}" if quantity.scale.beyond in ("max", "both") else most
    return Legend(quantity.name, quantity.unit, least, most, stops)


def number(value: float) -> str:
    """Write a number in the width of a caption."""
    return f"{value:.4g}".replace("-", "\N{MINUS SIGN}")
