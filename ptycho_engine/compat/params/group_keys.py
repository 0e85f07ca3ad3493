"""The groups that PtychoPINN's training program formed, as settings of ours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ...data.grouping.group_settings import GroupSettings, reads_neighbours
from ...data.grouping.published import LEGACY
from ...discovery import build_options

#: What the program took where nothing was said.
DEFAULTS = {"strategy": LEGACY, "members": 1, "count": 512, "neighbours": 4}


def legacy_group_settings(given: Mapping[str, Any]) -> GroupSettings:
    """Complete settings of groups as PtychoPINN's training program did.

    It sampled as many points as it formed groups, unless ``n_subsample`` said otherwise, and seeded
    NumPy's global stream with ``subsample_seed`` before that; the groups went on with the stream.
    Without that seed its groups could not be made again: here 0 is the seed.

    Parameters
    ----------
    given : mapping of str to object
        Fields of :class:`~ptycho_engine.GroupSettings` that legacy parameters, or the new
        configuration, set.

    Returns
    -------
    GroupSettings
        Of the strategy ``legacy``, unless another is given; without neighbours, if that reads none.

    Raises
    ------
    ConfigurationError, PluginError
        If there is no such field, or strategy.
    """
    values = DEFAULTS | dict(given)
    values.setdefault("subsample", values["count"])
    if values.get("subsample_seed") is not None:
        values.setdefault("seed", None)
    found: GroupSettings = build_options("groups", GroupSettings, values)
    if reads_neighbours(found):
        return found
    return replace(found, neighbours=None, pool_size=None)
