"""What becomes of detector frames, (count, H, W), on the way to patterns of N x N samples.

Pure functions of arrays; `ptycho_engine.data.detector.detector_steps` applies them to a scan.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Mask = NDArray[np.bool_]
#: What bad pixels become: zero, or the mean of the good ones among their eight neighbours.
Fill = Literal["zero", "neighbours"]
AROUND = tuple((y, x) for y in (-1, 0, 1) for x in (-1, 0, 1) if (y, x) != (0, 0))


def window(frames: Array, start: tuple[int, int], shape: tuple[int, int]) -> Array:
    """Cut the same window of all frames; what lies outside of them is zero.

    Parameters
    ----------
    frames : ndarray, shape (count, H, W)
        The frames.
    start : (int, int)
        First row and column of the window, which may lie outside.
    shape : (int, int)
        Its height and width.

    Returns
    -------
    ndarray, shape (count, *shape)
        A copy, in the dtype of the frames.
    """
    cut = np.zeros((len(frames), *shape), frames.dtype)
    source, target = [], []
    for begin, size, extent in zip(start, shape, frames.shape[1:], strict=True):
        first, last = max(begin, 0), max(min(begin + size, extent), max(begin, 0))
        source.append(slice(first, last))
        target.append(slice(first - begin, last - begin))
    inside = frames[:, source[0], source[1]]
    if inside.size:
        cut[:, target[0], target[1]] = inside
    return cut


def bin_dtype(dtype: np.dtype[Any], factor: int) -> np.dtype[Any]:
    """Return the dtype of sums of ``factor ** 2`` samples: integers get one that holds them."""
    if dtype.kind == "f":
        return np.result_type(dtype, np.float32)
    most = int(np.iinfo(dtype).max) * factor**2
    unsigned = dtype.kind == "u"
    for wider in (
        dtype,
        np.dtype("u4" if unsigned else "i4"),
        np.dtype("u8" if unsigned else "i8"),
    ):
        if wider.itemsize >= dtype.itemsize and most <= int(np.iinfo(wider).max):
            return wider
    return np.dtype(np.float64)


def binned(frames: Array, factor: int) -> Array:
    """Sum squares of ``factor`` x ``factor`` samples.

    Parameters
    ----------
    frames : ndarray, shape (count, H, W)
        Intensities; H and W are multiples of `factor`.
    factor : int
        Samples of a side.

    Returns
    -------
    ndarray, shape (count, H / factor, W / factor)
        Of `bin_dtype`.
    """
    count, height, width = frames.shape
    squares = frames.reshape(count, height // factor, factor, width // factor, factor)
    summed: Array = squares.sum(axis=(2, 4), dtype=bin_dtype(frames.dtype, factor))
    return summed


def oriented(frames: Array, flip_y: bool, flip_x: bool, transpose: bool) -> Array:
    """Mirror frames along y, along x, or both, then exchange rows and columns.

    Parameters
    ----------
    frames : ndarray, shape (count, H, W)
        The frames.
    flip_y, flip_x, transpose : bool
        Which of the three.

    Returns
    -------
    ndarray, shape (count, H, W) or (count, W, H)
        A view.
    """
    turned = frames[:, :: -1 if flip_y else 1, :: -1 if flip_x else 1]
    return turned.transpose(0, 2, 1) if transpose else turned


def without_dark(frames: Array, dark: Array) -> Array:
    """Subtract a dark frame; what would be negative becomes zero.

    Parameters
    ----------
    frames : ndarray, shape (count, H, W)
        Intensities.
    dark : ndarray, shape (H, W)
        What the detector shows without a beam.

    Returns
    -------
    ndarray, shape (count, H, W)
        Of floats, float32 at least.
    """
    dtype = np.result_type(frames.dtype, dark.dtype, np.float32)
    clean: Array = np.maximum(np.subtract(frames, dark, dtype=dtype), 0)
    return clean


def filled(frames: Array, good: Mask, fill: Fill, chosen: Mask | None = None) -> Array:
    """Give bad pixels another value; integers are rounded.

    Parameters
    ----------
    frames : ndarray, shape (count, H, W)
        Is overwritten.
    good : ndarray of bool, shape (H, W)
        Which pixels are good.
    fill : {"zero", "neighbours"}
        What the others become. One without a good neighbour becomes zero.
    chosen : ndarray of bool, shape (H, W), optional
        Which bad pixels get another value; all by default.

    Returns
    -------
    ndarray, shape (count, H, W)
        The frames.
    """
    chosen = ~good if chosen is None else chosen & ~good
    bad = np.argwhere(chosen)  # (K, 2)
    values: Any = 0
    if fill == "neighbours" and len(bad):
        near = bad[:, None] + np.array(AROUND)  # (K, 8, 2)
        inside = ((near >= 0) & (near < good.shape)).all(axis=-1)
        y, x = np.where(inside[..., None], near, 0).transpose(2, 0, 1)
        counts = inside & good[y, x]  # (K, 8)
        known = np.where(counts, frames[:, y, x], 0)  # a bad one may be NaN
        total = known.sum(axis=-1, dtype=np.float64)  # (count, K)
        values = total / np.maximum(counts.sum(axis=-1), 1)
        values = np.rint(values) if frames.dtype.kind in "iu" else values
    frames[:, chosen] = values
    return frames
