"""Outputs read back, from any of the formats, without loading the patches."""

from __future__ import annotations

import json
import os
import struct
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.lib import format as npy

from ...errors import InputFileError
from .base import RECORDS, Array
from .output import FORMATS


@dataclass(frozen=True, eq=False)
class StoredOutput:
    """An output, open for reading.

    Attributes
    ----------
    patches : array, shape of the patches
        Read from the file when it is indexed: a NumPy memory map, HDF5 dataset or Zarr array.
    positions : ndarray, shape (P, 2) or (B, C, 2)
        Scan positions (y, x) in object pixels.
    geometry, configuration, provenance : dict
        As in :class:`~ptycho_engine.io.writers.base.OutputHeader`.
    """

    patches: Any
    positions: Array
    geometry: dict[str, Any]
    configuration: dict[str, Any]
    provenance: dict[str, Any]
    _close: Callable[[], object]

    def close(self) -> None:
        """Close the file; an HDF5 dataset cannot be read afterwards."""
        self._close()

    def __enter__(self) -> StoredOutput:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def read_output(path: str | os.PathLike[str]) -> StoredOutput:
    """Open an output of `open_writer`.

    Parameters
    ----------
    path : path-like
        A ``.npz``, ``.h5``, ``.hdf5`` or ``.zarr``.

    Returns
    -------
    StoredOutput
        Use it in a ``with`` statement, or close it.

    Raises
    ------
    InputFileError
        If there is no such output, or if it is damaged or was not written by `open_writer`.
    """
    path = Path(path)
    name = FORMATS.get(path.suffix.lower(), ("",))[0]
    readers = {"npz": _read_npz, "hdf5": _read_hdf5, "zarr": _read_zarr}
    if name not in readers or not path.exists():
        what = "no such output" if name in readers else f"unknown suffix {path.suffix!r}"
        raise InputFileError(
            f"{path}: {what}. Expected a path that ends in {', '.join(FORMATS)}. Check it."
        )
    try:
        return readers[name](path)
    except (OSError, EOFError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        raise InputFileError(
            f"{path}: cannot be read as patches: {error}. Expected arrays patches and positions "
            f"and the records {', '.join(RECORDS)}. Write it again with ptycho-engine."
        ) from error


def _read_npz(path: Path) -> StoredOutput:
    with np.load(path, allow_pickle=False) as arrays:
        records = {name: json.loads(arrays[name].item()) for name in RECORDS}
        positions = arrays["positions"]
    return StoredOutput(_map_member(path, "patches.npy"), positions, **records, _close=_nothing)


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

    file = h5py.File(path, "r")
    try:
        records = {name: json.loads(file.attrs[name]) for name in RECORDS}
        return StoredOutput(file["patches"], file["positions"][...], **records, _close=file.close)
    except BaseException:
        file.close()
        raise


def _read_zarr(path: Path) -> StoredOutput:
    import zarr

    group = zarr.open_group(str(path), mode="r")
    records = {name: dict(group.attrs[name]) for name in RECORDS}
    positions = np.asarray(group["positions"][...])
    return StoredOutput(group["patches"], positions, **records, _close=_nothing)


def _nothing() -> None:
    """Neither a memory map nor a Zarr store has a file to close."""
