"""Sizes of object pixels, from the geometry of an experiment."""

from __future__ import annotations

from .scan import PLANCK_LIGHT

Pair = tuple[float, float]


def far_field_pixel(
    energy: float | None, distance: float | None, detector: Pair | None, shape: tuple[int, ...]
) -> Pair | None:
    """Return the size of an object pixel of a far-field experiment.

    It is ``wavelength * distance / (detector pixel * pixels)`` on each axis, the sampling of a
    discrete Fourier transform: J. W. Goodman, "Introduction to Fourier Optics", section 4.3.

    Parameters
    ----------
    energy : float or None
        Electronvolts of a photon.
    distance : float or None
        Metres from the sample to the detector.
    detector : (float, float) or None
        Metres of a detector pixel, (y, x).
    shape : tuple of int
        Of the patterns; its last two are their height and width.

    Returns
    -------
    (float, float) or None
        Metres, (y, x); None if anything is unknown.
    """
    if energy is None or distance is None or detector is None or min(shape[-2:], default=0) < 1:
        return None
    reach = PLANCK_LIGHT / energy * distance
    height, width = shape[-2:]
    return reach / (detector[0] * height), reach / (detector[1] * width)
