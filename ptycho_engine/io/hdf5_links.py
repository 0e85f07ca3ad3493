"""Where an HDF5 file leads, and may: other files of its own folder, or below."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from ..errors import InputFileError, one_line
from .objects.mirror import bring, origin


class DeadLinkError(InputFileError):
    """A link leads to a file that is not there."""


def place_of(path: Path, name: str, moved: bool, *, fetch: bool = True) -> Path:
    """Return where a file is that another one names.

    Parameters
    ----------
    path : Path
        The file that names it.
    name : str
        As it is named; a relative name counts from the folder of the file.
    moved : bool
        Whether a file of that name in the folder counts, where the name leads out of it: files
        moved together name where they were.
    fetch : bool
        Whether a file that is beside a copy of an object is fetched; otherwise its place is named,
        whether or not there is such an object.

    Returns
    -------
    Path
        Absolute, without symbolic links.

    Raises
    ------
    InputFileError
        If it lies elsewhere than in the folder or below.
    DeadLinkError
        If there is none.
    """
    folder = path.resolve().parent
    named = folder / name
    place, beside = named.resolve(), (folder / Path(name).name).resolve()
    if fetch:
        bring([p for p in (place, beside) if p.is_relative_to(folder)])

    def is_unread(file: Path) -> bool:
        return not fetch and origin(file) is not None and not file.exists()

    if moved and not place.is_relative_to(folder) and (beside.is_file() or is_unread(beside)):
        place = beside
    if not place.exists() and not is_unread(place):
        raise DeadLinkError(f"{place}: no such file; {path} links to it. Copy it.")
    if place.is_relative_to(folder):
        return place
    entry = folder / Path(name).name
    if entry.is_symlink():
        raise InputFileError(
            f"{path}: a link leads to {one_line(name, 100)!r}, which is a symbolic link to "
            f"{one_line(place, 200)}, outside of the folder of the file. Expected all of a scan in "
            "one folder. Put the file itself there in place of the symbolic link."
        )
    raise InputFileError(
        f"{path}: a link leads to {one_line(name, 100)!r}, outside of the folder of "
        "the file. Expected all of a scan in one folder. Copy that file there, and link "
        "to its name alone."
    )


def files_behind(path: Path) -> list[Path]:
    """Return the files that an HDF5 file leads to, and those that they lead to.

    Nothing is read but names, and nothing is fetched: of an object that was not read, the place
    where its copy would be is returned, if there is one or not. What cannot be read leads nowhere:
    whoever reads the scan says so.

    Parameters
    ----------
    path : Path
        A file of any kind.
    """
    found: dict[Path, None] = {}
    waiting = [path]
    while waiting:
        here = waiting.pop(0)
        for place in _led_to(here):
            if place not in found and place != path.resolve():
                found[place] = None
                waiting.append(place)
    return list(found)


def _led_to(path: Path) -> Iterator[Path]:
    """Yield the files that a file names itself."""
    import h5py  # slow to import, and not needed for other formats

    if not path.is_file() or not h5py.is_hdf5(path):  # a pipe would be waited for
        return
    named: dict[tuple[str, bool], None] = {}
    with (
        suppress(OSError, RuntimeError, ValueError, KeyError),
        h5py.File(path, "r", locking="best-effort") as file,
    ):
        for pair in _names(file):
            named[pair] = None
    for name, moved in named:
        with suppress(InputFileError):
            yield place_of(path, name, moved, fetch=False)


def _names(file: Any) -> Iterator[tuple[str, bool]]:
    """Yield what other files are called in a file, and whether one in the folder counts too."""
    import h5py

    waiting, seen = [file["/"]], set[int]()
    while waiting:
        group = waiting.pop()
        for name in group:
            link = group.get(name, getlink=True)
            if isinstance(link, h5py.ExternalLink):
                yield link.filename, True
            if not isinstance(link, h5py.HardLink):  # a soft one leads to what is seen anyway
                continue
            held = group[name]
            if isinstance(held, h5py.Dataset) and held.is_virtual:
                files = {source.file_name for source in held.virtual_sources()}
                yield from ((file_name, False) for file_name in sorted(files - {"."}))
            elif isinstance(held, h5py.Group):
                address = h5py.h5o.get_info(held.id).addr
                if address not in seen:  # groups may hold each other
                    seen.add(address)
                    waiting.append(held)
