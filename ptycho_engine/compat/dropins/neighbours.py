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
    rng: Any = None,
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
    rng : numpy.random.Generator or RandomState, optional
        Draws in place of a seed.
    sequential : bool
        The first points are the seed points. Up to as many groups as points, 0 is then the seed.
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
    oversampled = nsamples > count and members > 1
    pool = pool_size if oversampled and pool_size is not None else neighbours
    if oversampled and not oversampling:
        raise CompatError(
            f"generate_grouped_data: received nsamples={nsamples} for {count} points. So many "
            "groups need K choose C oversampling, which is off: pass enable_oversampling=True and "
            f"neighbor_pool_size >= C (neighbor_pool_size >= {members}), or fewer groups; "
            "OVERSAMPLING-001."
        )
    if count < members or pool < members or nsamples < 0:
        raise CompatError(_refusal(count, members, nsamples, pool, oversampled))
    if rng is not None and not hasattr(rng, "choice"):
        raise CompatError(f"rng: received a {type(rng).__name__}. Expected a Generator of NumPy.")
    if sequential and not oversampled:
        rng, seed = None, 0
    # The stream of draws is part of the numbers: no newer generator gives the same groups.
    draws: Any = rng or (np.random if seed is None else np.random.RandomState(seed))
    if oversampled:
        return _oversampled(points, members, nsamples, pool, draws, sequential)
    seeds = _seed_points(draws, count, min(nsamples, count), sequential)
    if members == 1:
        return seeds[:, None]
    found = _neighbours(points, seeds, neighbours)
    near = found[:, 1:] if found.shape[1] > neighbours else found
    rows = [draws.choice(row, size=members, replace=False) for row in near]
    return np.array(rows, np.int32).reshape(-1, members)


def _refusal(count: int, members: int, nsamples: int, pool: int, oversampled: bool) -> str:
    """Say what does not suffice, with the words by which callers of legacy code tell them."""
    name = "neighbor_pool_size" if oversampled else "K"
    of = "K choose C oversampling, OVERSAMPLING-001: " if oversampled else ""
    return (
        f"generate_grouped_data: received {count} points, {name}={pool}, nsamples={nsamples} for "
        f"groups of gridsize**2 = {members}. Expected at least {members} points, {name} of at "
        f"least {members} ({of}{name} >= C), and nsamples of zero or more."
    )


def _oversampled(
    points: Array, members: int, nsamples: int, pool: int, draws: Any, sequential: bool
) -> Array:
    """Draw from the combinations of the neighbours of as few points as give enough of them."""
    wanted = min(2 * math.ceil(nsamples / math.comb(pool, members)), len(points))
    seeds = _seed_points(draws, len(points), wanted, sequential)
    near = _neighbours(points, seeds, pool)[:, 1:]
    if near.shape[1] < members:
        near = np.concatenate([seeds[:, None], near], axis=1)
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
    """Return the indices of the points nearest to some, themselves among them."""
    try:
        # Among equally near points it is this library's order that legacy groups rest on.
        from scipy.spatial import cKDTree
    except ImportError as error:
        raise CompatError(
            "generate_grouped_data with gridsize above 1 needs SciPy, which cannot be imported: "
            "pip install scipy."
        ) from error
    found: Array = cKDTree(points).query(points[seeds], k=min(wanted + 1, len(points)))[1]
    return found
