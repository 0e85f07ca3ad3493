"""Free space between the slices of a thick object, and from the object to the far field."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import ConfigurationError, one_line

#: Highest frequency that a propagator passes, as a share of Nyquist's: products of two fields
#: within it fold none of their frequencies back into it (E. J. Kirkland, "Advanced Computing in
#: Electron Microscopy", 2nd ed., 2010, section 6.8).
BAND_LIMIT = 2 / 3

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
        for name in ("distance", "wavelength", "pixel_size"):
            value = getattr(self, name)
            number = isinstance(value, int | float) and not isinstance(value, bool)
            if not number or not math.isfinite(value) or (value <= 0 and name != "distance"):
                raise ConfigurationError(
                    f"slices: {name} is {one_line(repr(value), 60)}. Expected metres, finite"
                    f"{'' if name == 'distance' else ' and above zero'}."
                )

    def transfer(self, size: int) -> NDArray[np.complex128]:
        """Return the transfer function of the angular spectrum method.

        ``exp(2 pi i z / w (sqrt(1 - (w f)^2) - 1))`` for the distance z, the wavelength w and
        the spatial frequency f: the phase of a plane wave that travels along the axis is left
        out. It is zero beyond `BAND_LIMIT` of Nyquist's frequency, and where waves are
        evanescent (J. W. Goodman, "Introduction to Fourier Optics", 3rd ed., 2005, section 3.10).

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
        passed = (squared <= (BAND_LIMIT / (2 * self.pixel_size)) ** 2) & (along > 0)
        # sqrt(1 - s) - 1, without the difference of two numbers close to 1
        path = -(self.wavelength**2) * squared / (1 + np.sqrt(along.clip(0)))
        phase = 2 * math.pi * self.distance / self.wavelength * path
        return np.where(passed, np.exp(1j * phase), 0)


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
