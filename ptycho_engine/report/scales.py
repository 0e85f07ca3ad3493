"""The scales of a picture: of amplitude, of phase, of length."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

Array = np.ndarray[Any, Any]
Beyond = Literal["neither", "min", "max", "both"]

#: Share of the samples, in percent, that may lie beyond either end of a scale.
BEYOND = 0.5
#: What differs by less, relative to itself, is shown as constant: it is rounding.
ROUNDING = 1e-5
#: Names of lengths, in metres.
UNITS = {"pm": 1e-12, "nm": 1e-9, "µm": 1e-6, "mm": 1e-3, "m": 1.0}


@dataclass(frozen=True)
class Scale:
    """From values to grey levels.

    Attributes
    ----------
    low, high : float
        The values of black and white.
    beyond : {"neither", "min", "max", "both"}
        Where samples lie beyond them.
    """

    low: float
    high: float
    beyond: Beyond

    @classmethod
    def of(cls, values: Array, share: float = BEYOND) -> Scale:
        """Choose the scale of real values: all but a few outliers, from zero if that is near.

        Parameters
        ----------
        values : ndarray
            Of any shape; those that are not finite do not count.
        share : float
            Percent of them that may lie beyond either end.

        Returns
        -------
        Scale
            With ``low < high``.
        """
        finite = values[np.isfinite(values)].astype(np.float64, copy=False)
        if not finite.size:
            return cls(0.0, 1.0, "neither")
        low, high = (float(v) for v in np.percentile(finite, [share, 100 - share]))
        if 0 <= low < 0.5 * high:
            low = 0.0
        rounding = ROUNDING * max(abs(low), abs(high))
        if high - low <= rounding:
            low, high = min(0.0, low), max(0.0, high)
            high = high if high > low else low + 1.0
        below, above = finite.min() < low - rounding, finite.max() > high + rounding
        beyond: Beyond = ("both" if above else "min") if below else ("max" if above else "neither")
        return cls(low, high, beyond)


def scale_bar(pixel_size: float, pixels: float) -> tuple[float, str]:
    """Choose a scale bar: 1, 2 or 5 times a power of ten, at most a third of the picture.

    Parameters
    ----------
    pixel_size : float
        Metres between neighbouring samples, finite and above zero.
    pixels : float
        Width of what is shown.

    Returns
    -------
    length : float
        In pixels.
    label : str
        Such as ``"2 µm"``.
    """
    most = pixel_size * pixels / 3
    power = 10.0 ** math.floor(math.log10(most))
    metres = max(factor * power for factor in (1, 2, 5) if factor == 1 or factor * power <= most)
    name = next((n for n in reversed(UNITS) if metres >= 0.999 * UNITS[n]), "pm")
    return metres / pixel_size, f"{metres / UNITS[name]:.3g} {name}"
