"""Windows shifted by a fraction of a pixel through their Fourier transform."""

from __future__ import annotations

import numpy as np
import tensorflow as tf


def shift_windows(windows: tf.Tensor, fractions: tf.Tensor, interleave: int) -> tf.Tensor:
    """Sample each window between its pixels, as the periodic band-limited image that it shows.

    The shift theorem: sample ``r + t`` is the inverse transform of the spectrum times
    ``exp(2 pi i f t)``, f in cycles per pixel. Where N is even, the highest frequency stands for
    both +1/2 and -1/2; it is multiplied by their mean, ``cos(pi t)``, so that a real window stays
    real.

    Parameters
    ----------
    windows : tf.Tensor of float32 or float64, shape (P, N, k N)
        Windows at whole pixels, real and imaginary parts interleaved if k = 2.
    fractions : tf.Tensor, shape (P, 2), dtype of the windows
        Fractions t of the shift along y and x, in [0, 1).
    interleave : {1, 2}
        Numbers k per sample.

    Returns
    -------
    tf.Tensor, shape and dtype of `windows`
        The patches; windows that are not shifted are returned as they are.
    """
    n = windows.shape[1]
    values = tf.reshape(windows, (-1, n, n, interleave))
    imaginary = values[..., 1] if interleave == 2 else tf.zeros_like(values[..., 0])
    spectrum = tf.signal.fft2d(tf.complex(values[..., 0], imaginary))  # (P, N, N)
    rows, columns = (_phases(t, n, spectrum.dtype) for t in tf.unstack(fractions, axis=1))
    shifted = tf.signal.ifft2d(spectrum * rows[:, :, None] * columns[:, None, :])
    parts = [tf.math.real(shifted), tf.math.imag(shifted)][:interleave]
    patches = tf.reshape(tf.stack(parts, axis=-1), tf.shape(windows))
    still = tf.reduce_all(fractions == 0, axis=1)[:, None, None]
    return tf.where(still, windows, patches)


def _phases(t: tf.Tensor, n: int, dtype: tf.DType) -> tf.Tensor:
    """Factors (P, N) of the frequencies, in the order of the transform."""
    frequencies = np.fft.fftfreq(n)
    angles = 2 * np.pi * frequencies * tf.cast(t, tf.float64)[:, None]  # float32 loses a digit
    sines = tf.where(frequencies == -0.5, tf.zeros_like(angles), tf.sin(angles))
    return tf.cast(tf.complex(tf.cos(angles), sines), dtype)
