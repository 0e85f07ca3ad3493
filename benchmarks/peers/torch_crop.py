"""torch-subpixel-crop, on real and imaginary parts."""

from __future__ import annotations

import numpy as np

from ..contender import Contender, Cut

#: Patches per call: it makes a float32 grid of three coordinates per sample, and copies of it.
BATCH = 1024


def load() -> Cut:
    import torch
    from torch_subpixel_crop import subpixel_crop_2d

    def cut(image, positions, patch_size, out=None):
        patches = np.empty((len(positions), patch_size, patch_size), image.dtype)
        parts = [torch.from_numpy(np.ascontiguousarray(p)) for p in (image.real, image.imag)]
        centres = torch.from_numpy(positions.astype(np.float32))
        with torch.inference_mode():
            for first in range(0, len(positions), BATCH):
                batch = slice(first, first + BATCH)
                for part, target in zip(parts, (patches.real, patches.imag), strict=True):
                    target[batch] = subpixel_crop_2d(part, centres[batch], patch_size).numpy()
        return patches

    return cut


CONTENDER = Contender(
    "torch-subpixel-crop",
    load,
    tolerance=1e-3,
    instead="whole-pixel window, then a Fourier shift, periodic in the patch",
    note="float32 coordinates",
)
