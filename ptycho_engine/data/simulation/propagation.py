"""Free space: between the slices of a thick object, and from the object to the detector."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import ConfigurationError, one_line

#: Highest frequency that a propagator passes, as a share of Nyquist's: products of two fields
#: within it fold none of their frequencies back into it (E. J. Kirkland, "Advanced Computing in
#: Electron Microscopy", 2nd ed., 2010, section 6.8).
BAND_LIMIT = Fraction(2, 3)

Fields = NDArray[np.complexfloating[Any, Any]]


@dataclass(frozen=True)
class SliceGap:
    """The free space between neighbouring slices of an object.

    Attributes
    ----------
    distance : float
        Metres between them.
    wavelength : float
        Metres.
    pixel_size : float
        Metres between neighbouring samples of the object.

    Raises
    ------
    ConfigurationError
        If one of them is not finite, or a length is not above zero.
    """

    distance: float
    wavelength: float
    pixel_size: float

    def __post_init__(self) -> None:
        _check_lengths("slices", self)

    def transfer(self, size: int) -> NDArray[np.complex128]:
        """Return the transfer function of the angular spectrum method.

        ``exp(2 pi i z / w (sqrt(1 - (w f)^2) - 1))`` for the distance z, the wavelength w and
        the spatial frequency f: the phase of a plane wave that travels along the axis is left
        out. It is zero beyond `BAND_LIMIT` of Nyquist's frequency, which itself passes, and where
        waves are evanescent (J. W. Goodman, "Introduction to Fourier Optics", 3rd ed., 2005,
        section 3.10).

        Parameters
        ----------
        size : int
            Size N of the fields.

        Returns
        -------
        ndarray of complex128, shape (N, N)
            Zero frequency first.
        """
        frequency = np.fft.fftfreq(size, self.pixel_size)  # (N,), cycles a metre
        squared = frequency[:, None] ** 2 + frequency[None, :] ** 2  # (N, N)
        along = 1 - self.wavelength**2 * squared
        passed = _within_band(size) & (along > 0)
        # sqrt(1 - s) - 1, without the difference of two numbers close to 1
        path = -(self.wavelength**2) * squared / (1 + np.sqrt(along.clip(0)))
        phase = 2 * math.pi * self.distance / self.wavelength * path
        return np.where(passed, np.exp(1j * phase), 0)


@dataclass(frozen=True)
class NearField:
    """The free space from the object to a detector that is near, pixel upon pixel.

    Attributes
    ----------
    distance : float
        Metres to the detector.
    wavelength : float
        Metres.
    pixel_size : float
        Metres between neighbouring samples of the object, and of the detector.

    Raises
    ------
    ConfigurationError
        If one of them is not finite, or a length is not above zero.
    """

    distance: float
    wavelength: float
    pixel_size: float

    def __post_init__(self) -> None:
        _check_lengths("near field", self)

    def transfer(self, size: int) -> NDArray[np.complex128]:
        """Return the transfer function of Fresnel's approximation.

        ``exp(-i pi w z f^2)`` for the distance z, the wavelength w and the spatial frequency f
        (J. W. Goodman, "Introduction to Fourier Optics", 3rd ed., 2005, section 4.2).

        Parameters
        ----------
        size : int
            Size N of the fields.

        Returns
        -------
        ndarray of complex128, shape (N, N)
            Zero frequency first.

        Raises
        ------
        ConfigurationError
            If its phase turns by more than half a turn from one frequency to the next, beyond
            ``N dx^2 / w`` for pixels of dx: the field would fold.
        """
        farthest = size * self.pixel_size**2 / self.wavelength
        if abs(self.distance) > farthest * (1 + 1e-9):
            raise ConfigurationError(
                f"beam.distance: received {self.distance:g} m for the near field. Expected at most "
                f"{farthest:g} m, {size} pixels of {self.pixel_size:g} m for the wavelength "
                f"{self.wavelength:g} m. Choose less, larger pixels, or beam.near_field=false."
            )
        frequency = np.fft.fftfreq(size, self.pixel_size)  # (N,), cycles a metre
        squared = frequency[:, None] ** 2 + frequency[None, :] ** 2  # (N, N)
        passed: NDArray[np.complex128] = np.exp(
            -1j * math.pi * self.wavelength * self.distance * squared
        )
        return passed

    def to_detector(self, size: int) -> NDArray[np.complex128]:
        """Return the transfer function to a field that stands as an unscaled spectrum does.

        It is N times as large, and its first sample is sample ``N // 2`` of the detector, so that
        both are put in their place alike.
        """
        turn = np.exp(2j * math.pi * np.fft.fftfreq(size) * (size // 2))  # exact: whole samples
        moved: NDArray[np.complex128] = self.transfer(size) * size * turn[:, None] * turn[None, :]
        return moved


def _within_band(size: int) -> NDArray[np.bool_]:
    """Tell which frequencies of N x N samples are within `BAND_LIMIT`, the limit included.

    In whole numbers: where N is a multiple of 3, some lie on the limit, and the last digits of a
    pixel size would decide about them.
    """
    cycles = np.rint(np.fft.fftfreq(size) * size).astype(np.int64)  # (N,), in N samples
    squared = cycles[:, None] ** 2 + cycles[None, :] ** 2
    within: NDArray[np.bool_] = (
        4 * BAND_LIMIT.denominator**2 * squared <= (BAND_LIMIT.numerator * size) ** 2
    )
    return within


def _check_lengths(what: str, gap: SliceGap | NearField) -> None:
    for name in ("distance", "wavelength", "pixel_size"):
        value = getattr(gap, name)
        number = isinstance(value, Real) and not isinstance(value, bool)
        if not number or not math.isfinite(value) or (value <= 0 and name != "distance"):
            raise ConfigurationError(
                f"{what}: {name} is {one_line(repr(value), 60)}. Expected metres, finite"
                f"{'' if name == 'distance' else ' and above zero'}."
            )


def far_field(fields: Fields) -> Fields:
    """Transform fields (c, N, N), zero frequency first, unscaled; their memory is used up."""
    import scipy.fft  # 0.1 s

    transformed: Fields = scipy.fft.fft2(fields, overwrite_x=True)
    return transformed


def through(fields: Fields, transfer: Fields) -> Fields:
    """Carry fields (c, N, N) through free space; their memory is used up."""
    import scipy.fft

    spectra = far_field(fields)
    spectra *= transfer
    carried: Fields = scipy.fft.ifft2(spectra, overwrite_x=True)
    return carried
