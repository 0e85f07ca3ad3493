"""Outputs read back, from any of the formats, without loading their arrays."""

from __future__ import annotations

import json
import os
import struct
import zipfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy

from ..display import Shown, Words
from ..errors import InputFileError, OutputError, PtychoEngineError, at_caller, one_line
from ..metadata import import_despite_metadata
from .containers import FORMATS
from .containers.npz import SPECS
from .objects.buckets import Bucket
from .objects.mirror import check_exists, exists, local_copy, named
from .objects.urls import Location, ObjectUrl, location
from .specs import RECORD_BYTES, RECORDS, Array, ArraySpec

#: What is said of training data under PtychoPINN's names.
THEIRS = (
    ": patches are 'Y' and positions 'coords_nn', rows [x, y]; or write training data with "
    "output.keys=native"
)
_DAMAGED = (
    OSError,
    EOFError,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    RuntimeError,
    OutputError,
    zipfile.BadZipFile,
    zlib.error,
)


@dataclass(frozen=True, eq=False, repr=False)
class StoredOutput(Shown):
    """An output, open for reading.

    Attributes
    ----------
    arrays : dict of str to array
        Read from the file when indexed: NumPy memory maps, HDF5 datasets or Zarr arrays.
    specs : dict of str to ArraySpec
        Shape, dtype, names of the axes and units of each.
    geometry, configuration, provenance : dict
        What the numbers mean, how the run was set, and where everything came from.
    """

    arrays: Mapping[str, Any]
    specs: Mapping[str, ArraySpec]
    geometry: dict[str, Any]
    configuration: dict[str, Any]
    provenance: dict[str, Any]
    _close: Callable[[], object]

    def _shown(self) -> dict[str, object]:
        """Say what its representation shows: the arrays, none of which is read."""
        return {
            name: Words(f"{spec.dtype} {' x '.join(map(str, spec.shape)) or 'scalar'}")
            for name, spec in self.specs.items()
        }

    @property
    def patches(self) -> Any:
        """The array ``patches``, not loaded; InputFileError if there is none."""
        return self._named("patches")

    @property
    def positions(self) -> Array:
        """The array ``positions``, loaded: (y, x) in object pixels; InputFileError if none."""
        return np.asarray(self._named("positions")[...])

    def _named(self, name: str) -> Any:
        """Return an array of a name that not every output has."""
        if name in self.arrays:
            return self.arrays[name]
        theirs = THEIRS if "Y" in self.arrays else ""
        raise InputFileError(
            f"{name}: this output has no such array. It has {', '.join(self.arrays) or 'none'}. "
            f"Expected an output of patches under our names. Take one of its arrays by name, as "
            f"output.arrays[NAME]{theirs}."
        )

    def close(self) -> None:
        """Close the file; an HDF5 dataset cannot be read afterwards."""
        self._close()

    def __enter__(self) -> StoredOutput:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@at_caller
def read_output(path: str | os.PathLike[str] | ObjectUrl) -> StoredOutput:
    """Open what the engine wrote: its arrays, their names and units, and its records.

    Parameters
    ----------
    path : path-like or URL
        A ``.npz``, ``.h5``, ``.hdf5`` or ``.zarr``. Of a ``.zarr`` at a URL, chunks are read there
        as arrays are indexed; of a file, a copy is.

    Returns
    -------
    StoredOutput
        Use it in a ``with`` statement, or close it.

    Raises
    ------
    InputFileError
        If there is no such output, or if it is damaged or was not written by the engine.
    MissingExtraError
        If it is at a URL, and obstore is not installed.
    """
    if not isinstance(path, str | os.PathLike | ObjectUrl):
        raise InputFileError(
            f"path: received {one_line(repr(path), 60)}. Expected a path or a URL."
        )
    path = location(path)
    if isinstance(path, ObjectUrl) and path.suffix.lower() in FORMATS:
        return _read_object(path)
    return _read_file(path)


