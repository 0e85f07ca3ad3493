"""The built-in synthetic scan: everything a run needs, from a seed and no file.

The positions lie on a Fermat spiral, which has no directions or periods that could leave marks in
a reconstruction: X. Huang et al., "Optimization of overlap uniformness for ptychography", Optics
Express 22, 12634 (2014).
"""

from __future__ import annotations

import math
import operator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import ConfigurationError, one_line
from ...geometry import Positions
from ..scan import Scan

#: Angle between successive points of the spiral: no two of them ever line up.
GOLDEN_ANGLE = math.pi * (3 - math.sqrt(5))  # 137.508 degrees
#: Standard deviation of the jitter, in steps.
JITTER = 0.05
#: Most memory that a pixel and a point take while the scan is made: ten float64, sixteen float64.
PIXEL_BYTES, POINT_BYTES = 80, 128
#: The largest seed, object and scan that are made: beyond, a number was mistyped.
MOST_SEED, MOST_PIXELS, MOST_POINTS = 2**64 - 1, 10**5, 10**9
SPOKES = 36
RINGS = 7

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Options:
    """Options of the scan; :func:`make_synthetic` checks them.

    Attributes
    ----------
    seed : int
        Seed of the texture and of the jitter; the same seed gives the same scan.
    object_size : int
        Rows and columns of the object, at least 16.
    points : int
        Number of scan positions.
    step : float
        Mean spacing of the positions in object pixels.
    """

    seed: int = 0
    object_size: int = 512
    points: int = 1000
    step: float = 11.0


def needed_bytes(options: Options) -> int:
    """Return what `make` takes.

    Raises
    ------
    ConfigurationError
        If an option cannot be used.
    """
    size = _integer("object_size", options.object_size, 16, MOST_PIXELS)
    points = _integer("points", options.points, 1, MOST_POINTS)
    return PIXEL_BYTES * size**2 + POINT_BYTES * points


def make(options: Options) -> Scan:
    """Make the scan that the options describe."""
    return make_synthetic(options.seed, options.object_size, options.points, options.step)


def make_synthetic(seed: int, object_size: int, points: int, step: float) -> Scan:
    """Make a scan of a Siemens star on a textured film.

    Parameters
    ----------
    seed : int
        Seed of the texture and of the jitter, not negative; the same seed gives the same scan.
    object_size : int
        Rows and columns of the object, at least 16.
    points : int
        Number P of scan positions, at least 1.
    step : float
        Mean spacing of the positions in object pixels: one per ``step ** 2``.

    Returns
    -------
    Scan
        A complex64 object with amplitude in [0.3, 1] and phase in [-1, 1] rad, and a jittered
        Fermat spiral about its centre, from the centre outwards.

    Raises
    ------
    ConfigurationError
        If an argument cannot be used, or if positions would leave the object.
    """
    seed = _integer("seed", seed, 0, MOST_SEED)
    object_size = _integer("object_size", object_size, 16, MOST_PIXELS)
    points = _integer("points", points, 1, MOST_POINTS)
    step = _positive("step", step)
    rng = np.random.default_rng(seed)
    image = _make_object(object_size, rng)
    positions = fermat_spiral(points, step, rng) + (object_size - 1) / 2
    outside = np.flatnonzero(((positions < 0) | (positions > object_size - 1)).any(axis=1))
    if outside.size:
        reach = np.abs(positions - (object_size - 1) / 2).max() / step
        raise ConfigurationError(
            f"scan: {outside.size} of {points} positions with step={step} leave the object of "
            f"{object_size} x {object_size} pixels, the first at index {outside[0]}. Expected all "
            f"inside: choose step={(object_size - 1) / 2 / reach * 0.99:.3g} or less, "
            f"object_size={math.ceil(2 * reach * step) + 2} or more, or fewer points."
        )
    source = f"synthetic(seed={seed}, object_size={object_size}, points={points}, step={step:g})"
    return Scan(image, positions, source)


