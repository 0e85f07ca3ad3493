"""How near a reconstruction comes to the truth: SSIM, PSNR and Fourier ring correlation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

Image = NDArray[np.float64]
#: What differs by less, relative to its largest value, is flat: objects may be single precision.
FLAT = 1e-6


@dataclass(frozen=True)
class Figures:
    """Figures of one reconstruction.

    Attributes
    ----------
    amplitude_ssim, phase_ssim : float or None
        Structural similarity; 1 for equal images, None if the true one is flat.
    amplitude_psnr, phase_psnr : float or None
        Peak signal to noise ratio, in decibels; None if the true image is flat, or met exactly.
    ring_correlation : float or None
        Mean of the Fourier ring correlation over all frequencies up to Nyquist's; None of images
        too small for a ring.
    """

    amplitude_ssim: float | None
    phase_ssim: float | None
    amplitude_psnr: float | None
    phase_psnr: float | None
    ring_correlation: float | None


def fitted(found: NDArray[Any], truth: NDArray[Any]) -> NDArray[Any]:
    """Multiply an image by the complex factor, which no pattern tells, that fits the true one."""
    power = np.vdot(found, found)
    return np.asarray(found * (np.vdot(found, truth) / power if power else 1))


def compare(found: NDArray[np.complex128], truth: NDArray[np.complex128]) -> Figures:
    """Compare complex images (H, W), up to one complex factor."""
    found = fitted(found, truth)
    turn = np.exp(-1j * np.angle(truth.mean()))  # phases about 0, away from where they wrap
    ours, theirs = found * turn, truth * turn
    rings = ring_correlation(ours, theirs)
    return Figures(
        ssim(np.abs(ours), np.abs(theirs)),
        ssim(np.angle(ours), np.angle(theirs)),
        psnr(np.abs(ours), np.abs(theirs)),
        psnr(np.angle(ours), np.angle(theirs)),
        float(rings.mean()) if rings.size else None,
    )


def span_of(truth: Image) -> float:
    """Return the range of a real image; 0 of what differs by rounding alone, as |exp(i phase)|."""
    span = float(np.ptp(truth))
    return span if span > FLAT * float(np.abs(truth).max()) else 0.0


def ssim(found: Image, truth: Image) -> float | None:
    """Mean structural similarity of real images (H, W), in the range of the true one.

    Gaussian weights of 1.5 pixels, constants (0.01 R)^2 and (0.03 R)^2. Source: Z. Wang et al.,
    IEEE Transactions on Image Processing 13, 600 (2004).
    """

    def smooth(values: Image) -> Image:
        return np.asarray(gaussian_filter(values, 1.5, truncate=3.5))

    span = span_of(truth)
    if not span:
        return None
    first, second = (0.01 * span) ** 2, (0.03 * span) ** 2
    a, b = smooth(found), smooth(truth)
    variances = smooth(found**2) - a**2 + smooth(truth**2) - b**2
    covariance = smooth(found * truth) - a * b
    similarity = (2 * a * b + first) * (2 * covariance + second)
    similarity /= (a**2 + b**2 + first) * (variances + second)
    return float(similarity.mean())


def psnr(found: Image, truth: Image) -> float | None:
    """Peak signal to noise ratio of real images (H, W); the peak is the range of the true one.

    None if that is flat, and if images are equal: no number is infinite in JSON.
    """
    span = span_of(truth)
    error = float(np.mean((found - truth) ** 2))
    return float(10 * np.log10(span**2 / error)) if span and error else None


def ring_correlation(found: NDArray[np.complex128], truth: NDArray[np.complex128]) -> Image:
    """Correlate two complex images (H, W) ring by ring of their spectra.

    Returns
    -------
    ndarray, shape (R,)
        Real part of the correlation in each ring of one pixel, from the first to Nyquist's of the
        shorter side, 0 where an image has no power; images are tapered by a Hann window. Source: M.
        van Heel and M. Schatz, Journal of Structural Biology 151, 250 (2005).
    """
    window = np.outer(*map(np.hanning, truth.shape))
    a, b = (np.fft.fft2((image - image.mean()) * window) for image in (found, truth))
    radius = np.hypot(*np.meshgrid(*map(np.fft.fftfreq, truth.shape), indexing="ij"))
    rings = min(truth.shape) // 2
    ring = np.minimum((radius * 2 * rings).astype(int), rings).ravel()  # beyond Nyquist's: the last

    def total(values: NDArray[np.float64]) -> Image:
        return np.bincount(ring, values.ravel(), rings + 1)[1:rings]

    power = np.sqrt(total(np.abs(a) ** 2) * total(np.abs(b) ** 2))
    common = total((a * b.conj()).real)
    return np.divide(common, power, out=np.zeros_like(common), where=power > 0)
