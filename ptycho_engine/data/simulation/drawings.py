"""Pictures of any kind as drawings: their brightness, from 0 to 1."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...errors import InputFileError, one_line
from ...memory import check_reading

#: Bytes that a pixel takes while a picture becomes a drawing.
PIXEL_BYTES = 32


def read_drawing(path: Path, memory_budget: int | str | None = None) -> NDArray[np.float64]:
    """Read the brightness of an image file.

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
    from PIL import Image  # what matplotlib reads images with

    if not path.is_file():  # no pipe is waited for
        raise InputFileError(f"{path}: is no regular file. Expected that of an image.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # the budget decides
            picture = Image.open(path)
        with picture:
            needed = picture.width * picture.height * PIXEL_BYTES
            check_reading(f"{path}: reading the image", needed, memory_budget)
            wide = picture.mode.startswith(("I", "F"))  # more than 8 bits: as they are
            brightness = np.asarray(picture if wide else picture.convert("L"), np.float64)
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
