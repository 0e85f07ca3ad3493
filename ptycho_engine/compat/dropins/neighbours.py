"""Which points form groups: PtychoPINN's draws, number by number."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import CompatError

Array = NDArray[Any]


def group_indices(
    points: Array,
    members: int,
    nsamples: int,
    neighbours: int,
    *,
    seed: int | None = None,
    sequential: bool = False,
    oversampling: bool = False,
    pool_size: int | None = None,
) -> Array:
    """Draw groups of neighbouring points.

    Parameters
    ----------
    points : ndarray, shape (n, 2)
        The points, [x, y].
    members : int
        Size C of a group.
    nsamples : int
        Groups wanted.
    neighbours : int
        K: how many neighbours of a seed point its group is drawn from.
    seed : int, optional
        Seed of the draws; the global stream of NumPy goes on if left out.
    sequential : bool
        The first points are the seed points; `seed` is then ignored for 0.
    oversampling : bool
        Whether there may be more groups than points.
    pool_size : int, optional
        Takes the place of K for oversampling.

    Returns
    -------
    ndarray, shape (B, C)
        Indices of points. The seed point itself is in no group of several, unless there are few
        points.

    Raises
    ------
    CompatError
        If there are too few points or neighbours, or too many groups.
    """
    count = len(points)
    if count < members or neighbours < members or nsamples < 0:
        raise CompatError(
            f"generate_grouped_data: received {count} points, K={neighbours}, nsamples={nsamples} "
            f"for groups of gridsize**2 = {members}. Expected at least {members} points, K of at "
            f"least {members}, and nsamples of zero or more."
        )
    # The stream of draws is part of the numbers: no newer generator gives the same groups.
    draws: Any = np.random if seed is None else np.random.RandomState(seed)
    seeds = _seed_points(draws, count, min(nsamples, count), sequential)
    if sequential:
        draws = np.random.RandomState(0)
    if members == 1:
        return seeds[:, None]
    if nsamples <= count:
        near = _neighbours(points, seeds, neighbours)
        rows = [draws.choice(row, size=members, replace=False) for row in near]
        return np.array(rows, np.int32).reshape(-1, members)
    pool = pool_size or neighbours
    if not oversampling or pool < members:
        raise CompatError(
            f"generate_grouped_data: received nsamples={nsamples} for {count} points, "
            f"neighbor_pool_size={pool_size}. Expected nsamples of {count} at most, or "
            f"enable_oversampling=True and a pool of at least {members}."
        )
    needed = min(2 * math.ceil(nsamples / math.comb(pool, members)), count)
    near = _neighbours(points, _seed_points(draws, count, needed, sequential), pool)
    offered = itertools.chain.from_iterable(itertools.combinations(r, members) for r in near)
    groups: Array = np.array(list(itertools.islice(offered, 2 * nsamples)), np.int64)
    chosen: Array = draws.choice(len(groups), size=nsamples, replace=len(groups) < nsamples)
    return groups[chosen]


def _seed_points(draws: Any, count: int, wanted: int, sequential: bool) -> Array:
    if sequential or wanted >= count:
        return np.arange(wanted)
    found: Array = draws.choice(count, size=wanted, replace=False)
    return found


def _neighbours(points: Array, seeds: Array, wanted: int) -> Array:
    """Return the indices of the nearest points, without the first where there are more."""
    try:
        # Among equally near points it is this library's order that legacy groups rest on.
        from scipy.spatial import cKDTree
    except ImportError as error:
        raise CompatError(
            "generate_grouped_data with gridsize above 1 needs SciPy, which is not installed: "
            'pip install "ptycho_engine[legacy]".'
        ) from error
    found: Array = cKDTree(points).query(points[seeds], k=min(wanted + 1, len(points)))[1]
    return found[:, 1:] if found.shape[1] > wanted else found
