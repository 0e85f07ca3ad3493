"""Scans read, made and written through the formats that are installed."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ..discovery import build_options
from ..errors import (
    CapabilityError,
    InputFileError,
    OutputError,
    PluginError,
    RequestError,
    at_caller,
)
from ..logs import get_logger
from ..memory import check_reading
from .catalogue import ScanFormat, formats_of, known_suffixes, load_format
from .objects.claim import check_url_output
from .objects.mirror import check_exists, local_copy, named
from .objects.urls import Location, ObjectUrl, location
from .scan import Scan
from .targets import check_folder


@dataclass(frozen=True)
class ScanSource:
    """What to read, or to make.

    Attributes
    ----------
    format : str
        The name of the format.
    path : Path or ObjectUrl, optional
        The file, or the object, also given as a text; None for a format that makes its scan.
    options : mapping of str to object
        Options of the format by name; its defaults where left out.
    """

    format: str
    path: Location | None = None
    options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.path is not None:
            object.__setattr__(self, "path", location(self.path))

    def settings(self) -> dict[str, Any]:
        """Return it as the group of the configuration that chooses it."""
        path = {} if self.path is None else {"path": str(self.path)}
        return {"format": self.format, **path, **self.options}


@at_caller
def read_scan(
    name: str,
    path: str | os.PathLike[str] | ObjectUrl | None = None,
    options: Mapping[str, Any] | None = None,
    *,
    memory_budget: int | str | None = None,
    log: bool = True,
) -> Scan:
    """Read a scan with a format, or make one.

    Parameters
    ----------
    name : str
        The name of the format.
    path : path-like or URL, optional
        The file; None for a format that makes its scan. Of an object of ``s3://``, ``gs://`` or
        ``memory://`` a copy is read, on the disk until this process ends. Patterns stay those of
        this file in whatever folder the process is later.
    options : mapping of str to object, optional
        Options of the format by name; its defaults where left out.
    memory_budget : int or str, optional
        Bytes, or a text such as ``"2GiB"``, that reading may take; by default half of the memory
        that is free.
    log : bool
        Whether what is doubtful about the scan is logged.

    Returns
    -------
    Scan
        What the format found.

    Raises
    ------
    InputFileError
        If the file cannot be read as one of this format, or fetched, or none was named.
    MissingExtraError
        If it is an object, and obstore is not installed.
    MemoryBudgetError
        If the format can tell that reading takes more than the budget; nothing has been read then.
    ConfigurationError
        If an option is unknown or its value is refused.
    PluginError
        As :func:`~ptycho_engine.io.catalogue.load_format`; also if the format returns anything
        else than a scan.
    """
    place = None if path is None else location(path)
    chosen, place, values = _prepared(name, place, options)
    # Absolute, since loaders of patterns keep it, and the folder of the process may change.
    file = None if place is None else local_copy(place).absolute()
    with named(place, file):
        _check_budget(chosen, file, values, memory_budget)
        scan = call_reader(chosen, file, values)
    if str(file) != str(place):
        scan = _renamed(scan, str(file), str(place))
    for text in scan.warnings if log else ():
        get_logger().warning("doubtful_scan", reason=text)
    return scan


def check_source(source: ScanSource, *, memory_budget: int | str | None = None) -> None:
    """Refuse what cannot be read or made, as far as that can be told without reading it.

    Parameters
    ----------
    source : ScanSource
        What is to be read.
    memory_budget : int or str, optional
        As for :func:`read_scan`.

    Raises
    ------
    InputFileError, MemoryBudgetError, ConfigurationError, PluginError
        As :func:`read_scan`.
    """
    chosen, path, values = _prepared(source.format, source.path, source.options)
    if isinstance(path, ObjectUrl):  # what reading takes is told once it is fetched
        check_exists(path)
        return
    if path is not None and not os.path.exists(path):  # nor where the name is too long
        raise InputFileError(
            f"{source.path}: no such file. Expected the path of a scan file; a relative one counts "
            f"from {Path.cwd()}. Check its spelling."
        )
    _check_budget(chosen, path, values, memory_budget)


def _renamed(scan: Scan, read: str, said: str) -> Scan:
    """Return a scan that says that it comes from what was named, not from what was read."""
    patterns = scan.patterns
    return replace(
        scan,
        source=scan.source.replace(read, said),
        patterns=patterns and replace(patterns, source=patterns.source.replace(read, said)),
        warnings=tuple(text.replace(read, said) for text in scan.warnings),
        assumptions={k: v.replace(read, said) for k, v in scan.assumptions.items()},
    )


def _prepared(
    name: str, path: Location | None, options: Mapping[str, Any] | None
) -> tuple[ScanFormat, Location | None, Any]:
    """Load a format and build its options."""
    chosen = load_format(name)
    values = build_options(f"format {name!r}", chosen.options, options)
    if chosen.needs_file and path is None:
        raise InputFileError(f"format {name!r}: received no path. Expected that of a scan file.")
    return chosen, path if chosen.needs_file else None, values


def _check_budget(
    chosen: ScanFormat, path: Path | None, values: Any, memory_budget: int | str | None
) -> None:
    what = f"{path or f'format {chosen.source.name!r}'}: reading the scan"
    check_reading(what, needed_bytes(chosen, path, values), memory_budget)


def needed_bytes(chosen: ScanFormat, path: Path | None, values: Any) -> int:
    """Return the most memory that reading takes, 0 if the format does not tell.

    Parameters
    ----------
    chosen : ScanFormat
        The format.
    path : Path or None
        The file, if it needs one.
    values : object or None
        Its options.

    Raises
    ------
    InputFileError, ConfigurationError
        As the format.
    """
    tell = getattr(chosen.holder, "needed_bytes", None)
    if tell is None:
        return 0
    return int(tell(path, values) if chosen.needs_file else tell(values))


def call_reader(chosen: ScanFormat, path: Path | None, values: Any) -> Scan:
    """Let a format read or make its scan, whatever that takes of memory.

    Parameters
    ----------
    chosen, path, values
        As for :func:`needed_bytes`.

    Raises
    ------
    PluginError
        If the format returns anything else than a scan.
    """
    holder = chosen.holder
    scan = holder.read(path, values) if chosen.needs_file else holder.make(values)
    if not isinstance(scan, Scan):
        raise PluginError(
            f"format {chosen.source.name!r} ({chosen.source.target}) returned "
            f"{type(scan).__name__}. Expected a Scan of ptycho_engine.plugin."
        )
    return scan


@at_caller
def write_scan(
    path: str | os.PathLike[str] | ObjectUrl, scan: Scan, format: str | None = None
) -> None:
    """Write a scan to a file, which appears whole or not at all and replaces nothing.

    Parameters
    ----------
    path : path-like or URL
        Where; its suffix names the format, of a URL ``.zarr``.
    scan : Scan
        What. Its patterns, if it has any, are read for it.
    format : str, optional
        The format by name, where several formats that write share a suffix, or for another suffix
        if the format writes the same whatever the suffix is.

    Raises
    ------
    CapabilityError
        If the format only reads.
    RequestError
        If that is no path, or no scan.
    OutputError
        If no format has the suffix, or that which is named does not write it; if something stands
        at the path, or if it cannot be written.
    PluginError
        If several formats of the suffix write; or as
        :func:`~ptycho_engine.io.catalogue.load_format`.
    """
    if not isinstance(scan, Scan) or not isinstance(path, str | os.PathLike | ObjectUrl):
        raise RequestError(
            f"write_scan: received a {type(path).__name__} and a {type(scan).__name__}. Expected a "
            "path and a Scan, in this order: write_scan(path, scan)."
        )
    place = location(path)
    find_writer(place, format).holder.write(place, scan)


def check_writing(path: Location, scan: Scan, format: str | None = None) -> None:
    """Refuse a scan that could not be written to a path, before its values are there.

    Parameters
    ----------
    path : Path or ObjectUrl
        Where.
    scan : Scan
        What is known of it: arrays have their shapes and dtypes, whatever their values.
    format : str, optional
        As for :func:`write_scan`.

    Raises
    ------
    CapabilityError, OutputError, InputFileError, PluginError
        As :func:`write_scan`, as far as the format tells beforehand.
    """
    check = getattr(find_writer(path, format).holder, "check", None)
    if check is not None:
        check(path, scan)


def find_writer(path: Location, format: str | None = None) -> ScanFormat:
    """Find the format that writes a scan to a path, before there is anything to write.

    Parameters
    ----------
    path : Path or ObjectUrl
        Where; its suffix names the format.
    format : str, optional
        The format by name.

    Raises
    ------
    CapabilityError, OutputError, PluginError
        As :func:`write_scan`; also if the folder is missing.
    ConfigurationError
        If it is a URL, and the format writes files.
    """
    if isinstance(path, ObjectUrl):
        check_url_output(path, overwrite=False)
    chosen = _writer(path) if format is None else load_format(format)
    if not chosen.writes:
        raise CapabilityError(
            f"{path}: format {chosen.source.name!r} ({chosen.source.target}) reads, but cannot "
            "write. Expected one that has write(path, scan). Choose the suffix of another, or "
            "name it as format."
        )
    endings = getattr(chosen.holder, "WRITES", ())
    if endings and path.suffix.lower() not in endings:
        raise OutputError(
            f"{path}: format {chosen.source.name!r} writes {' and '.join(endings)}, and received "
            f"the suffix {path.suffix!r}. Expected a path that ends so. Choose one, or the format "
            "of this suffix."
        )
    if isinstance(path, ObjectUrl):
        if not chosen.source.built_in or ".zarr" not in chosen.source.suffixes:
            raise CapabilityError(
                f"{path}: format {chosen.source.name!r} writes files. Expected the format "
                "ptycho_engine, which alone is written to a URL. Leave format out, or write a file "
                "and copy it there."
            )
        return chosen
    if os.path.lexists(path):
        raise OutputError(
            f"{path}: exists already, and scans are never replaced. Expected nothing there. Move "
            "it away, or choose another path."
        )
    check_folder(path, path.parent)
    return chosen


def _writer(path: Location) -> ScanFormat:
    """Choose the format that writes a suffix: built-in, its own or the only one."""
    candidates = formats_of(path)
    if not candidates:
        raise OutputError(
            f"{path}: no format has the suffix {path.suffix!r}. Expected one of "
            f"{known_suffixes()}. Choose another path, or name the format."
        )
    for built_in in (True, False):
        asked = [load_format(s.name) for s in candidates if s.built_in is built_in]
        writers = [chosen for chosen in asked if chosen.writes]
        owners = [w for w in writers if w.source.suffixes[0] == path.suffix.lower()]
        writers = owners if len(owners) == 1 else writers
        if len(writers) > 1:
            names = " and ".join(chosen.source.name for chosen in writers)
            raise PluginError(
                f"{path}: the formats {names} both write {path.suffix!r}. Expected one. Name it "
                "as format."
            )
        if writers:
            return writers[0]
    return load_format(candidates[0].name)
