"""How near a reconstruction comes to the truth: SSIM, PSNR and Fourier ring correlation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

Image = NDArray[np.float64]


@dataclass(frozen=True)
class Figures:
    """Figures of one reconstruction.

    Attributes
    ----------
    amplitude_ssim, phase_ssim : float
        Structural similarity; 1 for equal images.
    amplitude_psnr, phase_psnr : float
        Peak signal to noise ratio, in decibels.
    ring_correlation : float
        Mean of the Fourier ring correlation over all frequencies up to Nyquist's.
    """

    amplitude_ssim: float
    phase_ssim: float
    amplitude_psnr: float
    phase_psnr: float
    ring_correlation: float


def compare(found: NDArray[np.complex128], truth: NDArray[np.complex128]) -> Figures:
    """Compare complex images (H, W), up to one complex factor, which no pattern tells."""
    found = found * (np.vdot(found, truth) / np.vdot(found, found))
    turn = np.exp(-1j * np.angle(truth.mean()))  # phases about 0, away from where they wrap
    ours, theirs = found * turn, truth * turn
    return Figures(
        ssim(np.abs(ours), np.abs(theirs)),
        ssim(np.angle(ours), np.angle(theirs)),
        psnr(np.abs(ours), np.abs(theirs)),
        psnr(np.angle(ours), np.angle(theirs)),
        float(ring_correlation(ours, theirs).mean()),
    )


def ssim(found: Image, truth: Image) -> float:
    """Mean structural similarity of real images (H, W), in the range of the true one.

    Gaussian weights of 1.5 pixels, constants (0.01 R)^2 and (0.03 R)^2. Source: Z. Wang et al.,
    IEEE Transactions on Image Processing 13, 600 (2004).
    """

    def smooth(values: Image) -> Image:
        return np.asarray(gaussian_filter(values, 1.5, truncate=3.5))

    span = float(np.ptp(truth))
    first, second = (0.01 * span) ** 2, (0.03 * span) ** 2
    a, b = smooth(found), smooth(truth)
    variances = smooth(found**2) - a**2 + smooth(truth**2) - b**2
    covariance = smooth(found * truth) - a * b
    similarity = (2 * a * b + first) * (2 * covariance + second)
    similarity /= (a**2 + b**2 + first) * (variances + second)
    return float(similarity.mean())


def psnr(found: Image, truth: Image) -> float:
    """Peak signal to noise ratio of real images (H, W); the peak is the range of the true one."""
    error = float(np.mean((found - truth) ** 2))
    return float(10 * np.log10(np.ptp(truth) ** 2 / error)) if error else float("inf")


def ring_correlation(found: NDArray[np.complex128], truth: NDArray[np.complex128]) -> Image:
    """Correlate two complex images (H, W) ring by ring of their spectra.

    Returns
    -------
    ndarray, shape (R,)
        Real part of the correlation in each ring of one pixel, from the first to Nyquist's of the
        shorter side; images are tapered by a Hann window. Source: M. van Heel and M. Schatz,
        Journal of Structural Biology 151, 250 (2005).
    """
    window = np.outer(*map(np.hanning, truth.shape))
    a, b = (np.fft.fft2((image - image.mean()) * window) for image in (found, truth))
    radius = np.hypot(*np.meshgrid(*map(np.fft.fftfreq, truth.shape), indexing="ij"))
    rings = min(truth.shape) // 2
    ring = np.minimum((radius * 2 * rings).astype(int), rings).ravel()  # beyond Nyquist's: the last

    def total(values: NDArray[np.float64]) -> Image:
        return np.bincount(ring, values.ravel(), rings + 1)[1:rings]

    power = np.sqrt(total(np.abs(a) ** 2) * total(np.abs(b) ** 2))
    return np.asarray(total((a * b.conj()).real) / power)
