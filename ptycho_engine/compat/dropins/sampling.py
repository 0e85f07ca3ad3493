"""Images sampled at arbitrary points, in TensorFlow, by the rules of the legacy warp.

Importing this module imports TensorFlow.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import tensorflow as tf

from ...geometry.kernels import linear_weights
from ...ops.interpolate import blend


def sample(images: Any, x: Any, y: Any, interpolation: str, fill: str) -> Any:
    """Sample images at given points.

    Parameters
    ----------
    images : tf.Tensor of float32 or float64, shape (B, H, W, C)
        The images.
    x, y : tf.Tensor of the same dtype, shape (B, H', W')
        Where to sample, in pixels. NaN where a point is not finite.
    interpolation : {"bilinear", "nearest"}
        Nearest rounds half to even.
    fill : {"zeros", "edge"}
        What the pixels outside count as. Nearest judges the point before it is rounded.

    Returns
    -------
    tf.Tensor of the same dtype, shape (B, H', W', C)
        The samples. Gradients reach the images and, where bilinear, the points.
    """
    if interpolation == "nearest":
        samples, inside = _pixels(images, tf.round(x), tf.round(y))
        if fill == "zeros":
            height, width = (tf.cast(size, x.dtype) for size in _size(images))
            inside = (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)
            samples = _blank(samples, inside)
        return samples
    left, top = tf.floor(x), tf.floor(y)

    def tap(row: int, column: int) -> Any:
        samples, inside = _pixels(images, left + column, top + row)
        return _blank(samples, inside) if fill == "zeros" else samples

    row_weights = linear_weights((y - top)[..., None])
    return blend(tap, row_weights, linear_weights((x - left)[..., None]), "legacy")


def _size(images: Any) -> Any:
    return tf.unstack(tf.shape(images)[1:3])


def _blank(samples: Any, inside: Any) -> Any:
    return tf.where(inside[..., None], samples, tf.zeros_like(samples))


def _pixels(images: Any, x: Any, y: Any) -> tuple[Any, Any]:
    """Return the pixels at whole coordinates, the nearest ones if outside; and who is inside."""
    height, width = _size(images)
    right, bottom = tf.cast(width - 1, x.dtype), tf.cast(height - 1, y.dtype)
    inside = (x >= 0) & (x <= right) & (y >= 0) & (y <= bottom)
    # NaN compares false, so that the maximum below turns it into the first pixel.
    column = tf.cast(tf.where(x >= 0, tf.minimum(x, right), 0), tf.int32)
    row = tf.cast(tf.where(y >= 0, tf.minimum(y, bottom), 0), tf.int32)
    return tf.gather_nd(images, tf.stack([row, column], -1), batch_dims=1), inside


def shift(images: Any, translations: Any, interpolation: str) -> Any:
    """Move the content of images: ``out(x) = in(x - t)``, zeros from outside.

    Parameters
    ----------
    images : tf.Tensor of float32 or float64, shape (B, H, W, C)
        The images.
    translations : tf.Tensor of the same dtype, shape (B, 2)
        [dx, dy] for each image, in pixels.
    interpolation : {"bilinear", "nearest"}
        As for `sample`.

    Returns
    -------
    tf.Tensor, shape (B, H, W, C)
        The images moved.
    """
    height, width = _size(images)
    columns, rows = (tf.cast(tf.range(size), images.dtype) for size in (width, height))
    x = columns[None, None, :] - translations[:, 0, None, None]
    y = rows[None, :, None] - translations[:, 1, None, None]
    shape = [tf.shape(images)[0], height, width]
    return sample(
        images, tf.broadcast_to(x, shape), tf.broadcast_to(y, shape), interpolation, "zeros"
    )


def warp(images: Any, matrices: Any, interpolation: str, fill: str) -> Any:
    """Sample each image where a homography takes the pixels of the result.

    Parameters
    ----------
    images : tf.Tensor of float32 or float64, shape (B, H, W, C)
        The images.
    matrices : tf.Tensor of the same dtype, shape (B, 3, 3)
        Take (x, y, 1) of the result to the point in the image.
    interpolation, fill : str
        As for `sample`.

    Returns
    -------
    tf.Tensor, shape (B, H, W, C)
        The images warped.
    """
    height, width = _size(images)
    columns, rows = (tf.cast(tf.range(size), images.dtype) for size in (width, height))
    x, y = tf.meshgrid(columns, rows)  # (H, W)
    m = [[matrices[:, i, j, None, None] for j in range(3)] for i in range(3)]
    sx, sy, w = (row[0] * x + row[1] * y + row[2] for row in m)
    return sample(images, sx / w, sy / w, interpolation, fill)


@lru_cache(maxsize=1)
def compiled() -> tuple[Any, Any]:
    """Return `shift` and `warp` compiled by XLA; a new shape is a new compilation."""
    move, project = (tf.function(f, jit_compile=True, autograph=False) for f in (shift, warp))
    return move, project
