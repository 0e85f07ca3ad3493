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


#: Where an Airy pattern has half its intensity: 2 J1(v) / v = sqrt(1/2).
AIRY_HALF = 1.616339948310703


def airy(size: int, fwhm: float) -> Waves:
    """Make the focus of a round lens that is lit evenly.

    Parameters
    ----------
    size : int
        Size N in pixels.
    fwhm : float
        Full width at half maximum of the intensity of its central disc, in pixels.

    Returns
    -------
    ndarray of complex128, shape (N, N)
        ``2 J1(v) / v`` with ``v = 2 AIRY_HALF r / fwhm``, 1 in the middle (M. Born and E. Wolf,
        "Principles of Optics", 7th ed., 1999, section 8.5.2).
    """
    from scipy.special import j1  # 0.1 s

    axis = np.arange(size) - size // 2
    v = 2 * AIRY_HALF / fwhm * np.sqrt(axis[:, None] ** 2 + axis[None, :] ** 2)
    v[size // 2, size // 2] = 1e-9  # in the limit 1
    beam: Waves = (2 * j1(v) / v).astype(np.complex128)
    return beam


def hermite_gauss(size: int, fwhm: float, order_y: int, order_x: int) -> Waves:
    """Make a Hermite-Gaussian beam at its waist.

    Parameters
    ----------
    size : int
        Size N in pixels.
    fwhm : float
        Full width at half maximum of the intensity of the beam of orders 0, in pixels.
    order_y, order_x : int
        Orders m, n: zeros along each axis.

    Returns
    -------
    ndarray of complex128, shape (N, N)
        ``H_m(q y) H_n(q x) exp(-q^2 r^2 / 2) / sqrt(2^(m + n) m! n!)`` with the physicists' Hermite
        polynomials and ``q = 2 sqrt(ln 2) / fwhm``: orders 0 are `gaussian`, and all have its
        power (A. E. Siegman, "Lasers", 1986, section 16.4).
    """
    axis = np.arange(size) - size // 2
    scaled = 2 * math.sqrt(math.log(2)) / fwhm * axis
    y, x = (_hermite(scaled, order) for order in (order_y, order_x))
    beam: Waves = (y[:, None] * x[None, :]).astype(np.complex128)
    return beam


def _hermite(q: NDArray[Any], order: int) -> NDArray[Any]:
    """Return the function of an order, of the norm of order 0, without large factors on the way.

    ``h_(k+1) = sqrt(2 / (k+1)) q h_k - sqrt(k / (k+1)) h_(k-1)``.
    """
    before, now = np.zeros(len(q)), np.exp(-(q**2) / 2)
    for k in range(order):
        step = math.sqrt(2 / (k + 1)) * q * now - math.sqrt(k / (k + 1)) * before
        before, now = now, step
    return now


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
