"""Ways of a probe across an object: scan positions about the origin, one for each ``step ** 2``."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ConfigurationError
from ..geometry import Positions

#: Angle between successive points of the Fermat spiral: no two of them ever line up.
GOLDEN_ANGLE = math.pi * (3 - math.sqrt(5))  # 137.508 degrees
#: Standard deviation of the jitter, in steps.
JITTER = 0.05


def fermat_spiral(
    points: int, step: float, rng: np.random.Generator, jitter: float = JITTER
) -> Positions:
    """Scan positions on a jittered Fermat spiral about the origin.

    Point k lies at radius ``c * sqrt(k)`` and angle ``k`` times 137.508 degrees. A disc of radius
    r then holds ``(r / c) ** 2`` points, so that ``c = step / sqrt(pi)`` gives each one an area
    of ``step ** 2``. It has no directions or periods that could leave marks in a reconstruction:
    X. Huang et al., "Optimization of overlap uniformness for ptychography", Optics Express 22,
    12634 (2014).

    Parameters
    ----------
    points : int
        Number P of positions.
    step : float
        Mean spacing, in object pixels.
    rng : numpy.random.Generator
        Source of the jitter.
    jitter : float
        Its standard deviation, in steps.

    Returns
    -------
    ndarray of float64, shape (P, 2)
        Columns (y, x), in object pixels, from the centre outwards.
    """
    k = np.arange(points)
    radius = step / math.sqrt(math.pi) * np.sqrt(k)
    return _around(radius, GOLDEN_ANGLE * k) + _jitter(points, jitter * step, rng)


def spiral(points: int, step: float, rng: np.random.Generator, jitter: float = JITTER) -> Positions:
    """Scan positions on a jittered Archimedean spiral about the origin.

    Its turns lie one step apart, and so do points along it: as the length of the arc grows with
    the square of the angle, point k lies at the angle ``sqrt(4 pi k)`` and the radius
    ``step * sqrt(k / pi)``. Arguments and result are those of `fermat_spiral`.
    """
    k = np.arange(points)
    angle = np.sqrt(4 * math.pi * k)
    return _around(step / (2 * math.pi) * angle, angle) + _jitter(points, jitter * step, rng)


def raster(points: int, step: float, rng: np.random.Generator, jitter: float = 0.0) -> Positions:
    """Scan positions on a square grid about the origin, row by row.

    The grid is as square as it can be; the last row may be short. With a jitter, this is the
    jittered grid, which leaves no period behind in a reconstruction. Arguments and result are
    those of `fermat_spiral`.
    """
    columns = math.isqrt(max(0, points - 1)) + 1
    rows = -(-points // columns)
    k = np.arange(points)
    middle = np.array([rows - 1, columns - 1]) / 2
    grid = np.stack([k // columns, k % columns], axis=1) - middle
    return grid * step + _jitter(points, jitter * step, rng)


#: What makes positions, by name.
TRAJECTORIES: dict[str, Callable[..., Positions]] = {
    "fermat": fermat_spiral,
    "spiral": spiral,
    "raster": raster,
}


def place_inside(
    positions: Positions, size: tuple[int, int], patch_size: int, margin: float
) -> Positions:
    """Move positions about the origin to the middle of an object that holds their windows.

    Parameters
    ----------
    positions : ndarray of float64, shape (P, 2)
        About the origin.
    size : (int, int)
        Rows and columns of the object.
    patch_size : int
        Size N of the windows.
    margin : float
        Object pixels to keep between windows and borders.

    Returns
    -------
    ndarray of float64, shape (P, 2)
        Positions in the object's frame.

    Raises
    ------
    ConfigurationError
        If windows leave the object; it says what fits.
    """
    needed = needed_size(positions, patch_size, margin)
    if needed[0] > size[0] or needed[1] > size[1]:
        raise ConfigurationError(
            f"object: received {size[0]} x {size[1]} pixels. Expected {needed[0]} x {needed[1]} or "
            f"more, which hold windows of {patch_size} pixels at {len(positions)} positions with a "
            f"margin of {margin:g}. Choose a larger object, a smaller step, or fewer points."
        )
    placed: Positions = positions + _origin(size, patch_size)
    return placed


def needed_size(positions: Positions, patch_size: int, margin: float) -> tuple[int, int]:
    """Return the smallest object that holds the windows of positions about the origin."""
    reach = np.abs(positions).max(axis=0, initial=0)  # windows of even sizes reach further up
    height, width = (math.ceil(2 * (r + margin)) + patch_size for r in reach)
    return height, width


def _origin(size: tuple[int, int], patch_size: int) -> NDArray[Any]:
    """Place the origin: windows there lie in the middle of the object."""
    return (np.array(size) - patch_size) / 2 + patch_size // 2


def _around(radius: NDArray[Any], angle: NDArray[Any]) -> Positions:
    return np.stack([radius * np.sin(angle), radius * np.cos(angle)], axis=1)


def _jitter(points: int, deviation: float, rng: np.random.Generator) -> Positions:
    """Draw normal deviates, none beyond three of their deviation."""
    return rng.standard_normal((points, 2)).clip(-3, 3) * deviation
