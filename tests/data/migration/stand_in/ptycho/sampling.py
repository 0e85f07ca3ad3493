"""Bilinear samples in the float32 coordinates of the whole padded image."""

import numpy as np


def bilinear(image, y, x):
    """Sample ``image`` at the grid of float32 coordinates; zero lies outside."""
    rows, columns = np.floor(y).astype(int), np.floor(x).astype(int)
    wy, wx = (y - np.floor(y))[:, None], (x - np.floor(x))[None]
    one = np.float32(1)
    return (
        _at(image, rows, columns) * ((one - wy) * (one - wx))
        + _at(image, rows, columns + 1) * ((one - wy) * wx)
        + _at(image, rows + 1, columns) * (wy * (one - wx))
        + _at(image, rows + 1, columns + 1) * (wy * wx)
    )


def _at(image, rows, columns):
    inside = ((rows >= 0) & (rows < image.shape[0]))[:, None] & (
        (columns >= 0) & (columns < image.shape[1])
    )
    clipped = np.clip(rows, 0, image.shape[0] - 1), np.clip(columns, 0, image.shape[1] - 1)
    return np.where(inside, image[np.ix_(*clipped)], 0)
