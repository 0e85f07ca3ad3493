"""Requests from loose arguments, as tests write them."""

from ptycho_engine.geometry.cut import Cut
from ptycho_engine.request import extraction


def build_request(image, positions, patch_size, *, layout="flat", **how):
    return extraction.build_request(image, positions, Cut(patch_size, **how), layout=layout)
