"""Patterns of an illumination, as they reach the detector."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...geometry import Positions
from ...native import fields as loops
from ...native.stores import goes_past_caches
from .cutters import Places
from .illumination import Illumination

Array = NDArray[Any]

#: Rows of the bands in which an object is gone through.
BAND = 32


def write_patterns(
    light: Illumination,
    places: Places,
    workspace: Array,
    scale: float,
    amplitude: bool,
    out: Array,
    into: Places,
) -> None:
    """Compute the patterns of one chunk.

    Parameters
    ----------
    light : Illumination
        Of what.
    places : ndarray of int, shape (c,)
        Which positions.
    workspace : ndarray of complex
        As `light.workspace` makes it.
    scale : float
        Factor of amplitudes; that of intensities is its square.
    amplitude : bool
        Whether amplitudes are written, or intensities.
    out : ndarray of float, shape (P, N, N)
        Receives them, zero frequency, or in the near field the middle, at sample ``N // 2``.
    into : ndarray of int, shape (c,)
        Where in `out`.
    """
    real, factor = light.real_dtype, scale / light.size  # of an orthonormal transform
    waves = light.exit_waves(places, workspace)
    if amplitude and len(light.probe) == 1:
        past_caches = goes_past_caches(out, light.size * out.itemsize)
        for wave in waves:
            loops.amplitudes(
                light.at_detector(wave).view(real), real.type(factor), out, into, past_caches
            )
        return
    out[into] = 0
    for wave in waves:
        loops.add_intensities(light.at_detector(wave).view(real), real.type(factor**2), out, into)
    if amplitude:
        loops.take_roots(out, into)


def across_the_object(positions: Positions) -> Places:
    """Order positions so that neighbours follow each other, and the caches hold what they show.

    Parameters
    ----------
    positions : ndarray of float64, shape (P, 2)
        Columns (y, x), in object pixels.

    Returns
    -------
    ndarray of int, shape (P,)
        Their indices: along bands of rows, one after the other.
    """
    return np.lexsort((positions[:, 1], positions[:, 0] // BAND))
