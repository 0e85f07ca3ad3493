"""What PtychoPINN refuses and what it draws from, in front of the groups that it published."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...data.grouping.published import is_oversampled, published_groups
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
    oversampled = is_oversampled(count, members, nsamples)
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
    draws: Any = rng or (np.random if seed is None else np.random.RandomState(seed))
    groups, _ = published_groups(points, members, nsamples, pool, draws, sequential=sequential)
    return groups


def _refusal(count: int, members: int, nsamples: int, pool: int, oversampled: bool) -> str:
    """Say what does not suffice, with the words by which callers of legacy code tell them."""
    name = "neighbor_pool_size" if oversampled else "K"
    of = "K choose C oversampling, OVERSAMPLING-001: " if oversampled else ""
    return (
        f"generate_grouped_data: received {count} points, {name}={pool}, nsamples={nsamples} for "
        f"groups of gridsize**2 = {members}. Expected at least {members} points, {name} of at "
        f"least {members} ({of}{name} >= C), and nsamples of zero or more."
    )
