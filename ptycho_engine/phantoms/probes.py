"""Illuminations: what falls on the object, centred at sample ``N // 2``."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ConfigurationError

Waves = NDArray[np.complex128]


def gaussian(size: int, fwhm: float) -> Waves:
    """Make a Gaussian beam at its waist.

    Parameters
    ----------
    size : int
        Size N in pixels.
    fwhm : float
        Full width at half maximum of its intensity, in pixels.

    Returns
    -------
    ndarray of complex128, shape (N, N)
        ``exp(-2 ln 2 (r / fwhm)^2)``, 1 in the middle.
    """
    axis = np.arange(size) - size // 2
    squared = axis[:, None] ** 2 + axis[None, :] ** 2
    beam: Waves = np.exp(-2 * math.log(2) * squared / fwhm**2).astype(np.complex128)
    return beam


def zone_plate_focus(
    size: int,
    pixel_size: float,
    wavelength: float,
    outer_zone_width: float,
    defocus: float = 0.0,
    central_stop: float = 0.3,
) -> Waves:
    """Make the beam that a Fresnel zone plate focuses, in or near its first-order focus.

    Behind the lens the field is a disc with a stop in its middle. In the focus its transform
    stands: frequencies up to ``1 / (2 dr)`` for the outermost zone width dr, whatever the
    diameter and the focal length are (D. Attwood, "Soft X-Rays and Extreme Ultraviolet
    Radiation", 1999, chapter 9). Free space carries it from there over the defocus.

    Parameters
    ----------
    size : int
        Size N in pixels.
    pixel_size, wavelength, outer_zone_width : float
        Metres.
    defocus : float
        Metres from the focus to the object, along the beam.
    central_stop : float
        Diameter of the stop over that of the lens, from 0 to less than 1.

    Returns
    -------
    ndarray of complex128, shape (N, N)
        Of the largest magnitude 1.

    Raises
    ------
    ConfigurationError
        If the beam cannot be sampled: its frequencies, or its width out of focus.
    """
    if outer_zone_width <= pixel_size:
        raise ConfigurationError(
            f"probe.outer_zone_width: received {outer_zone_width:g} m. Expected more than the "
            f"pixel size of the object, {pixel_size:g} m, which cannot show such a focus otherwise."
        )
    width = abs(defocus) * wavelength / outer_zone_width  # of the cone of light
    if width > size * pixel_size:
        raise ConfigurationError(
            f"probe.defocus: received {defocus:g} m, where the beam is {width:g} m wide. Expected "
            f"at most the {size * pixel_size:g} m of the probe: choose less, or more pixels."
        )
    frequency = np.fft.fftfreq(size)  # (N,), cycles a pixel
    squared = frequency[:, None] ** 2 + frequency[None, :] ** 2
    edge = pixel_size / (2 * outer_zone_width)
    radius, inner = np.sqrt(squared) * size, edge * size  # in pixels of the transform
    lens = (inner - radius + 0.5).clip(0, 1) * (radius - central_stop * inner + 0.5).clip(0, 1)
    if central_stop == 0:
        lens = (inner - radius + 0.5).clip(0, 1)
    # Paraxial, as such lenses are: exp(-i pi w z f^2).
    spectrum = lens * np.exp(-1j * math.pi * wavelength * defocus / pixel_size**2 * squared)
    focus = np.fft.fftshift(np.fft.ifft2(spectrum))
    beam: Waves = focus / np.abs(focus).max()
    return beam


def orthogonal_modes(probe: NDArray[Any], count: int, decay: float) -> Waves:
    """Make incoherent modes of one beam: its products with polynomials, made orthogonal.

    A Gaussian beam becomes Gauss-Hermite modes. The first is the beam itself.

    Parameters
    ----------
    probe : ndarray, shape (N, N)
        The beam.
    count : int
        Number M of modes.
    decay : float
        Power of a mode over that of the one before it.

    Returns
    -------
    ndarray of complex128, shape (M, N, N)
        Orthogonal, of the probe's power together.

    Raises
    ------
    ConfigurationError
        If the beam has not as many: it is dark, or narrower than a pixel.
    """
    size = probe.shape[-1]
    power = np.abs(probe) ** 2
    if count == 1:
        return np.asarray(probe, np.complex128)[None]
    axis = np.arange(size)
    y, x = (_centred(power.sum(axis=k), axis) for k in (1, 0))
    degrees = [(total - b, b) for total in range(count) for b in range(total + 1)][:count]
    products = np.stack(
        [(probe * (y[:, None] ** a * x[None, :] ** b)).ravel() for a, b in degrees], axis=1
    )  # (N^2, M)
    least = np.finfo(np.float64).tiny  # of the norms of what vanishes
    basis, triangle = np.linalg.qr(products / np.linalg.norm(products, axis=0).clip(least))
    lengths = np.abs(np.diagonal(triangle))
    if lengths.min() < 1e-10:
        raise ConfigurationError(
            f"probe.modes: received {count}. Expected fewer: the beam is dark, or too narrow for "
            "so many that differ. Choose fewer modes, or a wider beam."
        )
    basis = basis * (np.diagonal(triangle) / lengths)  # the first is the beam, sign and all
    shares = decay ** np.arange(count)
    weights = np.sqrt(power.sum() * shares / shares.sum())
    modes: Waves = (basis * weights).T.reshape(count, size, size)
    return modes


def _centred(profile: NDArray[Any], axis: NDArray[Any]) -> NDArray[Any]:
    """Return coordinates about the mean of a profile, in units of its spread."""
    weights = profile / profile.sum().clip(np.finfo(np.float64).tiny)
    about = axis - (weights * axis).sum()
    spread = math.sqrt((weights * about**2).sum())
    centred: NDArray[Any] = about / max(spread, 1e-3)
    return centred
