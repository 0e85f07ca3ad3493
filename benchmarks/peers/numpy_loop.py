"""Slices in a Python loop: what one writes first."""

from __future__ import annotations

import numpy as np

from ..contender import Contender, Cut


def load() -> Cut:
    return cut


def cut(image, positions, patch_size, out=None):
    """Interpolate along x, then along y; windows must lie inside the object."""
    n = patch_size
    starts = positions.reshape(-1, 2) - n // 2
    whole = np.floor(starts).astype(np.int64)
    fractions = starts - whole
    channels = 1 if positions.ndim == 2 else positions.shape[1]
    if out is None:
        groups = positions.shape[0]
        shape = (groups, n, n) if positions.ndim == 2 else (groups, n, n, channels)
        out = np.empty(shape, image.dtype)
    for p, ((y, x), (v, u)) in enumerate(zip(whole.tolist(), fractions.tolist(), strict=True)):
        window = image[y : y + n + 1, x : x + n + 1]
        rows = (1 - u) * window[:, :-1] + u * window[:, 1:]
        target = out[p] if positions.ndim == 2 else out[p // channels, ..., p % channels]
        target[...] = (1 - v) * rows[:-1] + v * rows[1:]
    return out


CONTENDER = Contender("NumPy slicing loop", load, layouts=("flat", "channel"), takes_out=True)
