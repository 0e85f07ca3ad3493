"""Patches and groups."""

import numpy as np

from . import params, still_used
from .sampling import bilinear


def get_relative_coords(coords_nn):
    still_used("get_relative_coords")
    return _relative(coords_nn)


def _relative(coords_nn):
    mean = np.mean(coords_nn, axis=3, keepdims=True)
    return mean, -(coords_nn - mean)


def get_image_patches(gt_image, global_offsets, local_offsets, N=None, gridsize=None):
    still_used("get_image_patches")
    n = params.get("N") if N is None else N
    side = params.get("gridsize") if gridsize is None else gridsize
    return _patches(gt_image, global_offsets + local_offsets, n, side)


def _patches(image, offsets, n, side):
    padded = np.pad(image, n // 2)
    patches = np.zeros((len(offsets), n, n, side**2), np.complex64)
    index = np.arange(n, dtype=np.float32)
    for group, member in np.ndindex(len(offsets), side**2):
        x, y = offsets[group, 0, :, member].astype(np.float32)
        patches[group, :, :, member] = bilinear(padded, index + y, index + x)
    return patches


class RawData:
    def __init__(self, xcoords, ycoords, diff3d, objectGuess):
        self.xcoords, self.ycoords = xcoords, ycoords
        self.diff3d, self.objectGuess = diff3d, objectGuess

    def generate_grouped_data(self, N, K=4, nsamples=1, seed=None, gridsize=None):
        still_used("generate_grouped_data")
        side = params.get("gridsize") if gridsize is None else gridsize
        points = np.stack([self.xcoords, self.ycoords], axis=1)
        draws = np.random.RandomState(seed)
        seeds = draws.choice(len(points), nsamples, replace=False)
        distance = ((points[seeds, None] - points) ** 2).sum(axis=2)
        near = distance.argsort(axis=1)[:, 1 : K + 1]
        groups = np.array([draws.choice(row, side**2, replace=False) for row in near])
        coords = np.moveaxis(points[groups], 1, -1)[:, None]
        return {
            "nn_indices": groups,
            "coords_nn": coords,
            "Y": _patches(self.objectGuess, sum(_relative(coords)), N, side),
        }
