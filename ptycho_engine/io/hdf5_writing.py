"""HDF5 files in the layouts of other programs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .containers.hdf5 import SafeStream
from .patterns import Patterns
from .scan import Scan
from .specs import to_json


@dataclass(frozen=True)
class Link:
    """A second name for what lies elsewhere in the file.

    Attributes
    ----------
    target : str
        Where, as a path from the root.
    """

    target: str


@dataclass(frozen=True, eq=False)
class Dataset:
    """What becomes a dataset.

    Attributes
    ----------
    values : ndarray, Patterns, float or str
        Patterns are read and written block by block.
    attributes : mapping of str to object
        Numbers, texts and arrays.
    """

    values: NDArray[Any] | Patterns | float | str
    attributes: Mapping[str, Any] = field(default_factory=dict)


def write_hdf5(
    path: Path,
    datasets: Mapping[str, Dataset | Link],
    attributes: Mapping[str, Mapping[str, Any]] | None = None,
) -> None:
    """Write a new HDF5 file.

    Parameters
    ----------
    path : Path
        Where nothing stands.
    datasets : mapping of str to Dataset or Link
        By path within the file; groups are made as they are needed.
    attributes : mapping of str to mapping, optional
        Attributes of groups, by path; ``"/"`` is the root.

    Raises
    ------
    OSError
        If the system refuses.
    """
    import h5py

    stream = SafeStream(path.open("x+b", buffering=0))
    try:
        with stream.in_use(), h5py.File(stream, "w") as file:
            for group, values in (attributes or {}).items():
                file.require_group(group).attrs.update(values)
            for name, dataset in datasets.items():
                if isinstance(dataset, Link):
                    file[name] = h5py.SoftLink(dataset.target)
                    continue
                made = _write(file, name, dataset.values)
                made.attrs.update(dataset.attributes)
    finally:
        stream.raw.close()


def _write(file: Any, name: str, values: NDArray[Any] | Patterns | float | str) -> Any:
    if not isinstance(values, Patterns):
        return file.create_dataset(name, data=values)
    made = file.create_dataset(name, values.shape, values.dtype)
    for start, stop, block in values.blocks():
        made[start:stop] = block
    return made


def origin_of(scan: Scan) -> dict[str, str]:
    """Say where a scan came from, as an attribute of the root that no other program reads."""
    record = {"scan": scan.source, "assumptions": scan.assumptions}
    return {"provenance": to_json("provenance", record)}


def complex_of(array: NDArray[Any]) -> NDArray[Any]:
    """Return an array as complex numbers of its precision, for formats that know no others."""
    return array.astype(np.result_type(array.dtype, np.complex64), copy=False)