def _read_file(path: Location) -> StoredOutput:
    # A pipe would be waited for.
    is_there = isinstance(path, Path) and (path.is_file() or path.is_dir())
    name = FORMATS.get(path.suffix.lower(), "")
    if isinstance(path, Path) and is_there:
        name = _format_in(path)
    if isinstance(path, ObjectUrl) or not name or not is_there:
        what = "no such output" if name else f"unknown suffix {path.suffix!r}"
        raise InputFileError(
            f"{path}: {what}. Expected a path that ends in {', '.join(FORMATS)}. Check it."
        )
    try:
        return {"npz": _read_npz, "hdf5": _read_hdf5, "zarr": _read_zarr}[name](path)
    except _DAMAGED as error:
        raise _unreadable(path, error) from error


def _read_object(url: ObjectUrl) -> StoredOutput:
    """Open an output at a URL."""
    if url.suffix.lower() != ".zarr":
        copy = local_copy(url)
        with named(url, copy):
            return _read_file(copy)
    check_exists(url)
    try:
        from .objects.zarr_reading import open_group

        return _zarr_output(_object_records(url), open_group(url))
    except PtychoEngineError:
        raise
    except _DAMAGED as error:
        raise _unreadable(url, error) from error


def _unreadable(path: Location, error: Exception) -> InputFileError:
    return InputFileError(
        f"{path}: cannot be read as an output: {error}. Expected arrays with the records "
        f"{', '.join(RECORDS)}. Write it again with ptycho-engine."
    )


def stands(path: Location) -> bool:
    """Whether anything is at the path or URL of an output."""
    return exists(path) if isinstance(path, ObjectUrl) else os.path.lexists(path)


def what_stands(path: Location, run_id: str) -> str:
    """Say what stands at the path of an output after its run was cut short.

    Parameters
    ----------
    path : Path or ObjectUrl
        Where the run was to write.
    run_id : str
        The run, as the provenance of its output says.

    Returns
    -------
    str
        The end of a sentence, made by looking there.
    """
    if not stands(path):
        return "nothing was written."
    try:
        with read_output(path) as output:
            own = output.provenance.get("run_id") == run_id
    except InputFileError:
        own = False
    if own:
        return f"{path} was whole by then, and stands."
    return f"nothing was written, and what stands at {path} is not of this run."


def is_output(path: Location) -> bool:
    """Whether a file, folder or object is an output of ours: it has the records."""
    return _records_of(path) is not None


def is_replaceable(path: Location) -> bool:
    """Whether what stands there may make room for another output: what a job made, and no scan."""
    records = _records_of(path)
    return records is not None and not _is_of_scan(records)


def _is_of_scan(records: dict[str, Any]) -> bool:
    """Whether records are those of a scan that was written: no job was configured to make it."""
    return not records["configuration"] and {"scan", "assumptions"} <= records["provenance"].keys()


def _records_of(path: Location) -> dict[str, Any] | None:
    """Return the records of an output of ours, None of anything else."""
    if isinstance(path, ObjectUrl):
        if path.suffix.lower() == ".zarr":
            return _records_by(_object_records, path)
        path = local_copy(path)
    found = (_records_by(RECORDS_IN[name], path) for name in _names_of(path))
    return next((records for records in found if records is not None), None)


def _names_of(path: Path) -> list[str]:
    """Return the formats that a file may have: of a symbolic link, that of what it leads to."""
    for suffix in (Path(os.path.realpath(path)).suffix, path.suffix):
        if name := FORMATS.get(suffix.lower()):
            return [name]
    return list(RECORDS_IN)  # of any name, it may be one of ours


def _format_in(path: Path) -> str:
    """Return the format of what stands at a path; empty if it is no output of ours."""
    names = _names_of(path)
    if len(names) == 1:
        return names[0]
    return next((name for name in names if _records_by(RECORDS_IN[name], path) is not None), "")


def _records_by(reader: Callable[[Any], dict[str, Any]], path: Location) -> dict[str, Any] | None:
    try:
        # A pipe would be waited for.
        if isinstance(path, Path) and not (path.is_file() or path.is_dir()):
            return None
        records = reader(path)
    except Exception:  # libraries raise anything for what is not theirs, and so it is not ours
        return None
    return records if all(isinstance(record, dict) for record in records.values()) else None


def _npz_records(path: Path) -> dict[str, Any]:
    with zipfile.ZipFile(path) as archive:
        sizes = [archive.getinfo(f"{name}.npy").file_size for name in RECORDS]
    if max(sizes) > RECORD_BYTES:
        raise ValueError(f"a record of {max(sizes)} bytes is none of ours")
    with np.load(path, allow_pickle=False) as arrays:
        return {name: json.loads(arrays[name].item()) for name in RECORDS}


