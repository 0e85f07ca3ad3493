"""Images moved by shifts, and warped by projective transforms, in TensorFlow.

Importing this module does not import TensorFlow; its functions do.
"""

from __future__ import annotations

from typing import Any, Literal, get_args

from ..arrays.tensors import outside_autograph
from ..errors import RequestError, one_line, one_of
from ..extras import require
from ..switches import report_unheeded
from .runtime import prepare_tensorflow

Interpolation = Literal["nearest", "bilinear", "bicubic"]
Fill = Literal["zeros", "edge"]


@outside_autograph
def translate(
    images: Any,
    shifts: Any,
    *,
    interpolation: Interpolation = "bilinear",
    fill: Fill = "zeros",
    jit_compile: bool = False,
) -> Any:
    """Move the content of images by shifts: ``out(p) = in(p - shift)``.

    Parameters
    ----------
    images : tf.Tensor or ndarray, shape (B or 1, H, W, C)
        The images: real or complex, half, single or double; half is computed in single.
    shifts : tf.Tensor or ndarray, shape (B or 1, 2)
        Columns (y, x), in pixels; computed with in float64. Content moves by +shift. One shift
        serves all images, and one image all shifts.
    interpolation : {"nearest", "bilinear", "bicubic"}
        How samples between pixels are formed. "nearest" rounds half to even and has no gradient
        for shifts; its result is what was sampled, unblended.
    fill : {"zeros", "edge"}
        What the pixels outside count as: zero, or the nearest pixel inside. For "nearest" under
        "zeros" a point outside ``[0, H - 1] x [0, W - 1]`` is zero, however near.
    jit_compile : bool
        Compile by XLA: one compilation for each shape. False runs as the code around does: at
        once, in its graph, or compiled with it.

    Returns
    -------
    tf.Tensor, shape (B, H, W, C), dtype of the images
        The images moved. Gradients reach images and, but for "nearest", shifts, whose gradient is
        None then. An infinite shift moves all content away; NaN gives NaN. A pixel without weight
        does not count, even if it is NaN.

    Raises
    ------
    RequestError
        If a shape, a dtype or an option cannot be used.
    MissingExtraError
        If TensorFlow is not installed.
    """
    images = _prepared(images, interpolation, fill, "translate")
    shifts = _parameters("shifts", shifts, [(2,)], images)
    import tensorflow as tf

    from .motions import moved, run

    return run(
        moved, images, tf.cast(shifts, tf.float64), jit_compile,
        interpolation=interpolation, fill=fill,
    )  # fmt: skip


@outside_autograph
def projective_warp(
    images: Any,
    transforms: Any,
    *,
    interpolation: Interpolation = "bilinear",
    fill: Fill = "zeros",
    jit_compile: bool = False,
) -> Any:
    """Warp images by projective transforms: each pixel of the result samples a point.

    Parameters
    ----------
    images : tf.Tensor or ndarray, shape (B or 1, H, W, C)
        As for `translate`.
    transforms : tf.Tensor or ndarray, shape (B or 1, 3, 3) or (B or 1, 8)
        Matrices that take (x, y, 1) of a pixel of the result to w times the point (x, y, 1) of the
        image that it samples: x comes first, as everywhere in such matrices. Eight numbers are a
        matrix row by row whose last is 1, as ``tf.raw_ops.ImageProjectiveTransformV3`` takes them.
        Points are computed in the precision of the transforms, half in single.
    interpolation, fill, jit_compile
        As for `translate`.

    Returns
    -------
    tf.Tensor, shape (B, H, W, C), dtype of the images
        The images warped. Gradients reach images and, but for "nearest", transforms. A pixel for
        which w is 0 samples no point: it is 0, whatever the fill. NaN in a transform gives NaN.

    Raises
    ------
    RequestError
        If a shape, a dtype or an option cannot be used.
    MissingExtraError
        If TensorFlow is not installed.
    """
    images = _prepared(images, interpolation, fill, "projective_warp")
    transforms = _parameters("transforms", transforms, [(3, 3), (8,)], images)
    from .motions import as_matrices, projected, run

    matrices = as_matrices(transforms) if transforms.shape.rank == 2 else transforms
    return run(projected, images, matrices, jit_compile, interpolation=interpolation, fill=fill)


def _prepared(images: Any, interpolation: str, fill: str, what: str) -> Any:
    """Return the images as a tensor, checked as far as they are known."""
    for name, value, options in (
        ("interpolation", interpolation, get_args(Interpolation)),
        ("fill", fill, get_args(Fill)),
    ):
        if value not in options:
            raise RequestError(one_of(name, value, options))
    require("tensorflow", what)
    report_unheeded("jit_compile=")
    prepare_tensorflow()
    import tensorflow as tf

    images = _as_tensor("images", images)
    if not (images.dtype.is_floating or images.dtype.is_complex) or images.dtype.size < 2:
        raise RequestError(
            f"images: received dtype {images.dtype.name}. Expected real or complex numbers of "
            "half, single or double precision: cast them first."
        )
    if not images.shape.is_compatible_with((None,) * 4):
        raise RequestError(
            f"images: received shape {images.shape}. Expected (B, H, W, C): give one image "
            "a first axis of 1, and images without channels a last one."
        )
    return tf.ensure_shape(images, (None,) * 4)


def _as_tensor(name: str, value: Any) -> Any:
    import tensorflow as tf

    try:
        return tf.convert_to_tensor(value)
    except (TypeError, ValueError) as error:
        raise RequestError(
            f"{name}: received {type(value).__name__}, which is no tensor: {one_line(error, 150)} "
            "Expected a tensor, or an array of numbers that TensorFlow knows."
        ) from error


def _parameters(name: str, value: Any, rows: list[tuple[int, ...]], images: Any) -> Any:
    """Return what says how each image is sampled, in single or double precision."""
    import tensorflow as tf

    value = _as_tensor(name, value)
    expected = " or ".join(f"(B, {', '.join(map(str, row))})" for row in rows)
    wanted = [(None, *row) for row in rows if value.shape.is_compatible_with((None, *row))]
    if not wanted or (value.shape.rank is None and len(rows) > 1):
        raise RequestError(f"{name}: received shape {value.shape}. Expected {expected}.")
    if value.dtype.is_complex or value.dtype in (tf.bool, tf.string):
        raise RequestError(f"{name}: received dtype {value.dtype.name}. Expected real numbers.")
    if value.dtype not in (tf.float32, tf.float64):
        value = tf.cast(value, tf.float32 if value.dtype.is_floating else tf.float64)
    value = tf.ensure_shape(value, wanted[0])
    counts = {images.shape[0], value.shape[0]} - {None, 1}
    if len(counts) > 1:
        raise RequestError(
            f"{name}: received {value.shape[0]} for {images.shape[0]} images. Expected as many as "
            "images, or one for all."
        )
    return value
