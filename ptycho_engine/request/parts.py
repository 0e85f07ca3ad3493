"""Parts of a continued object: what is cut where the whole would be too large to copy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .windows import source_index

Array = NDArray[Any]


def continued_part(
    image: Array,
    corner: tuple[int, int],
    fill: str,
    part: Array,
) -> Array:
    """Copy a rectangle of an object that is continued beyond its borders.

    Parameters
    ----------
    image : ndarray, shape (H, W)
        The object.
    corner : (int, int)
        First row and column, relative to the object.
    fill : {"zeros", "edge", "reflect"}
        How it is continued.
    part : ndarray, shape (h, w), of the object's dtype
        Receives the samples.

    Returns
    -------
    ndarray
        `part`.
    """
    (top, bottom), (left, right) = (
        np.clip([first, first + length], 0, size) - first
        for first, length, size in zip(corner, part.shape, image.shape, strict=True)
    )
    y, x = corner
    part[top:bottom, left:right] = image[y + top : y + bottom, x + left : x + right]
    outside = (
        (slice(0, top), slice(None)),
        (slice(bottom, None), slice(None)),
        (slice(top, bottom), slice(0, left)),
        (slice(top, bottom), slice(right, None)),
    )
    for rows, columns in outside:
        if not part[rows, columns].size:
            continue
        if fill == "zeros":
            part[rows, columns] = 0
        else:
            from_rows, from_columns = (
                source_index(np.arange(first, first + length), size, fill)
                for first, length, size in zip(corner, part.shape, image.shape, strict=True)
            )
            part[rows, columns] = image[np.ix_(from_rows[rows], from_columns[columns])]
    return part


def stacked_windows(
    image: Array,
    firsts: NDArray[np.integer[Any]],
    span: int,
    fill: str,
    empty: Callable[[tuple[int, ...], np.dtype[Any]], Array] = np.empty,
) -> Array:
    """Copy windows one below the other, each with the samples beyond the object's borders.

    Parameters
    ----------
    image : ndarray, shape (H, W)
        The object.
    firsts : ndarray of int, shape (P, 2)
        First row and column of each window, relative to the object.
    span : int
        Rows and columns of a window.
    fill : {"zeros", "edge", "reflect"}
        How the object is continued.
    empty : callable
        Allocates the result from its shape and dtype.

    Returns
    -------
    ndarray, shape (P * span, span)
        Window p begins at row ``p * span``.
    """
    stack = empty((len(firsts) * span, span), image.dtype)
    for first, window in zip(firsts.tolist(), stack.reshape(-1, span, span), strict=True):
        continued_part(image, tuple(first), fill, window)
    return stack
