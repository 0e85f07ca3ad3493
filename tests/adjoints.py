"""The adjoint of extraction by definition: a matrix, whose columns are patches of unit impulses."""

import numpy as np

from ptycho_engine.testing import reference_patches


def matrix_of(cut, shape, positions):
    """Return A, (P, N, N, H, W), float64: patches = A object."""
    impulses = np.eye(shape[0] * shape[1]).reshape(-1, *shape)
    patches = reference_patches(
        impulses, positions, cut.patch_size, cut.interpolation, cut.fill
    )  # (H * W, P, N, N)
    return np.moveaxis(patches, 0, -1).reshape(*patches.shape[1:], *shape)


def naive_placer(cut, shape):
    """Make what adds patches (..., P, N, N) onto an object (..., H, W)."""

    def place(patches, positions, out):
        matrix = matrix_of(cut, shape, positions)
        out += np.einsum("...pij,pijhw->...hw", patches, matrix).astype(out.dtype)
        return out

    return place
