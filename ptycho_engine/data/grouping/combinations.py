"""Combinations by number: the members of the n-th of all choices of C out of K, none of them built.

The numbering is the combinatorial number system: members ``c1 < c2 < ... < cC`` out of
``0 ... K - 1`` have the number ``comb(c1, 1) + comb(c2, 2) + ... + comb(cC, C)`` (D. E. Knuth, The
Art of Computer Programming 4A, section 7.2.1.3, theorem L).
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import RequestError

Indices = NDArray[np.int64]

#: Sums of two such numbers are still whole numbers of 64 bits.
MOST = 1 << 62
#: Up to so many combinations, a table of all of them is kept: reading it is faster than counting.
TABLE = 1 << 15


def count_combinations(pool: int, members: int) -> int:
    """Count the choices of C out of K.

    Parameters
    ----------
    pool, members : int
        K and C, with C from 1 to K.

    Raises
    ------
    RequestError
        If they are more than whole numbers of 64 bits can tell apart.
    """
    found = math.comb(pool, members)
    if found > MOST:
        raise RequestError(
            f"neighbours: received {pool} for groups of {members}: {found:.1e} combinations. "
            f"Expected at most {MOST:.1e}. Take fewer neighbours, or strategy='nearest'."
        )
    return found


def combinations(ranks: NDArray[Any], pool: int, members: int) -> Indices:
    """Return combinations by number.

    Parameters
    ----------
    ranks : ndarray of int64, shape (B,)
        Numbers from 0 to ``comb(K, C) - 1``.
    pool, members : int
        K and C.

    Returns
    -------
    ndarray of int64, shape (B, C)
        The members of each in ascending order, from 0 to ``K - 1``.
    """
    if math.comb(pool, members) <= min(TABLE, len(ranks)):
        return np.take(_table(pool, members), ranks, axis=0)
    return _counted(ranks, pool, members)


@lru_cache(maxsize=8)
def _table(pool: int, members: int) -> Indices:
    return _counted(np.arange(math.comb(pool, members)), pool, members)


def _counted(ranks: NDArray[Any], pool: int, members: int) -> Indices:
    found = np.empty((len(ranks), members), np.int64)
    rest = ranks.astype(np.int64)
    for column in range(members, 0, -1):
        # Of large pools some numbers exceed 64 bits, and every rank.
        below = np.array([min(math.comb(value, column), MOST + 1) for value in range(pool)])
        found[:, column - 1] = np.searchsorted(below, rest, side="right") - 1
        rest -= below[found[:, column - 1]]
    return found
