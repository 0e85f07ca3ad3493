"""Translation of images, and patches cut by it: one translated window for each patch."""

from __future__ import annotations

from functools import cache
from typing import Any

import tensorflow as tf

from ..compilations import counted
from ..geometry.kernels import KERNELS
from .chunks import ChunkFunction, ChunkKind
from .copies import copy_where
from .interpolate import blend, fractions
from .modes import unobserved


@cache  # a dropped function would free nothing
def translation(interpolation: str, rounding: str, interleave: int) -> Any:
    """Return the ``tf.function`` that translates an image by less than a pixel or two.

    Parameters
    ----------
    interpolation, rounding : str
        As in the request.
    interleave : {1, 2}
        Numbers per sample.

    Returns
    -------
    tf.function
        Of an image (H, k W) and an offset (2,), to the translated image of the same shape. Samples
        outside the image count as zero.
    """
    kernel = KERNELS[interpolation]
    weigh, k = kernel.weights, interleave
    assert weigh is not None  # the plugin does not declare the others

    def translate(image: tf.Tensor, offset: tf.Tensor) -> tf.Tensor:
        height, width = tf.unstack(tf.shape(image) // [1, k])
        numbers = tf.reshape(image, (height, width, k))
        rows, columns = tf.meshgrid(tf.range(height), tf.range(width), indexing="ij")  # (H, W)
        how = kernel, rounding, image.dtype
        row_fractions = fractions(offset[0], rows, *how)[..., None]
        column_fractions = fractions(offset[1], columns, *how)[..., None]

        def sample(row: int, column: int) -> tf.Tensor:
            from_rows, from_columns = rows + row, columns + column
            inside = (from_rows < height) & (from_columns < width)
            index = tf.stack(
                [tf.minimum(from_rows, height - 1), tf.minimum(from_columns, width - 1)], axis=-1
            )
            values = tf.gather_nd(numbers, index)  # (H, W, k)
            return tf.where(inside[..., None], values, tf.zeros_like(values))

        weights = weigh(row_fractions), weigh(column_fractions)
        translated = blend(sample, *weights, rounding)
        if rounding == "exact":
            still = tf.equal(row_fractions, 0) & tf.equal(column_fractions, 0)
            translated = copy_where(still, sample(kernel.before, kernel.before), translated)
        return tf.reshape(translated, (height, width * k))

    return tf.function(counted(translate), jit_compile=True, autograph=False)


def cut_by_translation(kind: ChunkKind) -> ChunkFunction:
    """Return the function that cuts a chunk of a single patch: take its window, translate, crop.

    The legacy code translates the whole image. A window of it gives the same numbers, and needs
    one compilation for each patch size rather than for each object.

    Parameters
    ----------
    kind : ChunkKind
        What to build; one member.

    Returns
    -------
    callable
        As :func:`ptycho_engine.ops.chunks.chunk_function`, for chunks of one patch.
    """
    translate = translation(kind.interpolation, kind.rounding, kind.interleave)
    n, k = kind.patch_size, kind.interleave
    span = n + KERNELS[kind.interpolation].taps - 1

    def cut(image: tf.Tensor, starts: tf.Tensor, offsets: tf.Tensor) -> tf.Tensor:
        window = tf.slice(image, starts[0] * [1, k], [span, k * span])
        with unobserved():
            translated = translate(window, offsets[0])
        return translated[None, :n, : k * n]

    return cut
