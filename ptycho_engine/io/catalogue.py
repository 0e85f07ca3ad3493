"""The formats of scans: which are installed, and which one claims a file.

A format is a module, or any object, that an entry point of the group ``ptycho_engine.formats``
names. It holds

``read(path, options)``
    Returns the :class:`~ptycho_engine.io.scan.Scan` in a file, or raises
    :class:`~ptycho_engine.errors.InputFileError`. Or else ``make(options)``, for a scan that needs
    no file.
``recognise(path)``
    Whether a file that exists is of this format, from a look at its beginning. Needed of a format
    that has a suffix. Asked of files of any suffix, if no other that has the suffix, and no
    built-in one, claims them.
``Options``
    A dataclass, if there are options. With the path, it is the Hydra group of the format.
``needed_bytes(path, options)``, or ``needed_bytes(options)`` beside `make`
    If it can tell beforehand: the most memory that reading takes. Nothing is read beyond the
    budget.
``write(path, scan)``
    If it can: writes a scan to a path where nothing stands, whole or not at all.
``check(path, scan)``
    Beside `write`, if it can tell beforehand: raises what `write` would, whatever the values of
    the scan are.
``WRITES``
    The suffixes that `write` takes, if it writes something else under another one.

The name of the entry point is that of the format, followed by the suffixes of its files:
``cxi.cxi.h5`` is the format ``cxi``, of files that end in ``.cxi`` or ``.h5``. The first suffix is
its own: where several formats write a suffix, the one whose own it is writes unless another is
named.
"""

from __future__ import annotations

import dataclasses
import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..culprits import name_culprit
from ..discovery import FORMAT_GROUP, PluginSource, discover, find_source, load_source
from ..errors import InputFileError, PluginError, one_line
from .objects.urls import Location

#: Keys of a format's Hydra group that are no options of it.
RESERVED = ("format", "path")


@dataclass(frozen=True, repr=False)
class FormatSource(PluginSource):
    """Where a format comes from, known without importing it.

    Attributes
    ----------
    suffixes : tuple of str
        Of its files, in lower case, with the dot; empty if it is chosen by name alone.
    """

    suffixes: tuple[str, ...] = ()

    def _shown(self) -> dict[str, object]:
        """Say what its representation shows."""
        return {**super()._shown(), "suffixes": " ".join(self.suffixes)}

    @property
    def built_in(self) -> bool:
        """Whether it is part of the engine."""
        return self.target.startswith("ptycho_engine.")


@dataclass(frozen=True)
class ScanFormat:
    """A format that was chosen, imported and found to keep the contract.

    Attributes
    ----------
    source : FormatSource
        Where it comes from.
    holder : Any
        The module or object that holds its functions.
    options : type or None
        The dataclass of its options.
    """

    source: FormatSource
    holder: Any
    options: type | None

    @property
    def needs_file(self) -> bool:
        """Whether it reads a file, rather than making a scan."""
        return hasattr(self.holder, "read")

    @property
    def writes(self) -> bool:
        """Whether it can write a scan."""
        return hasattr(self.holder, "write")


def list_formats() -> tuple[FormatSource, ...]:
    """List the installed formats by name, from metadata alone; no format is imported."""
    formats = []
    for source in discover(FORMAT_GROUP):
        name, *endings = source.name.split(".")
        suffixes = tuple(f".{ending.lower()}" for ending in endings)
        found = {field.name: getattr(source, field.name) for field in dataclasses.fields(source)}
        formats.append(FormatSource(**{**found, "name": name}, suffixes=suffixes))
    return tuple(formats)


def load_format(name: str) -> ScanFormat:
    """Import a format.

    Parameters
    ----------
    name : str
        Its name, without suffixes.

    Raises
    ------
    UnknownPluginError, PluginLoadError
        If there is none of this name, or it cannot be imported.
    PluginError
        If the name is taken twice, or what it names is no format.
    """
    source = find_source("format", name, list_formats())
    holder: Any = load_source("format", source)
    lacks = []
    if hasattr(holder, "read") == hasattr(holder, "make"):
        lacks.append("either read(path, options) or make(options)")
    if source.suffixes and not hasattr(holder, "recognise"):
        lacks.append("recognise(path), as it has suffixes")
    options = getattr(holder, "Options", None)
    if options is not None and not (
        isinstance(options, type) and dataclasses.is_dataclass(options)
    ):
        lacks.append("a dataclass under the name Options")
    elif options and {field.name for field in dataclasses.fields(options)} & set(RESERVED):
        lacks.append(f"options of other names than {' and '.join(RESERVED)}")
    if lacks:
        raise PluginError(
            f"format {name!r} ({source.target}, from {source.distribution} {source.version}) is "
            f"no format. Expected {'; '.join(lacks)}. ptycho_engine.io.catalogue says what a "
            "format holds."
        )
    return ScanFormat(source, _Named(holder, source), options)


class _Named:
    """The functions of a format, which name it in the errors that they raise."""

    def __init__(self, holder: Any, source: FormatSource) -> None:
        self._holder, self._source = holder, source

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._holder, name)
        if not callable(value) or isinstance(value, type):
            return value

        @functools.wraps(value)
        def call(*arguments: Any, **named: Any) -> Any:
            try:
                return value(*arguments, **named)
            except Exception as error:
                name_culprit(error, "format", self._source)
                raise

        return call


