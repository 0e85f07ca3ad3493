"""``scipy.ndimage.map_coordinates``, order 1."""

from __future__ import annotations

import numpy as np

from ..contender import Contender, Cut

#: Patches per call: coordinates take four times the bytes of a complex64 patch.
BATCH = 256


def load() -> Cut:
    from scipy.ndimage import map_coordinates

    def cut(image, positions, patch_size, out=None):
        grid = np.arange(patch_size) - patch_size // 2
        patches = np.empty((len(positions), patch_size, patch_size), image.dtype)
        for first in range(0, len(positions), BATCH):
            batch = positions[first : first + BATCH]
            rows, columns = np.broadcast_arrays(
                batch[:, 0, None, None] + grid[:, None], batch[:, 1, None, None] + grid
            )
            patches[first : first + BATCH] = map_coordinates(
                image, np.stack([rows, columns]), order=1, mode="grid-constant"
            )
        return patches

    return cut


CONTENDER = Contender("SciPy map_coordinates", load)
