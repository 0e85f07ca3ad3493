"""Images moved as a whole, or as a homography says: where each pixel of the result comes from."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import tensorflow as tf

from ..compilations import counted
from ..geometry.kernels import REACH
from .modes import unobserved
from .samples import image_size, sample

#: Bits of the exponent, bits of the number one, and their type, by the bytes of a number.
EXPONENTS = {
    4: (0x7F800000, 0x3F800000, tf.int32),
    8: (0x7FF0000000000000, 0x3FF0000000000000, tf.int64),
}


def moved(images: tf.Tensor, shifts: tf.Tensor, interpolation: str, fill: str) -> tf.Tensor:
    """Move the content of images: ``out(p) = in(p - shift)``.

    Parameters
    ----------
    images : tf.Tensor, floating or complex, shape (B or 1, H, W, C)
        The images; half precision is computed in single.
    shifts : tf.Tensor of float32 or float64, shape (B or 1, 2)
        Columns (y, x), in pixels. Coordinates are computed in its dtype.
    interpolation : {"nearest", "bilinear", "bicubic"}
        As for `sample`.
    fill : {"zeros", "edge"}
        As for `sample`.

    Returns
    -------
    tf.Tensor, shape (B, H, W, C), dtype of the images
        The images moved.
    """
    images, shifts = _one_batch(images, shifts)
    height, width = image_size(images)
    rows, columns = (tf.cast(tf.range(size), shifts.dtype) for size in (height, width))
    y = rows[None, :, None] - shifts[:, 0, None, None]  # (B, H, 1)
    x = columns[None, None, :] - shifts[:, 1, None, None]  # (B, 1, W)
    return _sampled(images, _bounded(y, height), _bounded(x, width), interpolation, fill)


def projected(images: tf.Tensor, matrices: tf.Tensor, interpolation: str, fill: str) -> tf.Tensor:
    """Sample images where homographies take the pixels of the result.

    Parameters
    ----------
    images, interpolation, fill
        As for `moved`.
    matrices : tf.Tensor of float32 or float64, shape (B or 1, 3, 3)
        Take (x, y, 1) of a pixel of the result to w times the point (x, y, 1) that it samples.
        Coordinates are computed in its dtype.

    Returns
    -------
    tf.Tensor, shape (B, H, W, C), dtype of the images
        The images warped; zero, whatever the fill, where w is 0: such a pixel samples no point.
    """
    images, matrices = _one_batch(images, matrices)
    height, width = image_size(images)
    x, y = tf.meshgrid(*(tf.cast(tf.range(n), matrices.dtype) for n in (width, height)))  # (H, W)
    m = [[matrices[:, i, j, None, None] for j in range(3)] for i in range(3)]
    from_x, from_y, w = (row[0] * x + row[1] * y + row[2] for row in m)  # (B, H, W)
    lost = tf.equal(w, 0)
    w = tf.where(lost, tf.ones_like(w), w)
    where = _quotient(from_y, w, height), _quotient(from_x, w, width)
    warped = _sampled(images, *where, interpolation, fill)
    return tf.where(lost[..., None], tf.zeros_like(warped), warped)


def _sampled(
    images: tf.Tensor, y: tf.Tensor, x: tf.Tensor, interpolation: str, fill: str
) -> tf.Tensor:
    """Do what `sample` does with images of every dtype."""
    dtype = images.dtype
    if dtype.is_complex:
        numbers = tf.concat([tf.math.real(images), tf.math.imag(images)], axis=3)
    else:
        numbers = tf.cast(images, tf.float32) if dtype.size == 2 else images
    samples = sample(numbers, y, x, interpolation, fill)
    if dtype.is_complex:
        return tf.complex(*tf.split(samples, 2, axis=3))
    return tf.cast(samples, dtype)


def _one_batch(images: tf.Tensor, parameters: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Repeat what is one for each item of the other."""
    if images.shape[0] == parameters.shape[0] is not None:
        return images, parameters
    own, others = tf.shape(images), tf.shape(parameters)
    count = tf.where(own[0] == 1, others[0], own[0])
    return (
        tf.broadcast_to(images, tf.concat([count[None], own[1:]], 0)),
        tf.broadcast_to(parameters, tf.concat([count[None], others[1:]], 0)),
    )


