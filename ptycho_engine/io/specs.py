"""What a store will hold: arrays by name, and records as JSON."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import OutputError, one_line

Array = NDArray[Any]

#: The dictionaries of an output, stored as JSON under these names in every format.
RECORDS = ("geometry", "configuration", "provenance")
#: What formats call other things than arrays and records.
TAKEN = ("array_specs", "entry", "NX_class", "default")
#: Records are texts of some kilobytes; what claims to be larger is not read.
RECORD_BYTES = 16 * 1024**2


@dataclass(frozen=True)
class ArraySpec:
    """One array, known before its first value.

    Attributes
    ----------
    shape : tuple of int
        Its shape.
    dtype : dtype
        Numeric; stored in native byte order.
    axes : tuple of str
        A name for each axis, or none at all. Arrays of one output that share a name share its
        length.
    units : str
        Of the values, as a text: ``"object pixels"``.
    chunks : tuple of int, optional
        Shape of the pieces that a reader gets at once. Zarr chooses one if there is none; HDF5
        then leaves the array in one piece, so that a killed run resumes; npz has no chunks.
    compression : str
        What each chunk is packed with: ``"zstd"`` in Zarr, ``"gzip"`` in HDF5, or ``"none"``.
    shards : tuple of int, optional
        Shape of the files of a Zarr array, whole chunks each; by default each chunk is a file.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    axes: tuple[str, ...] = ()
    units: str = ""
    chunks: tuple[int, ...] | None = None
    compression: str = "none"
    shards: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        dtype = np.dtype(self.dtype).newbyteorder("=")
        if dtype.kind not in "biufc":
            raise OutputError(f"dtype: received {dtype}, no numbers. Expected a numeric dtype.")
        shape = tuple(int(size) for size in self.shape)
        if any(size < 0 for size in shape):
            raise OutputError(f"shape: received {shape}. Expected sizes of 0 or more.")
        axes = tuple(self.axes)
        if axes and (len(axes) != len(shape) or len(set(axes)) != len(axes)):
            raise OutputError(
                f"axes: received {axes} for shape {shape}. Expected {len(shape)} different names, "
                "or none."
            )
        plain = {"shape": shape, "dtype": dtype, "axes": axes}
        for name, value in (plain | self._pieces(shape)).items():
            object.__setattr__(self, name, value)

    def _pieces(self, shape: tuple[int, ...]) -> dict[str, tuple[int, ...] | None]:
        """Check the shapes of chunks and shards."""
        found: dict[str, tuple[int, ...] | None] = {}
        for name in ("chunks", "shards"):
            given = getattr(self, name)
            sizes = None if given is None else tuple(int(size) for size in given)
            if sizes is not None and (len(sizes) != len(shape) or any(s < 1 for s in sizes)):
                raise OutputError(
                    f"{name}: received {sizes} for shape {shape}. Expected {len(shape)} sizes of "
                    "1 or more."
                )
            found[name] = sizes
        chunks, shards = found["chunks"], found["shards"]
        if shards and (not chunks or any(s % c for s, c in zip(shards, chunks, strict=True))):
            raise OutputError(
                f"shards: received {shards} for chunks {chunks}. Expected whole chunks along each "
                "axis."
            )
        return found

    @classmethod
    def of(cls, array: Array, axes: tuple[str, ...] = (), units: str = "") -> ArraySpec:
        """Describe an array that exists."""
        return cls(array.shape, array.dtype, axes, units)

    @property
    def size(self) -> int:
        """Number of its values."""
        return math.prod(self.shape)

    @property
    def nbytes(self) -> int:
        """Bytes of its values."""
        return self.size * self.dtype.itemsize

    def plain(self) -> dict[str, Any]:
        """Return it as what JSON holds."""
        return json.loads(to_json("array", asdict(self)))  # type: ignore[no-any-return]


def check_names(arrays: Mapping[str, ArraySpec], records: Collection[str]) -> None:
    """Refuse names that are taken, and arrays of which two call axes of different length the same.

    Raises
    ------
    OutputError
        With the name, or that of the axis and of both arrays; also if there is no array at all.
    """
    if not arrays:
        raise OutputError("arrays: received none. Expected at least one ArraySpec by its name.")
    for name in records:
        if not name.isidentifier() or name in TAKEN:
            raise OutputError(
                f"records: received the name {name!r}. Expected letters, digits and underscores, "
                f"and none of {', '.join(TAKEN)}."
            )
    seen: dict[str, tuple[int, str]] = {}
    for name, spec in arrays.items():
        if not name.isidentifier() or name in (*records, *TAKEN):
            raise OutputError(
                f"arrays: received the name {name!r}. Expected letters, digits and underscores, "
                f"and none of {', '.join((*records, *TAKEN))}."
            )
        for axis, size in zip(spec.axes, spec.shape, strict=False):
            known, other = seen.setdefault(axis, (size, name))
            if known != size:
                raise OutputError(
                    f"axes: {axis!r} has length {size} in {name!r} and {known} in {other!r}. "
                    "Expected one length for each name. Rename one of them."
                )


def to_json(name: str, record: Any) -> str:
    """Return a record as JSON text.

    Raises
    ------
    OutputError
        If a value has no JSON form, or the text is longer than any reader takes.
    """
    try:
        text = json.dumps(record, default=_plain)
    except (TypeError, ValueError, RecursionError) as error:
        raise OutputError(
            f"{name}: cannot be stored as JSON: {one_line(error)}. Expected texts, numbers, lists "
            "and dictionaries. Convert the value first."
        ) from error
    if 4 * len(text) > RECORD_BYTES:  # NumPy stores a letter in four bytes
        raise OutputError(
            f"{name}: takes {len(text)} letters as JSON. Expected at most {RECORD_BYTES // 4}. "
            "Store its numbers as an array."
        )
    return text


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray | np.generic):
        plain = value.tolist()
        if not isinstance(plain, np.generic):  # a longdouble stays one
            return plain
    if isinstance(value, os.PathLike | np.dtype):
        return str(value)
    raise TypeError(f"{value!r} of type {type(value).__name__}")