def _hdf5_records(path: Path) -> dict[str, Any]:
    import h5py

    with h5py.File(path, "r") as file:
        return {name: json.loads(file.attrs[name]) for name in RECORDS}


def _zarr_records(path: Path) -> dict[str, Any]:
    return _records_in((path / "zarr.json").read_bytes())


#: What reads the records, by format.
RECORDS_IN: dict[str, Callable[[Any], dict[str, Any]]] = {
    "npz": _npz_records,
    "hdf5": _hdf5_records,
    "zarr": _zarr_records,
}


def _object_records(url: ObjectUrl) -> dict[str, Any]:
    text = Bucket(url).get(f"{url.key}/zarr.json")
    if text is None:
        raise FileNotFoundError(f"{url}/zarr.json")
    return _records_in(text)


def _records_in(text: bytes) -> dict[str, Any]:
    """Return the records in the metadata of the root of a Zarr store."""
    attributes = json.loads(text)["attributes"]
    return {name: dict(attributes[name]) for name in RECORDS}


def _read_npz(path: Path) -> StoredOutput:
    records = _npz_records(path)
    with np.load(path, allow_pickle=False) as arrays:
        described = json.loads(arrays[SPECS].item())
    mapped = {name: _map_member(path, f"{name}.npy") for name in described}
    specs = {
        name: ArraySpec.of(mapped[name], tuple(how["axes"]), how["units"])
        for name, how in described.items()
    }
    return StoredOutput(mapped, specs, **records, _close=_nothing)


def _map_member(path: Path, member: str) -> Array:
    """Map an uncompressed array of an archive into memory."""
    with zipfile.ZipFile(path) as archive, path.open("rb") as stream:
        info = archive.getinfo(member)
        if info.compress_type != zipfile.ZIP_STORED:
            raise ValueError(f"{member} is compressed")
        stream.seek(info.header_offset)
        # The local header: 30 bytes, of which the last four tell what follows.
        name_length, extra_length = struct.unpack("<26x2H", stream.read(30))
        stream.seek(name_length + extra_length, os.SEEK_CUR)
        npy.read_magic(stream)
        shape, _, dtype = npy.read_array_header_1_0(stream)
        if 0 in shape:
            return np.empty(shape, dtype)
        return np.memmap(path, dtype, "r", stream.tell(), shape)


def _read_hdf5(path: Path) -> StoredOutput:
    import h5py

    records = _hdf5_records(path)
    file = h5py.File(path, "r")
    try:
        arrays = {name: item for name, item in file.items() if isinstance(item, h5py.Dataset)}
        specs = {
            name: ArraySpec(
                item.shape,
                item.dtype,
                _all_or_none([axis.label for axis in item.dims]),
                item.attrs.get("units", ""),
                item.chunks,
                item.compression or "none",
            )
            for name, item in arrays.items()
        }
        return StoredOutput(arrays, specs, **records, _close=file.close)
    except BaseException:
        file.close()
        raise


def _read_zarr(path: Path) -> StoredOutput:
    import_despite_metadata("zarr")
    import zarr

    return _zarr_output(_zarr_records(path), zarr.open_group(str(path), mode="r"))


def _zarr_output(records: dict[str, Any], group: Any) -> StoredOutput:
    arrays = dict(group.arrays())
    specs = {
        name: ArraySpec(
            item.shape,
            item.dtype,
            _all_or_none(item.metadata.dimension_names or ()),
            item.attrs.get("units", ""),
            item.chunks,
            _compression(item),
            item.shards,
        )
        for name, item in arrays.items()
    }
    return StoredOutput(arrays, specs, **records, _close=_nothing)


def _compression(array: Any) -> str:
    names = [codec.to_dict()["name"] for codec in array.compressors]
    return next((str(name) for name in names if name != "crc32c"), "none")


def _all_or_none(axes: Any) -> tuple[str, ...]:
    return tuple(axes) if all(axes) else ()


def _nothing() -> None:
    """Neither a memory map nor a Zarr store has a file to close."""
