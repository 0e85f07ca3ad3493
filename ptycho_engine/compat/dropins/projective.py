"""Projective warps of images as PtychoPINN has them."""

from __future__ import annotations

from typing import Any

from ...deprecation.table import deprecated
from ...errors import CompatError, one_of
from .channels import shaped, unmasked
from .translation import INTERPOLATIONS

FILLS = ("edge", "zeros")


@deprecated("PED009")
def tfa_params_to_3x3(params: Any) -> Any:
    """Turn the eight parameters of homographies into matrices.

    Parameters
    ----------
    params : tf.Tensor, shape (B, 8)
        a0 a1 a2 b0 b1 b2 c0 c1, row by row; the ninth element is 1.

    Returns
    -------
    tf.Tensor, shape (B, 3, 3), dtype of the parameters
        The matrices.

    Raises
    ------
    CompatError
        If the shape is another.
    """
    return _matrices(params)


@deprecated("PED007")
def projective_warp_xla(
    images: Any, transforms: Any, *, interpolation: str = "bilinear", fill_mode: str = "edge"
) -> Any:
    """Warp images by homographies, eagerly.

    Parameters
    ----------
    images : tf.Tensor or ndarray, shape (B, H, W, C)
        Floating or integer. Below float32, and integers, are computed in float32 and cast back;
        integers are truncated.
    transforms : tf.Tensor or ndarray, shape (B, 3, 3) or (B, 8)
        Take (x, y, 1) of a pixel of the result to the point that it samples: float64 for float64
        images, else float32. Eight parameters are cast.
    interpolation : {"bilinear", "nearest"}
        Nearest rounds half to even.
    fill_mode : {"edge", "zeros"}
        What lies outside the images.

    Returns
    -------
    tf.Tensor, shape (B, H, W, C), dtype of the images
        The images warped.

    Raises
    ------
    CompatError
        If a dtype, a shape or an option cannot be used.
    """
    return _warped(images, transforms, interpolation, fill_mode, jit=False)


@deprecated("PED008")
def projective_warp_xla_jit(
    images: Any, transforms: Any, interpolation: str = "bilinear", fill_mode: str = "edge"
) -> Any:
    """Warp images by homographies: as `projective_warp_xla`, compiled by XLA.

    Parameters
    ----------
    images, transforms, interpolation, fill_mode
        As `projective_warp_xla` takes them.

    Returns
    -------
    tf.Tensor, shape (B, H, W, C), dtype of the images
        The images warped.

    Raises
    ------
    CompatError
        As `projective_warp_xla`.
    """
    return _warped(images, transforms, interpolation, fill_mode, jit=True)


def _warped(images: Any, transforms: Any, interpolation: str, fill: str, *, jit: bool) -> Any:
    import tensorflow as tf

    from ...ops.motions import projected, run

    for name, value, options in (
        ("interpolation", interpolation, INTERPOLATIONS),
        ("fill_mode", fill, FILLS),
    ):
        if value not in options:
            raise CompatError(one_of(name, value, options))
    images = shaped("images", images, (None,) * 4, "real numbers (B, H, W, C)")
    if not (images.dtype.is_floating or images.dtype.is_integer):
        raise CompatError(f"images: received dtype {images.dtype.name}. Expected real numbers.")
    dtype = tf.float64 if images.dtype == tf.float64 else tf.float32
    transforms = tf.convert_to_tensor(unmasked("transforms", transforms))
    if transforms.shape.rank == 2:
        transforms = tf.cast(_matrices(transforms), dtype)
    count = images.shape[0]
    words = f"{dtype.name} of shape ({count}, 3, 3), or ({count}, 8)"
    if transforms.dtype != dtype:
        raise CompatError(f"transforms: received dtype {transforms.dtype.name}. Expected {words}.")
    transforms = shaped("transforms", transforms, (count, 3, 3), words)
    how = {"interpolation": interpolation, "fill": fill}
    result = run(projected, tf.cast(images, dtype), transforms, jit, **how)
    return tf.cast(result, images.dtype)


def _matrices(params: Any) -> Any:
    from ...ops.motions import as_matrices

    return as_matrices(shaped("params", params, (None, 8), "(B, 8)"))
