"""Finding files, and replacing them whole or not at all."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable, Iterator
from pathlib import Path

#: Folders that hold no sources of their own.
SKIPPED = frozenset({"__pycache__", "node_modules", "site-packages"})


def find_files(paths: Iterable[Path], suffixes: Iterable[str]) -> Iterator[Path]:
    """Yield the files under some paths, each once, in order; in folders, those of some suffixes.

    Hidden folders, virtual environments and caches are left out, and links to folders are not
    followed. Raises FileNotFoundError if a path does not exist.
    """
    wanted = tuple(suffixes)
    seen: set[Path] = set()
    for path in paths:
        if not path.exists():
            raise FileNotFoundError(f"{path}: no such file or folder")
        for file in sorted(_below(path, wanted)) if path.is_dir() else [path]:
            real = file.resolve()
            if real not in seen:
                seen.add(real)
                yield file


def _below(folder: Path, suffixes: tuple[str, ...]) -> Iterator[Path]:
    for place, folders, files in os.walk(folder):
        folders[:] = [
            name
            for name in folders
            if not name.startswith(".")
            and name not in SKIPPED
            and not Path(place, name, "pyvenv.cfg").exists()
        ]
        yield from (Path(place, name) for name in files if name.endswith(suffixes))


def replace_file(path: Path, data: bytes) -> None:
    """Replace the content of a file at once, keeping its mode; a link keeps pointing to it."""
    target = path.resolve()
    write_file(target, data, target.stat().st_mode & 0o7777)


def write_file(path: Path, data: bytes, mode: int | None = None) -> None:
    """Write a file whole or not at all, with the mode of a new file unless one is given.

    Where that fails with an OSError, what stood there still does, and nothing lies beside it.
    """
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        with open(beside, "xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if mode is not None:
            os.chmod(beside, mode)
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)
