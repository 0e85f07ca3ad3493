"""What a caller names as sources, and where on the disk each of them lies."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ...errors import RequestError
from ...io.objects.urls import Location, ObjectUrl, location
from ...io.scan import Scan
from ...io.scan_files import ScanSource

Source = Scan | ScanSource | str | os.PathLike[str] | ObjectUrl
Named = Scan | ScanSource | Location


def as_sources(scans: Any) -> tuple[Named, ...]:
    """Read one source, or a sequence of them; files by their absolute path.

    Raises
    ------
    RequestError
        If something is no source.
    """
    alone = isinstance(scans, Scan | ScanSource | str | os.PathLike | ObjectUrl)
    if not alone and not isinstance(scans, Sequence):
        raise RequestError(
            f"scans: received a {type(scans).__name__}. Expected a Scan, a path, a ScanSource, or "
            "a list of them."
        )
    found: list[Named] = []
    for one in (scans,) if alone else scans:
        if isinstance(one, str | os.PathLike | ObjectUrl):
            found.append(absolute(location(one)))
        elif isinstance(one, Scan | ScanSource):
            found.append(absolute(one))
        else:
            raise RequestError(
                f"scans: received a {type(one).__name__} among them. Expected Scans, paths or "
                "ScanSources."
            )
    return tuple(found)


def absolute(source: Named) -> Named:
    """Return a source that names the same file from any folder, in this process and in others.

    Of a ScanSource these are its path, and the paths among its options: every `Path`, and a text
    that names a file, if there is a folder in it or, where no file is named beside which a format
    might look, a suffix. What names something else from the folder of the file stays as it is:
    formats look there.
    """
    if isinstance(source, Path):
        return source.absolute()  # not abspath, for which a/link/../b is a/b
    if not isinstance(source, ScanSource):
        return source
    path = source.path.absolute() if isinstance(source.path, Path) else source.path
    folder = path.parent if isinstance(path, Path) else None
    alone = source.path is None

    def as_absolute(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {name: as_absolute(one) for name, one in value.items()}
        if type(value) in (list, tuple):
            return type(value)(map(as_absolute, value))
        if not isinstance(value, str | Path) or (folder and _is_elsewhere(folder / value, value)):
            return value
        if isinstance(value, Path):
            return value.absolute()
        names_file = os.path.dirname(value) or (alone and os.path.splitext(value)[1])
        return str(Path(value).absolute()) if names_file and os.path.isfile(value) else value

    return replace(source, path=path, options=as_absolute(source.options))


def _is_elsewhere(place: Path, named: str | Path) -> bool:
    """Whether something is at a place, and it is not what is named from here."""
    return os.path.exists(place) and os.path.realpath(place) != os.path.realpath(named)
