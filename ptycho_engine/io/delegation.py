"""Others write whole chunks of an output; the process that began it keeps the journal."""

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
from .objects.claim import Claim
from .objects.object_container import ObjectContainer
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
    if isinstance(path, ObjectUrl) and path.scheme == "memory":
        raise ConfigurationError(
            f"{path}: is a store of this process, which the workers of a cluster do not see. "
            "Expected s3:// or gs://, or a path. Choose one, or runner=local."
        )
    if format_of(path) != "zarr":
        raise ConfigurationError(
            f"{path}: received a single file, which several processes cannot write. Expected a "
            "Zarr store. Choose an output.path that ends in .zarr, or runner=local."
        )


@dataclass(frozen=True)
class Delegate:
    """Writes whole chunks or shards of an output that another process has begun; picklable.

    No two delegates may write the same range at the same time; again is no harm, since a file or
    an object appears whole, with the same bytes.

    Attributes
    ----------
    place : Path or Claim
        The store, not yet published: a folder, or the claim of a name in an object store.
    arrays : mapping of str to ArraySpec
        What it will hold.
    host : str
        The machine of the process that publishes: it syncs what was written there.
    """

    place: Path | Claim
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
        container = self._container()
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

    def sweep(self) -> None:
        """Remove what delegates that were lost left half written, when all has been written."""
        self._container().sweep()

    def _container(self) -> ZarrContainer:
        """Return what writes; never one that another thread uses."""
        here = f"is not seen on {socket.gethostname()}, or was discarded"
        if isinstance(self.place, Claim):
            if not self.place.is_held():
                raise OutputError(
                    f"{self.place.url}: the claim of its run {here}. Expected the object store "
                    "that the run writes to. Set its AWS_ENDPOINT, or account, for all workers."
                )
            return ObjectContainer(self.place, self.arrays)
        if not (self.place / NAME).is_file():
            raise OutputError(
                f"{self.place}: {here}. Expected a folder of a file system that all workers share. "
                "Choose an output.path there."
            )
        return ZarrContainer(self.place, self.arrays)

    @property
    def resumes(self) -> bool:
        """Whether another run can go on with what was written."""
        return isinstance(self.place, Path)
