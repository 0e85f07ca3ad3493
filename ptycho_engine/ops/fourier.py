"""Windows shifted by a fraction of a pixel through their Fourier transform."""

from __future__ import annotations

import numpy as np
import tensorflow as tf
import tensorflow.experimental.numpy as tnp

from ..geometry.kernels import taper_weights
from .copies import copy_where


def shift_windows(
    windows: tf.Tensor, fractions: tf.Tensor, patch_size: int, interleave: int
) -> tf.Tensor:
    """Sample each window between its pixels, as the band-limited image that it shows.

    A window is first multiplied by `taper_weights`, which leave the patch as it is and let the
    margin fall smoothly to zero: as a periodic image, which it then is to the transform, it has no
    edge, and what enters it at one end as the position moves on has no weight yet. The shift
    theorem follows: sample ``r + t`` is the inverse transform of the spectrum times ``exp(2 pi i f
    t)``, f in cycles per pixel. An odd number of samples has no frequency of 1/2, whose sign would
    be unknown, so that a real window stays real.

    Parameters
    ----------
    windows : tf.Tensor of float32 or float64, shape (P, L, k L)
        Windows at whole pixels, real and imaginary parts interleaved if k = 2, with a position in
        the sample ``L // 2``; L is odd.
    fractions : tf.Tensor, shape (P, 2), dtype of the windows
        Fractions t of the shift along y and x, in [0, 1].
    patch_size : int
        Size N of the patches.
    interleave : {1, 2}
        Numbers k per sample.

    Returns
    -------
    tf.Tensor, shape (P, N, k N), dtype of the windows
        The patches; those that are not shifted are copies.
    """
    n, k, side = patch_size, interleave, windows.shape[1]
    first = side // 2 - n // 2
    weights, phases = _tapers(fractions, side, n), _phases(fractions, side)
    values = tf.reshape(windows, (-1, side, side, k))
    tapered = tf.math.multiply_no_nan(values, weights)  # NaN without weight is left out
    spectrum = tf.signal.fft2d(_as_complex(tapered))  # (P, L, L)
    inner = slice(first, first + n)
    shifted = tf.signal.ifft2d(spectrum * phases)[:, inner, inner]
    patches = tf.reshape(_as_numbers(shifted, k), (-1, n, k * n))
    copies = windows[:, inner, k * first : k * (first + n)]
    return copy_where(_still(fractions), copies, patches)


def unshift_patches(
    patches: tf.Tensor, fractions: tf.Tensor, patch_size: int, side: int, interleave: int
) -> tf.Tensor:
    """Take patches back to their windows: the adjoint of `shift_windows`.

    An odd transform of real numbers is shifted by real weights, so that the adjoint of the shift is
    the shift back.

    Parameters
    ----------
    patches : tf.Tensor of float32 or float64, shape (P, N, k N)
        Patches, real and imaginary parts interleaved if k = 2.
    fractions : tf.Tensor, shape (P, 2), dtype of the patches
        As of `shift_windows`.
    patch_size : int
        Size N of the patches.
    side : int
        Samples L of a window, odd.
    interleave : {1, 2}
        Numbers k per sample.

    Returns
    -------
    tf.Tensor, shape (P, L, k L), dtype of the patches
        What each patch adds to its window.
    """
    n, k = patch_size, interleave
    before = side // 2 - n // 2
    after = side - n - before
    beside = [[0, 0], [before, after], [before, after], [0, 0]]
    embedded = tf.pad(tf.reshape(patches, (-1, n, n, k)), beside)  # (P, L, L, k)
    spectrum = tf.signal.fft2d(_as_complex(embedded))
    back = tf.math.conj(_phases(fractions, side))
    shifted = _as_numbers(tf.signal.ifft2d(spectrum * back), k)  # (P, L, L, k)
    tapered = tf.math.multiply_no_nan(shifted, _tapers(fractions, side, n))
    windows, copies = (tf.reshape(x, (-1, side, k * side)) for x in (tapered, embedded))
    return copy_where(_still(fractions), copies, windows)


def _as_complex(values: tf.Tensor) -> tf.Tensor:
    """Real numbers (..., k) to complex ones (...)."""
    imaginary = values[..., 1] if values.shape[-1] == 2 else tf.zeros_like(values[..., 0])
    return tf.complex(values[..., 0], imaginary)


def _as_numbers(values: tf.Tensor, k: int) -> tf.Tensor:
    """Complex numbers (...) to real ones (..., k)."""
    return tf.stack([tf.math.real(values), tf.math.imag(values)][:k], axis=-1)


def _still(fractions: tf.Tensor) -> tf.Tensor:
    """Which patches are not shifted, (P, 1, 1)."""
    return tf.reduce_all(tf.equal(fractions, 0), axis=1)[:, None, None]


def _tapers(fractions: tf.Tensor, side: int, patch_size: int) -> tf.Tensor:
    """Weights (P, L, L, 1) of the samples of each window, in the dtype of the fractions."""
    exact = tf.cast(fractions, tf.float64)  # float32 loses a digit in phases and weights
    rows, columns = (
        taper_weights(tf.abs(np.arange(side) - side // 2 - t), patch_size, tnp)  # (P, L)
        for t in (exact[:, :1], exact[:, 1:])
    )
    weights = rows[:, :, None] * columns[:, None, :]
    return tf.cast(weights, fractions.dtype)[..., None]


def _phases(fractions: tf.Tensor, side: int) -> tf.Tensor:
    """Factors (P, L, L) of the frequencies for shifts (P, 2), in the order of the transform."""
    exact = tf.cast(fractions, tf.float64)
    dtype = tf.complex64 if fractions.dtype == tf.float32 else tf.complex128
    rows, columns = (
        tf.cast(tf.complex(tf.cos(angles), tf.sin(angles)), dtype)  # (P, L)
        for angles in (2 * np.pi * np.fft.fftfreq(side) * t for t in (exact[:, :1], exact[:, 1:]))
    )
    return rows[:, :, None] * columns[:, None, :]