def fermat_spiral(points: int, step: float, rng: np.random.Generator) -> Positions:
    """Scan positions on a jittered Fermat spiral about the origin.

    Point k lies at radius ``c * sqrt(k)`` and angle ``k`` times 137.508 degrees. A disc of radius
    r then holds ``(r / c) ** 2`` points, so that ``c = step / sqrt(pi)`` gives each one an area
    of ``step ** 2``.

    Parameters
    ----------
    points : int
        Number P of positions.
    step : float
        Mean spacing, in object pixels.
    rng : numpy.random.Generator
        Source of the jitter.

    Returns
    -------
    ndarray of float64, shape (P, 2)
        Columns (y, x), in object pixels.
    """
    k = np.arange(points)
    radius = step / math.sqrt(math.pi) * np.sqrt(k)
    angle = GOLDEN_ANGLE * k
    spiral = np.stack([radius * np.sin(angle), radius * np.cos(angle)], axis=1)
    jitter = rng.standard_normal((points, 2)).clip(-3, 3) * (JITTER * step)
    return spiral + jitter


def _make_object(size: int, rng: np.random.Generator) -> NDArray[np.complex64]:
    star = _siemens_star(size)
    coarse, fine = (_texture(size, scale, rng) for scale in (size / 12, max(3.0, size / 120)))
    amplitude = 0.88 - 0.42 * star + 0.07 * coarse + 0.035 * fine
    phase = 0.75 * star - 0.35 + 0.22 * coarse + 0.09 * fine
    field = amplitude.clip(0.3, 1.0) * np.exp(1j * phase.clip(-1.0, 1.0))
    return field.astype(np.complex64)


def _siemens_star(size: int) -> Floats:
    """Spokes broken by rings, 0 to 1: edges one pixel wide and details down to a pixel."""
    axis = np.arange(size) - (size - 1) / 2
    y, x = axis[:, None], axis[None, :]
    radius = np.hypot(y, x)
    outer = 0.46 * size
    # The distance to the nearest edge of a spoke, in pixels, ramps from 0 to 1 across the edge.
    along = np.sin(SPOKES * np.arctan2(y, x)) * radius / SPOKES
    spokes = (along + 0.5).clip(0, 1)
    period = outer / RINGS
    gap = np.abs((radius + period / 2) % period - period / 2) - 0.06 * period
    inside = (outer - radius + 0.5).clip(0, 1)
    centre = (radius - SPOKES / 6 + 0.5).clip(0, 1)  # closer in, spokes are finer than pixels
    star: Floats = spokes * (gap + 0.5).clip(0, 1) * inside * centre
    return star


def _texture(size: int, scale: float, rng: np.random.Generator) -> Floats:
    """Gaussian noise of unit variance without details finer than about `scale` pixels."""
    noise = np.fft.rfft2(rng.standard_normal((size, size)))
    fy, fx = np.fft.fftfreq(size)[:, None], np.fft.rfftfreq(size)[None, :]
    sigma = scale / 4
    noise *= np.exp(-2 * (math.pi * sigma) ** 2 * (fy**2 + fx**2))  # a Gaussian blur
    noise[0, 0] = 0
    texture = np.fft.irfft2(noise, s=(size, size))
    scaled: Floats = texture / texture.std()
    return scaled


def _integer(name: str, value: Any, least: int, most: int) -> int:
    try:
        number = None if isinstance(value, bool | np.bool_) else operator.index(value)
    except TypeError:
        number = None
    if number is not None and number > most:
        raise ConfigurationError(
            f"scan.{name}: received {one_line(number, 60)}. Expected an integer, at most {most}."
        )
    if number is None or number < least:
        raise ConfigurationError(
            f"scan.{name}: received {value!r}. Expected an integer, {least} or more."
        )
    return number


def _positive(name: str, value: Any) -> float:
    try:
        number = math.nan if isinstance(value, bool | np.bool_) else float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not 0 < number <= MOST_PIXELS:
        raise ConfigurationError(
            f"scan.{name}: received {one_line(repr(value), 60)}. Expected object pixels, a number "
            f"above zero, at most {MOST_PIXELS}."
        )
    return number
