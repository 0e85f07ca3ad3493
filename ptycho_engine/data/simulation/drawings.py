"""Pictures of any kind as drawings: their brightness, from 0 to 1."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...errors import InputFileError, one_line
from ...logs import get_logger
from ...memory import check_reading

if TYPE_CHECKING:
    from PIL.Image import Image

#: Bytes that a pixel takes while a picture becomes a drawing.
PIXEL_BYTES = 32
#: Tags of TIFF: bits of a sample, whether 0 is white, and whether samples are unsigned.
BITS, PHOTOMETRIC, SAMPLE_FORMAT = 258, 262, 339
WHITE_IS_ZERO, UNSIGNED = 0, 1


def read_drawing(path: Path, memory_budget: int | str | None = None) -> NDArray[np.float64]:
    """Read the brightness of an image file, turned upright as its EXIF data says.

    The first picture counts where there are several, and the colours of transparent pixels as if
    they were not; both are logged as warnings.

    Parameters
    ----------
    path : Path
        A file that Pillow reads, which matplotlib does too: PNG, TIFF, JPEG and many more.
    memory_budget : int or str, optional
        Bytes that reading may take.

    Returns
    -------
    ndarray of float64, shape (H, W)
        0 where it is darkest, 1 where it is brightest; 0 everywhere if it is uniform.

    Raises
    ------
    InputFileError
        If it cannot be read as an image.
    MemoryBudgetError
        If it is too large.
    """
    from PIL import Image, ImageOps  # what matplotlib reads images with

    if not path.is_file():  # no pipe is waited for
        raise InputFileError(f"{path}: is no regular file. Expected that of an image.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # the budget decides
            picture = Image.open(path)
        with picture:
            needed = picture.width * picture.height * PIXEL_BYTES
            check_reading(f"{path}: reading the image", needed, memory_budget)
            tags = dict(getattr(picture, "tag_v2", {}))  # of a TIFF file
            _warn_of_ignored(path, picture)
            brightness = _brightness(ImageOps.exif_transpose(picture), tags)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise InputFileError(
            f"{path}: cannot be read as an image ({one_line(error)}). Expected a file that Pillow "
            "reads, such as PNG, TIFF or JPEG."
        ) from error
    if not np.isfinite(brightness).all():
        raise InputFileError(f"{path}: holds samples that are NaN or infinite. Expected numbers.")
    lowest, highest = brightness.min(), brightness.max()
    span = max(highest - lowest, np.finfo(np.float64).tiny)
    drawing: NDArray[np.float64] = (brightness - lowest) / span
    return drawing


def _brightness(picture: Image, tags: dict[int, Any]) -> NDArray[np.float64]:
    """Return the samples of a picture, larger where it is brighter."""
    if not picture.mode.startswith(("I", "F")):
        return np.asarray(picture.convert("L"), np.float64)
    samples = np.asarray(picture)  # more than 8 bits: as they are
    unsigned = tags.get(SAMPLE_FORMAT, (UNSIGNED,))[0] == UNSIGNED
    if tags.get(BITS) == (32,) and unsigned:  # Pillow's integers of 32 bits have a sign
        samples = samples.view(np.uint32)
    brightness = samples.astype(np.float64)
    return -brightness if tags.get(PHOTOMETRIC) == WHITE_IS_ZERO else brightness


def _warn_of_ignored(path: Path, picture: Image) -> None:
    """Say which of a file's pictures counts, and that what is transparent does."""
    frames = getattr(picture, "n_frames", 1)
    if frames > 1:
        _warn(f"{path}: holds {frames} pictures. The first of them is the object.")
    transparent = "A" in picture.getbands() or "transparency" in picture.info
    if transparent and np.asarray(picture.convert("RGBA"))[..., 3].min() < 255:
        _warn(
            f"{path}: has transparent pixels. They count as bright as their colour is. Save the "
            "image without transparency to choose what lies behind them."
        )


def _warn(text: str) -> None:
    get_logger().warning("doubtful_scan", reason=text)
