"""The built-in synthetic scan: everything a run needs, from a seed and no file."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...errors import ConfigurationError
from ...phantoms.numbers import MOST_PIXELS, MOST_POINTS, MOST_SEED, real_number, whole_number
from ...phantoms.specimens import gaussian_field, siemens_star
from ...phantoms.trajectories import fermat_spiral
from ..scan import Scan

#: Most memory that a pixel and a point take while the scan is made: ten float64, sixteen float64.
PIXEL_BYTES, POINT_BYTES = 80, 128


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
    size = whole_number("scan.object_size", options.object_size, 16, MOST_PIXELS)
    points = whole_number("scan.points", options.points, 1, MOST_POINTS)
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
    seed = whole_number("scan.seed", seed, 0, MOST_SEED)
    object_size = whole_number("scan.object_size", object_size, 16, MOST_PIXELS)
    points = whole_number("scan.points", points, 1, MOST_POINTS)
    step = real_number("scan.step", step, "object pixels")
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


def _make_object(size: int, rng: np.random.Generator) -> NDArray[np.complex64]:
    star = siemens_star((size, size))
    scales = size / 12, max(3.0, size / 120)
    coarse, fine = (gaussian_field((size, size), scale, rng) for scale in scales)
    amplitude = 0.88 - 0.42 * star + 0.07 * coarse + 0.035 * fine
    phase = 0.75 * star - 0.35 + 0.22 * coarse + 0.09 * fine
    field = amplitude.clip(0.3, 1.0) * np.exp(1j * phase.clip(-1.0, 1.0))
    return field.astype(np.complex64)