def _bounded(coordinates: tf.Tensor, size: tf.Tensor) -> tf.Tensor:
    """Bring coordinates so near that they can be counted; no tap tells the difference."""
    low, high = _bounds(size, coordinates.dtype)
    bounded = tf.clip_by_value(coordinates, low, high)
    return tf.where(tf.math.is_nan(coordinates), coordinates, bounded)


def _quotient(dividend: tf.Tensor, w: tf.Tensor, size: tf.Tensor) -> tf.Tensor:
    """Divide by w, and bring near. Where that changed something, no gradient has to pass."""
    low, high = _bounds(size, w.dtype)
    quotient = dividend / w
    near = ~((quotient < low) | (quotient > high))
    # Division by a tiny w has a gradient beyond all numbers, which times zero is NaN.
    w = tf.where(near, w, 1)
    scale = _scale_to_one(w)  # XLA divides the gradient by the square of w, which would underflow
    safe = tf.where(near, dividend * scale, 0) / (w * scale)
    return tf.where(near, safe, tf.stop_gradient(tf.clip_by_value(quotient, low, high)))


def _scale_to_one(numbers: tf.Tensor) -> tf.Tensor:
    """Return powers of two that bring numbers to between 1 and 2, up to their sign."""
    exponent, one, bits = EXPONENTS[numbers.dtype.size]
    found = tf.bitcast(tf.stop_gradient(numbers), bits) & tf.constant(exponent, bits)
    least = tf.constant(one & -one, bits)  # of the smallest normal number
    return tf.bitcast(tf.maximum(2 * tf.constant(one, bits) - found, least), numbers.dtype)


def _bounds(size: tf.Tensor, dtype: tf.DType) -> tuple[tf.Tensor, tf.Tensor]:
    return tf.constant(-REACH, dtype), tf.cast(size - 1 + REACH, dtype)


@lru_cache  # a dropped function would free nothing
def compiled(
    function: Any, dtype: tf.DType, parameters: tf.TensorSpec, interpolation: str, fill: str
) -> Any:
    """Return `moved` or `projected` with its options: traced once, compiled for each new shape."""

    def call(images: tf.Tensor, parameters: tf.Tensor) -> tf.Tensor:
        return function(images, parameters, interpolation, fill)

    signature = [tf.TensorSpec((None,) * 4, dtype), parameters]
    return tf.function(counted(call), signature, jit_compile=True, autograph=False)


def run(
    function: Any, images: tf.Tensor, parameters: tf.Tensor, jit: bool, **how: str
) -> tf.Tensor:
    """Call `moved` or `projected`, compiled or as it is; the result has the shape that is known.

    Parameters
    ----------
    function : callable
        One of the two.
    images, parameters : tf.Tensor
        Its arguments.
    jit : bool
        Compile by XLA.
    **how : str
        `interpolation` and `fill`.

    Returns
    -------
    tf.Tensor, shape (B, H, W, C)
        What it returns.
    """
    if jit:
        spec = tf.TensorSpec((None, *parameters.shape[1:]), parameters.dtype)
        call = compiled(function, images.dtype, spec, **how)
        with unobserved():
            result = call(images, parameters)
    else:
        result = function(images, parameters, **how)
    counts = {images.shape[0], parameters.shape[0]} - {1}
    count = counts.pop() if len(counts) == 1 else (None if counts else 1)
    return tf.ensure_shape(result, (count, *images.shape[1:]))


def as_matrices(parameters: tf.Tensor) -> tf.Tensor:
    """Turn eight parameters (B, 8) into matrices (B, 3, 3) whose last number is 1."""
    ones = tf.ones_like(parameters[:, :1])
    return tf.reshape(tf.concat([parameters, ones], axis=1), (-1, 3, 3))
