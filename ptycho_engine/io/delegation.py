"""Other processes write files of an output, while the one that began it keeps the journal."""

from __future__ import annotations

import math
import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from ..errors import ConfigurationError, OutputError
from .containers import format_of
from .containers.zarr import ZarrContainer, chunk_shape, file_shape
from .containers.zarr_metadata import NAME
from .objects.urls import Location, ObjectUrl
from .regions import box_of, region_key
from .specs import Array, ArraySpec


def check_delegation(path: Location) -> None:
    """Refuse an output that several processes cannot write.

    Raises
    ------
    ConfigurationError
        With the format that they can.
    """
    if isinstance(path, ObjectUrl):
        raise ConfigurationError(
            f"{path}: received a URL, and the workers of a cluster write files of a file system "
            "that they share. Expected a path. Choose one, or runner=local."
        )
    if format_of(path) != "zarr":
        raise ConfigurationError(
            f"{path}: received a single file, which several processes cannot write. Expected a "
            "Zarr store. Choose an output.path that ends in .zarr, or runner=local."
        )


@dataclass(frozen=True)
class Delegate:
    """Writes whole chunks or shards of an output that another process has begun; picklable.

    No two delegates may write the same range at the same time; again is no harm, since a file
    appears whole, with the same bytes.

    Attributes
    ----------
    content : Path
        The store, not yet published.
    arrays : mapping of str to ArraySpec
        What it will hold.
    host : str
        The machine of the process that publishes: it syncs what was written there.
    """

    content: Path
    arrays: Mapping[str, ArraySpec]
    host: str = field(default_factory=socket.gethostname)

    def __post_init__(self) -> None:
        chosen = {n: replace(spec, chunks=chunk_shape(spec)) for n, spec in self.arrays.items()}
        object.__setattr__(self, "arrays", chosen)  # nobody else chooses chunks

    def step(self, names: Iterable[str]) -> int:
        """Return the entries along the first axis that are whole files of each of some arrays."""
        return math.lcm(*(file_shape(self.arrays[name])[0] for name in names))

    def write(self, start: int, stop: int, values: Mapping[str, Array]) -> None:
        """Write a range along the first axis of some arrays.

        Parameters
        ----------
        start, stop : int
            The range: from the beginning of a file to the end of one, or of the array.
        values : mapping of str to ndarray
            What lies there, by name.

        Raises
        ------
        OutputError
            If this machine does not see the store, or a range cuts a file in two.
        OSError
            If it cannot be written: the process that began the output says what that means.
        """
        if not (self.content / NAME).is_file():
            raise OutputError(
                f"{self.content}: is not seen on {socket.gethostname()}, or was discarded. "
                "Expected a folder of a file system that all workers share. Choose an output.path "
                "there."
            )
        container = ZarrContainer(self.content, self.arrays)
        for name, array in values.items():
            box = box_of(region_key(slice(start, stop)), self.arrays[name].shape)
            container.write(name, box, np.ascontiguousarray(array))
            if not container.holds(name, box):
                raise OutputError(
                    f"{name}: received the range {start} to {stop}, which cuts a file in two. "
                    f"Expected multiples of {self.step([name])}."
                )
            if socket.gethostname() != self.host:
                container.sync(name, box)
