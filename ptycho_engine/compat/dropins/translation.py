"""Translation of images as PtychoPINN has it, with the semantics of its XLA path alone."""

from __future__ import annotations

from typing import Any

from ...deprecation.table import deprecated
from ...errors import CompatError, one_of
from ..params import ambient
from .channels import shaped

INTERPOLATIONS = ("bilinear", "nearest")


@deprecated("PED004")
def translate(
    imgs: Any,
    offsets: Any,
    interpolation: str = "bilinear",
    use_xla_workaround: bool = False,
) -> Any:
    """Move the content of images by offsets.

    Parameters
    ----------
    imgs : tf.Tensor or ndarray, shape (B, H, W, C)
        The images: float32, float64, complex64 or complex128.
    offsets : tf.Tensor or ndarray, shape (b, 2)
        [dx, dy] in pixels; content moves by +offset. Image i takes offset ``i mod b``.
    interpolation : {"bilinear", "nearest"}
        How samples between pixels are formed.
    use_xla_workaround : bool
        Compile by XLA whatever the legacy settings say.

    Returns
    -------
    tf.Tensor, shape (B, H, W, C)
        The images moved, zero where nothing came from; complex images as complex64.

    Raises
    ------
    CompatError
        If a dtype, a shape or the interpolation cannot be used.
    """
    return translated(imgs, offsets, interpolation, use_xla_workaround)


@deprecated("PED005")
def translate_core(
    images: Any,
    translations: Any,
    interpolation: str = "bilinear",
    use_xla_workaround: bool = False,
) -> Any:
    """Move the content of images: as `translate`, keeping complex128.

    Parameters
    ----------
    images, translations, interpolation, use_xla_workaround
        As `translate` takes them.

    Returns
    -------
    tf.Tensor, shape (B, H, W, C), dtype of the images
        The images moved.

    Raises
    ------
    CompatError
        As `translate`.
    """
    return moved(images, translations, interpolation, use_xla_workaround or ambient.use_xla())


@deprecated("PED006")
def translate_xla(
    images: Any, translations: Any, interpolation: str = "bilinear", use_jit: bool = True
) -> Any:
    """Move the content of images: as `translate`, keeping complex128.

    Parameters
    ----------
    images, translations, interpolation
        As `translate` takes them.
    use_jit : bool
        Compile by XLA; the numbers are the same to rounding.

    Returns
    -------
    tf.Tensor, shape (B, H, W, C), dtype of the images
        The images moved. Gradients reach images and translations.

    Raises
    ------
    CompatError
        As `translate`.
    """
    return moved(images, translations, interpolation, use_jit)


def translated(imgs: Any, offsets: Any, interpolation: str, use_xla_workaround: bool) -> Any:
    """Do what `translate` does, without its warning."""
    import tensorflow as tf

    result = moved(imgs, offsets, interpolation, use_xla_workaround or ambient.use_xla())
    return tf.cast(result, tf.complex64) if result.dtype.is_complex else result


def moved(images: Any, translations: Any, interpolation: str, jit: bool) -> Any:
    """Do what `translate_xla` does, without its warning."""
    import tensorflow as tf

    from ...ops.motions import moved as engine_moved
    from ...ops.motions import run

    if interpolation not in INTERPOLATIONS:
        raise CompatError(one_of("interpolation", interpolation, INTERPOLATIONS))
    images = shaped("images", images, (None,) * 4, "(B, H, W, C)")
    if images.dtype.real_dtype not in (tf.float32, tf.float64):
        raise CompatError(
            f"images: received dtype {images.dtype.name}. Expected float32, float64, complex64 or "
            "complex128."
        )
    translations = shaped("translations", translations, (None, 2), "(b, 2): [dx, dy]")
    # In the precision of the images: legacy coordinates are rounded to it.
    shifts = tf.reverse(tf.cast(translations, images.dtype.real_dtype), [1])
    shifts = _cyclic(shifts, images)
    return run(engine_moved, images, shifts, jit, interpolation=interpolation, fill="zeros")


def _cyclic(translations: Any, images: Any) -> Any:
    """Return one translation for each image, the given ones in turn; surplus is left out."""
    import tensorflow as tf

    given, wanted = translations.shape[0], images.shape[0]
    if given == wanted and given is not None:
        return translations
    if given == 0 and wanted != 0:
        raise CompatError(f"translations: none for {wanted} images. Expected at least one.")
    index = tf.range(tf.shape(images)[0]) % tf.shape(translations)[0]
    return tf.gather(translations, index)
