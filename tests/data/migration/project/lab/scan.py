"""An object and a scan."""

import numpy as np
from ptycho.raw_data import get_relative_coords


def make():
    rng = np.random.default_rng(5)
    image = (rng.normal(size=(80, 90)) + 1j * rng.normal(size=(80, 90))).astype(np.complex64)
    coords = rng.uniform(5, 75, (6, 1, 2, 4))
    means, relative = get_relative_coords(coords)
    return image, coords, means, relative
