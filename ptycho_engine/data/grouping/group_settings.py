"""The settings of a job that forms groups, and the groups that they mean."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
from numpy.typing import ArrayLike

from ...errors import ConfigurationError, RequestError, at_caller
from ...logs import get_logger
from .grouping import check_points, group, load_strategy, whole_number
from .groups import Groups
from .published import LEGACY, random_state
from .subsets import Unit, check_bounds, region, subsample
from .task import Indices


@dataclass(frozen=True)
class GroupSettings:
    """Which points of a scan form which groups.

    A region is taken first, then a sample of it, then groups of the sample.

    Attributes
    ----------
    members : int
        C, the size of a group: the square of PtychoPINN's gridsize.
    count : int or None
        B, how many groups; one a point if None.
    strategy, neighbours, oversampling, pool_size, options
        As for :func:`ptycho_engine.group`; neighbours and pool_size are refused where the strategy
        does not read them.
    sequential : bool
        The first points are the seeds of groups, rather than drawn ones.
    seed : int or None
        Seed of the groups; None goes on with the draws of the sample.
    subsample : int or None
        How many points take part; all if None, or if there are fewer.
    subsample_seed : int or None
        Seed of the sample; if None, `seed` is, and the groups go on from there.
    y_bounds, x_bounds : list of float, or None
        Lower and upper bound of the region of interest.
    bounds_unit : {"fraction", "pixels"}
        What bounds are, as for :func:`ptycho_engine.data.grouping.subsets.region`.
    """

    members: int = 1
    count: int | None = None
    strategy: str = "nearest"
    neighbours: int | None = None
    oversampling: bool = False
    pool_size: int | None = None
    sequential: bool = False
    seed: int | None = 0
    subsample: int | None = None
    subsample_seed: int | None = None
    y_bounds: list[float] | None = None
    x_bounds: list[float] | None = None
    bounds_unit: str = "fraction"
    options: dict[str, Any] = field(default_factory=dict)


def check_settings(settings: GroupSettings) -> None:
    """Refuse, before a scan is read, what no scan could be grouped by.

    Raises
    ------
    RequestError, ConfigurationError, PluginError
        As :func:`make_groups`.
    """
    if not reads_neighbours(settings):
        for name in ("neighbours", "pool_size"):
            value = getattr(settings, name)
            if value is not None:
                raise ConfigurationError(
                    f"groups.{name}: received {value} with groups.strategy={settings.strategy}, "
                    "which draws from no neighbours. Expected null, or another strategy, such as "
                    "random_of_k."
                )
    whole_number("members", settings.members, 1)
    if settings.neighbours is not None and settings.pool_size is None:
        whole_number("neighbours", settings.neighbours, settings.members)
    if settings.subsample is not None:
        whole_number("subsample", settings.subsample, 0)
    check_bounds(settings.y_bounds, settings.x_bounds, cast(Unit, settings.bounds_unit))
    _streams(settings)


def reads_neighbours(settings: GroupSettings) -> bool:
    """Whether the strategy draws from neighbours; errors as for `load_strategy`."""
    _, strategy = load_strategy(settings.strategy, settings.options)
    return bool(getattr(strategy, "reads_neighbours", True))


@at_caller
def make_groups(
    positions: ArrayLike,
    settings: GroupSettings,
    *,
    memory_budget: int | str | None = None,
) -> Groups:
    """Form the groups of a scan; one log event says how they cover it.

    Parameters
    ----------
    positions : array_like, shape (P, 2)
        Scan positions (y, x) in object pixels.
    settings : GroupSettings
        What is wanted.
    memory_budget : int or str, optional
        As for :func:`ptycho_engine.group`.

    Returns
    -------
    Groups
        Indices are those of all P positions, whatever the region and the sample left out.

    Raises
    ------
    RequestError, ConfigurationError, PluginError, MemoryBudgetError
        As for :func:`ptycho_engine.group`; also if a bound cannot be used, there is no seed, or
        region and sample leave too few points.
    """
    points = check_points(positions)
    check_settings(settings)
    y, x = settings.y_bounds, settings.x_bounds
    within = kept = region(points, y, x, unit=cast(Unit, settings.bounds_unit))
    sampling, grouping = _streams(settings)
    drawn = settings.subsample is not None and settings.subsample < len(within)
    if settings.subsample is not None:
        kept = within[subsample(len(within), settings.subsample, sampling)]
    if len(kept) < settings.members:
        raise RequestError(
            f"groups: of {len(points)} points the region keeps {len(within)} and the sample "
            f"{len(kept)}; groups of {settings.members} need {settings.members}. Expected a larger "
            "region or sample, or smaller groups."
        )
    found = group(
        points[kept],
        settings.members,
        _count(settings, kept),
        strategy=settings.strategy,
        neighbours=settings.neighbours,
        rng=grouping,
        sequential=settings.sequential,
        oversampling=settings.oversampling,
        pool_size=settings.pool_size,
        options=settings.options,
        memory_budget=memory_budget,
    )
    indices, seeds = kept[found.indices], kept[found.seeds]
    groups = Groups(indices, seeds, found.strategy, points, kept if drawn else None)
    get_logger().info(
        "groups", strategy=groups.strategy, members=settings.members, **groups.coverage.records()
    )
    return groups


def _count(settings: GroupSettings, kept: Indices) -> int:
    """Say how many groups are wanted: in legacy code, groups of one are at most the points."""
    if settings.count is None:
        return len(kept)
    capped = settings.strategy == LEGACY and settings.members == 1
    return min(settings.count, len(kept)) if capped else settings.count


Stream = np.random.Generator | np.random.RandomState


def _streams(settings: GroupSettings) -> tuple[Stream, Stream]:
    """Return what draws the sample and what draws the groups: the same, unless both have a seed."""
    seeds = [seed for seed in (settings.subsample_seed, settings.seed) if seed is not None]
    seeds = [whole_number("groups: seed", seed, 0) for seed in seeds]
    if not seeds:
        raise ConfigurationError(
            "groups: received neither seed nor subsample_seed. Expected one, so that the same "
            "groups can be made again."
        )
    kind = random_state if settings.strategy == LEGACY else np.random.default_rng
    streams: list[Stream] = [kind(seed) for seed in seeds]
    return streams[0], streams[-1]
