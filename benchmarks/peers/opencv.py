"""OpenCV's ``getRectSubPix`` on real and imaginary parts."""

from __future__ import annotations

import numpy as np

from ..contender import Contender, Cut


def load() -> Cut:
    from cv2 import getRectSubPix

    def cut(image, positions, patch_size, out=None):
        n = patch_size
        if out is None:
            out = np.empty((len(positions), n, n), image.dtype)
        real, imaginary = (np.ascontiguousarray(part) for part in (image.real, image.imag))
        # Its anchor is the true centre of the window.
        centres = positions - n // 2 + (n - 1) / 2
        for patch, (y, x) in zip(out, centres.tolist(), strict=True):
            patch.real = getRectSubPix(real, (n, n), (x, y))
            patch.imag = getRectSubPix(imaginary, (n, n), (x, y))
        return out

    return cut


CONTENDER = Contender(
    "OpenCV getRectSubPix",
    load,
    takes_out=True,
    tolerance=1e-3,
    note="float32 coordinates; repeats the border outside the object",
)
