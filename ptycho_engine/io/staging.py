"""Files of other programs' layouts, which appear whole or not at all, several of them together."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ..deferral import deferred_signals
from ..errors import OutputError
from . import partials
from .disk import sync, sync_tree, writing
from .publishing import publish
from .targets import resolve


@contextmanager
def staged(path: Path, *more: Path) -> Iterator[list[Path]]:
    """Let files be written in a folder beside their place, where they then appear together.

    Parameters
    ----------
    path, *more : Path
        Where they shall appear, all in one folder; nothing may stand there.

    Yields
    ------
    list of Path
        Where to write them; nothing stands there.

    Raises
    ------
    OutputError
        If something stands at a place, or the system refuses. Nothing has appeared then.
    """
    targets = [resolve(place) for place in (path, *more)]
    for target in targets:
        if os.path.lexists(target):
            raise OutputError(
                f"{target}: exists already, and scans are never replaced. Expected nothing there. "
                "Move it away, or choose another path."
            )
    folder = partials.partial_folder(targets[0], {"files": [target.name for target in targets]})
    with writing(path):
        partials.sweep(targets[0], folder)
        with deferred_signals():
            lease = partials.take(path, folder)
        try:
            places = [folder / target.name for target in targets]
            for place in places:
                partials.remove(place)  # of a run that was killed
            yield places
            for place in places:
                sync_tree(place)
            with deferred_signals():
                _publish_all(places, targets)
        finally:
            partials.clear(folder, lease)


def _publish_all(places: list[Path], targets: list[Path]) -> None:
    """Let all appear, or none."""
    placed: list[Path] = []
    try:
        for place, target in zip(places, targets, strict=True):
            publish(place, target, None)
            placed.append(target)
    except BaseException:
        for target in placed:
            target.unlink()
        raise
    with suppress(OSError):
        sync(targets[0].parent)
