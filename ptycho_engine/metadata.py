"""The metadata of installed distributions, of which one that cannot be read harms no other."""

from __future__ import annotations

import importlib
import importlib.metadata
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import suppress
from importlib.metadata import Distribution, EntryPoint, EntryPoints
from pathlib import Path
from typing import Any

from .errors import printable

_importing = threading.Lock()


def entry_points_of(group: str) -> list[EntryPoint]:
    """Read a group; one distribution that cannot be read takes nothing from the others."""
    try:
        return list(importlib.metadata.entry_points(group=group))
    except Exception:  # of any kind: text that is no UTF-8, lines that are no pairs
        return list(_readable_points(group=group))


def _readable_points(**selected: Any) -> EntryPoints:
    """Stand in for ``importlib.metadata.entry_points``, which stops at what it cannot read."""
    return points_among(read_distributions()).select(**selected)


def points_among(distributions: Iterable[tuple[Distribution, str]]) -> EntryPoints:
    """Return the entry points of those that `read_distributions` could read."""
    found = {
        _folder_name(distribution).partition("-")[0].lower(): distribution
        for distribution, reason in reversed(list(distributions))
        if not reason
    }  # the first on the path counts
    return EntryPoints(point for each in found.values() for point in each.entry_points)


def read_distributions() -> Iterator[tuple[Distribution, str]]:
    """Go through the installed distributions; each with what is wrong with its entry points."""
    for distribution in importlib.metadata.distributions():
        try:
            list(distribution.entry_points)
        except Exception as error:
            yield distribution, printable(f"{type(error).__name__}: {error}")
        else:
            yield distribution, ""


def origin_of(distribution: Distribution | None) -> tuple[str, str]:
    """Return name and version of a distribution as they can be printed, whatever its metadata."""
    if distribution is None:
        return "unknown", ""
    name, _, version = _folder_name(distribution).partition("-")
    with suppress(Exception):  # whatever a parser of mail says to bytes that are none
        said = distribution.metadata  # parsed each time it is asked for
        name, version = said["Name"] or name, said["Version"] or version
    return printable(name), printable(version)


def _folder_name(distribution: Distribution) -> str:
    """Name of the folder that holds the metadata, without its ending."""
    return Path(str(getattr(distribution, "_path", "unknown"))).stem


def import_despite_metadata(module: str) -> None:
    """Import a library that reads the entry points of everything installed while it is imported.

    One distribution that cannot be read would keep it from being imported at all; where there is
    one, the library is shown the others.

    Parameters
    ----------
    module : str
        For instance ``"zarr"``.
    """
    with _importing:
        if module in sys.modules:
            return
        reading = importlib.metadata.entry_points
        try:
            reading()
        except Exception:
            importlib.metadata.entry_points = _readable_points  # type: ignore[assignment]
        try:
            importlib.import_module(module)
        finally:
            importlib.metadata.entry_points = reading
