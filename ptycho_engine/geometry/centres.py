"""Positions that count from the middle of the object, where each program and version puts it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import RequestError, at_caller, one_of
from .positions import Positions, from_anchor, pairs

Sizes = NDArray[np.float64]

#: Pixel coordinate of the origin in an object of some height or width, and the anchor of a window.
CENTRES: dict[str, tuple[Callable[[Sizes], Sizes], str]] = {
    # the centre of the middle pixel, or the edge between the two in the middle
    "middle": (lambda size: (size - 1) / 2, "half"),
    # coordinates of pixel edges until 1.5, of pixel centres since: windows begin at the same place
    "ptychodus_until_1.5": (lambda size: size / 2, "ptychodus_until_1.5"),
    "ptychodus_from_1.6": (lambda size: (size - 1) / 2, "ptychodus_from_1.6"),
    # half to even: in objects of odd size the origin lies half a pixel from the middle
    "ptychi_until_2.0": (lambda size: np.rint(size / 2) + 0.5, "centre"),
    "ptychi_from_2.1": (lambda size: np.rint(size / 2) - 0.5, "centre"),
}


@at_caller
def from_centre(
    offsets: ArrayLike, object_shape: tuple[int, int], patch_size: int, centre: str = "middle"
) -> Positions:
    """Turn offsets from the middle of the object into positions, by program and version.

    Parameters
    ----------
    offsets : array_like, shape (..., 2)
        Columns (y, x), in object pixels, from where `centre` puts the origin: of metres, what
        `from_metres` gives with its default origin.
    object_shape : (int, int)
        Height and width of the object.
    patch_size : int
        Size N of the patches.
    centre : str
        One of `CENTRES`: ``middle`` (sample ``N // 2`` at ``(H - 1) / 2`` for an offset of zero),
        ``ptychodus_until_1.5``, ``ptychodus_from_1.6``, ``ptychi_until_2.0``,
        ``ptychi_from_2.1``. pty-chi's are those of its Fourier patches, the default; its bilinear
        patches begin half a pixel before.

    Returns
    -------
    ndarray of float64, shape (..., 2)
        Columns (y, x), in object pixels: the windows that the program cuts.

    Raises
    ------
    RequestError
        If the centre is not known, or the shape is not that of an object.
    """
    if centre not in CENTRES:
        raise RequestError(one_of("centre", centre, CENTRES))
    sizes: NDArray[Any] = np.asarray(object_shape)
    if sizes.shape != (2,) or sizes.dtype.kind not in "iu" or (sizes < 1).any():
        raise RequestError(
            f"object_shape: received {object_shape!r}. Expected height and width in pixels: "
            "image.shape[-2:]."
        )
    origin, anchor = CENTRES[centre]
    return from_anchor(pairs(offsets, "offsets") + origin(sizes.astype(float)), patch_size, anchor)


@at_caller
def to_centre(
    positions: ArrayLike, object_shape: tuple[int, int], patch_size: int, centre: str = "middle"
) -> Positions:
    """Turn positions into offsets from the middle of the object: the inverse of `from_centre`.

    Parameters
    ----------
    positions : array_like, shape (..., 2)
        Columns (y, x), in object pixels.
    object_shape, patch_size, centre
        As for `from_centre`.

    Returns
    -------
    ndarray of float64, shape (..., 2)
        Columns (y, x), in object pixels.

    Raises
    ------
    RequestError
        As `from_centre`.
    """
    # Every centre is a shift by one vector, which an offset of zero shows.
    return pairs(positions, "positions") - from_centre([0.0, 0.0], object_shape, patch_size, centre)
