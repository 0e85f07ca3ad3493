"""Scans as text: a line ``y x`` for each position, beside the object in a ``.npy`` file.

::

    # object: object.npy
    10.5 20.25
    11.5 31.75
"""

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ptycho_engine.errors import OutputError
from ptycho_engine.plugin import InputFileError, Scan

HEAD = "# object: "


@dataclass(frozen=True)
class Options:
    """Options; besides the path, the keys of the Hydra group."""

    pixel_size: float = 1.0  # what a position is divided by to give object pixels

    def __post_init__(self):
        if not self.pixel_size > 0:
            raise ValueError(f"pixel_size: received {self.pixel_size}. Expected more than zero.")


def recognise(path):
    """Tell whether the first line names an object."""
    with path.open("rb") as stream:
        return stream.readline(200).startswith(HEAD.encode())


def read(path, options):
    """Read the positions and the object, which is never unpickled."""
    try:
        first, *rest = path.read_text(encoding="utf-8").splitlines() or [""]
        if not first.startswith(HEAD):
            raise ValueError(f"the first line is {first[:40]!r}, expected {HEAD}FILE.npy")
        image = np.load(path.parent / first.removeprefix(HEAD).strip(), allow_pickle=False)
        positions = np.array([line.split() for line in rest], np.float64).reshape(-1, 2)
    except (OSError, ValueError) as error:
        raise InputFileError(f"{path}: cannot be read as text: {error}.") from error
    return Scan(image, positions / options.pixel_size, str(path))


def write(path, scan):
    """Write the positions, and the object beside them: both or neither, and in no one's place."""
    scan = scan.for_cutting()
    image = path.with_suffix(".npy")
    lines = [f"{y!r} {x!r}" for y, x in scan.positions.tolist()]
    try:
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as folder:
            parts = Path(folder, image.name), Path(folder, path.name)
            np.save(parts[0], scan.image, allow_pickle=False)
            parts[1].write_text("\n".join([HEAD + image.name, *lines, ""]), encoding="utf-8")
            os.link(parts[0], image)  # refuses where something stands
            try:
                os.link(parts[1], path)
            except OSError:
                image.unlink()
                raise
    except OSError as error:
        raise OutputError(f"{path}: cannot be written as text: {error}.") from error
