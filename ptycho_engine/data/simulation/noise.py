"""Counting noise, the same for a seed however the patterns are shared out."""

from __future__ import annotations

import numpy as np

#: Patterns that share a stream of random numbers: the only thing that ties draws together.
BLOCK = 64


def stream(seed: int, block: int) -> np.random.Generator:
    """Return the random numbers of one block of patterns.

    Parameters
    ----------
    seed : int
        Seed of the whole scan, not negative.
    block : int
        Number of the block: pattern k belongs to ``k // BLOCK``. Its patterns are drawn in order.

    Returns
    -------
    numpy.random.Generator
        A stream of its own: it depends on nothing but the two numbers.
    """
    seeds = np.random.SeedSequence(seed, spawn_key=(block,))
    return np.random.Generator(np.random.PCG64DXSM(seeds))
