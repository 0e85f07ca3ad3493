"""pty-chi's bilinear patches, on torch."""

from __future__ import annotations

from ..contender import Contender, Cut


def load() -> Cut:
    import torch
    from ptychi.image_proc import extract_patches_bilinear_shift

    def cut(image, positions, patch_size, out=None):
        n = patch_size
        # Its window starts at p - N / 2, for odd N too.
        centres = torch.from_numpy(positions - n // 2 + n / 2)
        with torch.inference_mode():
            return extract_patches_bilinear_shift(torch.from_numpy(image), centres, (n, n)).numpy()

    return cut


CONTENDER = Contender("pty-chi bilinear", load, note="windows must lie inside the object")