def formats_of(path: Location) -> list[FormatSource]:
    """List the formats that have the suffix of a path, from metadata alone."""
    suffix = path.suffix.lower()
    return [source for source in list_formats() if suffix in source.suffixes]


def known_suffixes() -> str:
    """List the suffixes of all formats, for messages."""
    return ", ".join(sorted({end for source in list_formats() for end in source.suffixes}))


def find_format(path: Path) -> str:
    """Find the format of a file: by its suffix and its content, else by its content alone.

    The formats that have the suffix are asked first, then all others: a file without a suffix, or
    with another one, is what it holds. If none claims the file, a format that alone has the suffix
    is taken, or one whose name is the suffix, since its reader says best what is wrong with it; so
    it is if there is no file.
    Built-in formats are asked before others, which are asked only if none of them claims the file.
    One of others that fails when it is asked hinders none: its error is raised only if it has the
    suffix and none claims the file.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    str
        The name of the format.

    Raises
    ------
    InputFileError
        If none claims the file, and none has its suffix or several have.
    PluginError
        If two claim it; or if none does, and one of several of the suffix could not be asked.
    """
    candidates = formats_of(path)
    if not candidates and path.is_dir():
        raise InputFileError(
            f"{path}: is a folder. Expected one scan; several are never merged. Name a file in it: "
            "ptycho-engine inspect FOLDER lists them."
        )
    failures: list[PluginError] = []
    is_there = path.is_file() or path.is_dir()  # a pipe would be waited for
    claiming = _claiming(path, candidates, failures) if is_there else None
    if claiming is None and path.is_file():
        others = [s for s in list_formats() if s.suffixes and s not in candidates]
        claiming = _claiming(path, others, [])
    if claiming is not None:
        return claiming
    if len(candidates) == 1:
        return candidates[0].name
    if failures:
        reason = str(failures[0]).rstrip(".")
        raise type(failures[0])(
            f"{path}: no format claims it, and one could not be asked: {reason}. Or name the "
            "format with scan=NAME."
        ) from failures[0]
    own = [s.name for s in candidates if s.built_in and path.suffix.lower() == f".{s.name}"]
    if own:
        return own[0]
    raise _unclaimed(path, candidates)


def _unclaimed(path: Path, candidates: list[FormatSource]) -> InputFileError:
    """Say of a file that no format claims what there is."""
    suffix = path.suffix.lower()
    if not candidates:
        held = f", and none claims its content: {_contents(path)}" if path.is_file() else ""
        return InputFileError(
            f"{path}: no format has the suffix {suffix!r}{held}. Expected one of "
            f"{known_suffixes()}. Name the format with scan=NAME, or rename the file."
        )
    if not path.exists():
        return InputFileError(
            f"{path}: no such file. Expected the path of a scan file; a relative one counts from "
            f"{Path.cwd()}. Check its spelling."
        )
    return InputFileError(
        f"{path}: is none of the formats with the suffix {suffix!r}: "
        f"{', '.join(source.name for source in candidates)}. Found: {_contents(path)}. Expected a "
        "file that one of them claims. Name the format with scan=NAME to see what it misses."
    )


def _claiming(
    path: Path, candidates: list[FormatSource], failures: list[PluginError]
) -> str | None:
    """Name the one format that claims a file; None if none does. What fails joins the failures."""
    for built_in in (True, False):
        asked = [source for source in candidates if source.built_in is built_in]
        claims = [source.name for source in asked if _claims(source, path, failures)]
        if len(claims) > 1:
            raise PluginError(
                f"{path}: is claimed by the formats {' and '.join(claims)}. Expected one of them. "
                f"Choose with scan={claims[0]} or scan={claims[1]}."
            )
        if claims:
            for failure in failures:
                _warn_once(str(failure))
            return claims[0]
    return None


def _claims(source: FormatSource, path: Path, failures: list[PluginError]) -> bool:
    """Ask a format whether a file is its own; what fails of one of others joins the failures."""
    try:
        return bool(load_format(source.name).holder.recognise(path))
    except (Exception, SystemExit) as error:
        if source.built_in:
            raise
        failures.append(_failure(source, error))
        return False


def _failure(source: FormatSource, error: BaseException) -> PluginError:
    """Say why a format could not be asked; an error of loading says it itself."""
    if isinstance(error, PluginError):
        return error
    failure = PluginError(
        f"format {source.name!r} ({source.origin}) cannot tell whether a file is its own: "
        f"{type(error).__name__}: {one_line(error)}. Repair or remove {source.distribution}; "
        "other formats work."
    )
    failure.__cause__ = error
    return failure


@functools.lru_cache  # a folder of scans asks again for each file
def _warn_once(reason: str) -> None:
    """Log that a format is left out."""
    from ..logs import get_logger  # needs structlog, which a list of formats does not

    get_logger().warning("format_left_out", reason=reason)


def _contents(path: Path) -> str:
    """Say what a file holds that no format claims."""
    from .keyed_arrays import list_contents  # needs NumPy, which a list of formats does not

    return list_contents(path)
