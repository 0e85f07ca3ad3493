"""What the networks of both frameworks have in common: their convolutions, and where they start."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

#: Rows and columns of every kernel.
KERNEL = 3


def convolutions(channels: int, filters: int) -> dict[str, tuple[int, int]]:
    """Return the channels that go in and out of each convolution, by name, in order.

    The encoder halves rows and columns after its first two, the decoder doubles them before its
    own; ``amplitude`` and ``phase`` are the heads.
    """
    wide, widest = 2 * filters, 4 * filters
    return {
        "encode_1": (channels, filters),
        "encode_2": (filters, wide),
        "bottom": (wide, widest),
        "decode_1": (widest, wide),
        "decode_2": (wide, filters),
        "amplitude": (filters, channels),
        "phase": (filters, channels),
    }


def first_weights(
    channels: int, filters: int, seed: int
) -> dict[str, tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """Draw kernels (3, 3, in, out) and biases (out,) by name: Glorot's uniform distribution, and 0.

    The same seed gives the same network in Keras and in torch. Source: X. Glorot and Y. Bengio,
    AISTATS (2010).
    """
    rng = np.random.default_rng(seed)
    drawn = {}
    for name, (received, returned) in convolutions(channels, filters).items():
        limit = np.sqrt(6 / (KERNEL**2 * (received + returned)))
        shape = (KERNEL, KERNEL, received, returned)
        kernel = rng.uniform(-limit, limit, shape).astype(np.float32)
        drawn[name] = kernel, np.zeros(returned, np.float32)
    drawn["amplitude"][1][:] = 1.0  # nearly transparent at first
    return drawn
