"""Images sampled between their pixels, at points that someone else has computed."""

from __future__ import annotations

import tensorflow as tf

from ..geometry.kernels import KERNELS
from .interpolate import blend


def sample(
    images: tf.Tensor, y: tf.Tensor, x: tf.Tensor, interpolation: str, fill: str
) -> tf.Tensor:
    """Sample images at given points.

    Parameters
    ----------
    images : tf.Tensor of float32 or float64, shape (B, H, W, C)
        The images.
    y, x : tf.Tensor of float32 or float64, shapes that broadcast to (B, H', W')
        Where, in pixels, at most `REACH` beyond the image; NaN gives NaN.
    interpolation : {"nearest", "bilinear", "bicubic"}
        Nearest rounds half to even; no gradient reaches the points.
    fill : {"zeros", "edge"}
        What the pixels outside count as. Nearest judges the point before it is rounded.

    Returns
    -------
    tf.Tensor, shape (B, H', W', C), dtype of the images
        The samples. Gradients reach the images and, but for nearest, the points.
    """
    if interpolation == "nearest":  # their NaN alone would connect them, to gradients of zeros
        y, x = tf.stop_gradient(y), tf.stop_gradient(x)
    height, width = image_size(images)
    how = interpolation, fill, images.dtype
    rows, columns = _taps(y, height, *how), _taps(x, width, *how)
    flat = tf.reshape(images, (tf.shape(images)[0], height * width, tf.shape(images)[3]))
    flat = tf.ensure_shape(flat, (None, None, images.shape[3]))

    def tap(row: int, column: int) -> tf.Tensor:
        return tf.gather(flat, rows[row][0] * width + columns[column][0], axis=1, batch_dims=1)

    row_weights, column_weights = (
        tuple(weight[..., None] for _, weight in axis) for axis in (rows, columns)
    )
    samples = blend(tap, row_weights, column_weights, "exact")
    point = y + x
    no_number = tf.math.is_nan(point)[..., None]
    return tf.where(no_number, tf.cast(point[..., None], samples.dtype), samples)


def _taps(
    coordinates: tf.Tensor, size: tf.Tensor, interpolation: str, fill: str, dtype: tf.DType
) -> list[tuple[tf.Tensor, tf.Tensor]]:
    """Return the pixel and the weight of each tap along one axis."""
    last = tf.cast(size - 1, coordinates.dtype)
    if interpolation == "nearest":
        places, judged = [tf.round(coordinates)], [coordinates]
        weights: tuple[tf.Tensor, ...] = (tf.ones_like(coordinates, dtype),)
    else:
        kernel = KERNELS[interpolation]
        assert kernel.weights is not None
        first = tf.floor(coordinates)
        weights = kernel.weights(tf.cast(coordinates - first, dtype))
        places = judged = [first + (i - kernel.before) for i in range(kernel.taps)]
    if fill == "zeros":
        weights = tuple(
            tf.where((at >= 0) & (at <= last), weight, tf.zeros_like(weight))
            for at, weight in zip(judged, weights, strict=True)
        )
    # NaN compares false, and takes the first pixel.
    inner = (tf.where(at >= 0, tf.minimum(at, last), tf.zeros_like(at)) for at in places)
    return [(tf.cast(at, tf.int32), w) for at, w in zip(inner, weights, strict=True)]


def image_size(images: tf.Tensor) -> list[tf.Tensor]:
    """Return the height and width of images (B, H, W, C), of which the graph may know nothing."""
    return tf.unstack(tf.shape(images)[1:3])  # type: ignore[no-any-return]
