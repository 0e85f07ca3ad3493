"""Patches by NumPy slicing, one patch at a time: slow, and without any framework."""

from dataclasses import dataclass

import numpy as np
from ptycho_engine.plugin import KERNELS, Capabilities, find_windows, hookimpl, pad


@dataclass(frozen=True)
class Options:
    """Options; the keys of the plugin's YAML file besides the name."""

    double_sum: bool = False


@hookimpl
def plugin_capabilities():
    """Declare the options; the rest are the defaults, and requests beyond them are refused."""
    return Capabilities(options=Options)


@hookimpl
def extract_patches(request, options, out):
    """Slice one window for each tap of the kernel, and add them up."""
    kernel = KERNELS[request.interpolation]
    found = find_windows(request)
    n = request.patch_size
    image = pad(request.image, found.padding, request.fill)
    if options.double_sum:
        image = image.astype(np.result_type(image, np.float64))
    windows = zip(found.starts, found.offsets, strict=True)
    for p, ((row, column), offsets) in enumerate(windows):
        if kernel.snaps:
            offsets = (offsets >= 0.5).astype(offsets.dtype)
        patch = np.zeros((*image.shape[:-2], n, n), image.dtype)
        for i, row_weight in enumerate(kernel.weights(offsets[0])):
            for j, column_weight in enumerate(kernel.weights(offsets[1])):
                weight = row_weight * column_weight
                if weight:  # a sample without weight may be NaN
                    rows = slice(row + i, row + i + n)
                    columns = slice(column + j, column + j + n)
                    patch += weight * image[..., rows, columns]
        out[..., p, :, :] = patch
    return out
