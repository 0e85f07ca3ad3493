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
    exact = tf.cast(fractions, tf.float64)  # float32 loses a digit in phases and weights
    rows, columns = exact[:, :1], exact[:, 1:]
    distances = (tf.abs(np.arange(side) - side // 2 - t) for t in (rows, columns))  # (P, L)
    row_weights, column_weights = (taper_weights(d, n, tnp) for d in distances)
    weights = tf.cast(row_weights[:, :, None] * column_weights[:, None, :], windows.dtype)
    values = tf.reshape(windows, (-1, side, side, k))
    tapered = tf.math.multiply_no_nan(values, weights[..., None])  # NaN without weight is left out
    imaginary = tapered[..., 1] if k == 2 else tf.zeros_like(tapered[..., 0])
    spectrum = tf.signal.fft2d(tf.complex(tapered[..., 0], imaginary))  # (P, L, L)
    phases = tf.cast(_phases(rows, side), spectrum.dtype)[:, :, None]
    phases *= tf.cast(_phases(columns, side), spectrum.dtype)[:, None, :]
    inner = slice(first, first + n)
    shifted = tf.signal.ifft2d(spectrum * phases)[:, inner, inner]
    parts = [tf.math.real(shifted), tf.math.imag(shifted)][:k]
    patches = tf.reshape(tf.stack(parts, axis=-1), (-1, n, k * n))
    copies = windows[:, inner, k * first : k * (first + n)]
    still = tf.reduce_all(tf.equal(fractions, 0), axis=1)[:, None, None]
    return copy_where(still, copies, patches)


def _phases(t: tf.Tensor, side: int) -> tf.Tensor:
    """Factors (P, L) of the frequencies for shifts (P, 1), in the order of the transform."""
    angles = 2 * np.pi * np.fft.fftfreq(side) * t
    return tf.complex(tf.cos(angles), tf.sin(angles))
