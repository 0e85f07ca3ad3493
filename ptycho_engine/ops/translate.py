"""Translation of whole images, and patches cut by it: one translated image for each patch."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import tensorflow as tf

from ..geometry.kernels import KERNELS
from .chunks import ChunkFunction, ChunkKind
from .interpolate import blend, fractions


@lru_cache(maxsize=64)
def translation(interpolation: str, rounding: str, interleave: int) -> Any:
    """Return the ``tf.function`` that translates an image so that a window starts at [0, 0].

    Parameters
    ----------
    interpolation, rounding : str
        As in the request.
    interleave : {1, 2}
        Numbers per sample.

    Returns
    -------
    tf.function
        Of an image (H, k W), a start (2,) of int32 and an offset (2,), to the translated image of
        the same shape. Samples outside the image count as zero.
    """
    kernel = KERNELS[interpolation]
    weigh, k = kernel.weights, interleave
    assert weigh is not None  # the plugin does not declare the others

    def translate(image: tf.Tensor, start: tf.Tensor, offset: tf.Tensor) -> tf.Tensor:
        height, width = tf.unstack(tf.shape(image) // [1, k])
        numbers = tf.reshape(image, (height, width, k))
        rows, columns = tf.meshgrid(tf.range(height), tf.range(width), indexing="ij")  # (H, W)
        how = kernel, rounding, image.dtype
        row_fractions = fractions(offset[0], rows, *how)[..., None]
        column_fractions = fractions(offset[1], columns, *how)[..., None]

        def sample(row: int, column: int) -> tf.Tensor:
            from_rows = rows + start[0] + row
            from_columns = columns + start[1] + column
            inside = (from_rows < height) & (from_columns < width)
            index = tf.stack(
                [tf.minimum(from_rows, height - 1), tf.minimum(from_columns, width - 1)], axis=-1
            )
            values = tf.gather_nd(numbers, index)  # (H, W, k)
            return tf.where(inside[..., None], values, tf.zeros_like(values))

        weights = weigh(row_fractions), weigh(column_fractions)
        return tf.reshape(blend(sample, *weights, rounding), (height, width * k))

    return tf.function(translate, jit_compile=True, autograph=False)


def cut_by_translation(kind: ChunkKind) -> ChunkFunction:
    """Return the function that cuts a chunk of a single patch: translate the image, then crop.

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

    def cut(image: tf.Tensor, starts: tf.Tensor, offsets: tf.Tensor) -> tf.Tensor:
        # The crop stays outside the compiled function, as in the legacy code: inside, XLA would
        # translate only what is kept.
        return translate(image, starts[0], offsets[0])[None, :n, : k * n]

    return cut
