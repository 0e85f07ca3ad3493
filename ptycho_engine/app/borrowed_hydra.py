"""Hydra for one run of the command, given back as it was: it keeps its state in the process."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from hydra._internal.hydra import Hydra
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.plugins import Plugins
from hydra.version import VersionBase

from ..errors import PluginError, one_line


@contextmanager
def borrowed_hydra(arguments: Sequence[str], *, mode_is_told: bool) -> Iterator[None]:
    """Let Hydra find these arguments and no earlier state, raise its errors, and forget all after.

    Parameters
    ----------
    arguments : sequence of str
        What it reads as the arguments of the program.
    mode_is_told : bool
        Whether flags alone make it a sweep; else Hydra composes once more, to look for its mode.

    Raises
    ------
    PluginError
        If a plugin of Hydra that is installed, of whatever distribution, cannot be imported.
    """
    try:
        Plugins.instance()  # which store what is theirs once
    except Exception as error:  # of any module in `hydra_plugins`
        *_, last = traceback.extract_tb(error.__traceback__)
        raise PluginError(
            f"{last.filename}: fails as Hydra imports its plugins: {type(error).__name__}: "
            f"{one_line(error)}. Expected plugins of Hydra that can be imported. Repair or remove "
            "the distribution of this file."
        ) from error
    hydra, version = GlobalHydra.instance(), VersionBase.instance()
    job, store = HydraConfig.instance(), ConfigStore.instance()
    before = hydra.hydra, job.cfg, store.repo, version.getbase(), sys.argv
    errors = os.environ.get("HYDRA_FULL_ERROR")
    hydra.hydra, sys.argv = None, [sys.argv[0], *arguments]
    store.repo = _copied(store.repo)
    os.environ["HYDRA_FULL_ERROR"] = "1"  # else it prints errors itself, and exits
    # Hydra copies this store for every group that it lists, and changes none of the copies.
    ConfigStore.__deepcopy__ = lambda store, memo: store  # type: ignore[attr-defined]
    get_mode = Hydra.get_mode
    if mode_is_told:
        Hydra.get_mode = lambda *_, **__: None  # type: ignore[method-assign]
    try:
        yield
    finally:
        Hydra.get_mode = get_mode  # type: ignore[method-assign]
        del ConfigStore.__deepcopy__  # type: ignore[attr-defined]
        # Whoever composes in between puts a copy in the place of its state.
        hydra = GlobalHydra.instance()
        hydra.hydra, job.cfg, store.repo, base, sys.argv = before
        if base is not None:
            version.setbase(base)
        if errors is None:
            del os.environ["HYDRA_FULL_ERROR"]
        else:
            os.environ["HYDRA_FULL_ERROR"] = errors


def _copied(tree: dict[str, object]) -> dict[str, object]:
    return {name: _copied(x) if isinstance(x, dict) else x for name, x in tree.items()}
