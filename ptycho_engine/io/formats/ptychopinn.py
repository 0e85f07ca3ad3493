"""PtychoPINN npz files.

===============================  ==========================================================
key                              array
===============================  ==========================================================
xcoords, ycoords                 (M,) pixels of the object; required
objectGuess                      (H, W) real or complex; required
diff3d, or diffraction           (M, N, N), (M, N, N, 1) or (N, N, M); read on demand
probeGuess                       (N, N), (modes, N, N) or (N, N, 1)
xcoords_start, ycoords_start     (M,) nominal pixels; default xcoords, ycoords
scan_index                       (M,) integers
_metadata                        a JSON object as text
===============================  ==========================================================

A file is never unpickled; other keys are ignored, but for ``bad_pixels``, which ptychodus writes
since its version 1.7: its coordinates are of another anchor then, see `FrameOptions`.
"""

from __future__ import annotations

import math
from functools import partial
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import InputFileError, one_line
from ...geometry import Positions
from ..frames import FrameOptions, place
from ..npz_archive import NpzArchive
from ..pickled_json import find_object, parse_object
from ..scan import Scan
from ..scan_files import check_reading
from ..specs import ArraySpec
from ..store import Store

REQUIRED = ("xcoords", "ycoords", "objectGuess")
PATTERNS = ("diff3d", "diffraction")
#: Positions, of which three arrays exist on the way: as they are read, as columns, as (y, x).
COORDINATES = ("xcoords", "ycoords", "xcoords_start", "ycoords_start")
#: What else `read` loads; the patterns stay in the file.
LOADED = ("objectGuess", "probeGuess", "scan_index", "_metadata")
#: Bytes of a `_metadata` that is read, and what a byte of JSON becomes in Python at most: ``{},``.
METADATA_LIMIT, METADATA_GROWTH = 1024**2, 25

Array = NDArray[Any]
#: Options of the format.
Options = FrameOptions


def recognise(path: Path) -> bool:
    """Tell whether a file is a PtychoPINN npz file: an archive that holds the required keys."""
    try:
        with NpzArchive(path) as archive:
            return set(REQUIRED) <= set(archive.names)
    except InputFileError:
        return False


def needed_bytes(path: Path, options: FrameOptions | None) -> int:
    """Return what `read` takes, of the sizes that the headers claim.

    Raises
    ------
    InputFileError
        If the file is missing, damaged or no npz file.
    """
    moved = options is not None and not options.is_plain
    with NpzArchive(path) as archive:
        needed = 0
        for key in set(archive.names).intersection(COORDINATES + LOADED):
            header = archive.header(key)
            if key == "_metadata":
                length = METADATA_LIMIT if header.dtype.hasobject else header.nbytes
                needed += METADATA_GROWTH * min(length, METADATA_LIMIT)
            elif not header.dtype.hasobject:  # those are refused
                needed += header.nbytes
            if key in COORDINATES:
                needed += (5 if moved else 2) * header.size * np.dtype(np.float64).itemsize
            elif key == "objectGuess" and header.dtype.kind in "iufc":
                widened = np.result_type(header.dtype, np.float32)
                copied = header.fortran_order or widened != header.dtype.newbyteorder("=")
                needed += header.size * widened.itemsize if copied else 0
        return needed


def read(path: Path, options: FrameOptions) -> Scan:
    """Read a scan. See :func:`read_npz`."""
    return read_npz(path, options)


def read_npz(path: str | PathLike[str], options: FrameOptions | None = None) -> Scan:
    """Read a scan from a PtychoPINN npz file.

    Parameters
    ----------
    path : path-like
        The file.
    options : FrameOptions, optional
        The frame of its coordinates; by default pixels as PtychoPINN has them.

    Returns
    -------
    Scan
        Positions (y, x) in object pixels. The patterns stay in the file until `read_patterns` is
        called. `metadata` may hold ``_metadata`` (dict) or ``_metadata_note`` (why it could not
        be read), ``scan_index`` (int array), ``positions_start`` (float64 (P, 2), (y, x), object
        pixels) and ``patterns`` (key and axis order in the file).

    Raises
    ------
    InputFileError
        If the file is missing, damaged or no npz file; if a key is missing; if an array has the
        wrong rank, dtype or length; if a position is NaN or infinite; if an anchor needs the size
        of the patterns, and nothing in the file tells it.
    """
    path, options = Path(path), options or FrameOptions()
    with NpzArchive(path) as archive:
        missing = [key for key in REQUIRED if key not in archive.names]
        if missing:
            raise InputFileError(
                f"{path}: {', '.join(missing)} missing. Found: "
                f"{one_line(', '.join(archive.names)) or 'no arrays'}. Expected at least "
                f"{', '.join(REQUIRED)}. Add them with numpy.savez, or choose another reader."
            )
        xy = _coordinates(archive, "xcoords", "ycoords")
        _check_finite(path, xy)
        metadata = _metadata(archive, len(xy))
        patterns = _pattern_layout(archive, len(xy))
        shape, read_patterns = None, None
        if patterns is not None:
            key, shape, order = patterns
            metadata["patterns"] = f"{key} {order}"
            read_patterns = partial(_read_patterns, path, key, order)
        image, probe = _object(archive), _probe(archive)
        size = shape[1] if shape else None if probe is None else probe.shape[-1]
        if "positions_start" in metadata:
            start = metadata["positions_start"]
            metadata["positions_start"] = place(start, options, image.shape, size, path)
        return Scan(
            image=image,
            positions=place(xy, options, image.shape, size, path),
            source=str(path),
            probe=probe,
            pattern_shape=shape,
            read_patterns=read_patterns,
            metadata=metadata,
            warnings=_moved(archive, options, size),
            remedies=options.remedies("scan=npz"),
        )


def write(path: Path, scan: Scan) -> None:
    """Write a scan; a reader of `_metadata` needs no pickle.

    Parameters
    ----------
    path : Path
        Where nothing stands.
    scan : Scan
        Its patterns are read, if it has any; of its metadata, what this format has a key for is
        written.

    Raises
    ------
    OutputError
        If it cannot be written; nothing has appeared then.
    """
    arrays = _arrays(scan)
    declared = scan.metadata.get("_metadata")
    store = Store.create(
        path,
        {name: ArraySpec.of(array, axes, units) for name, (array, axes, units) in arrays.items()},
        geometry={"axis_order": "y, x", "units": "object pixels"},
        provenance={"scan": scan.source},
        more={} if declared is None else {"_metadata": declared},
    )
    with store:
        for name, (array, _, _) in arrays.items():
            store.write(name, (), array)


def _arrays(scan: Scan) -> dict[str, tuple[Array, tuple[str, ...], str]]:
    """Arrays of a scan by the keys of the format, with the names of their axes, and units."""
    points, pixels = ("point",), "object pixels"
    arrays: dict[str, tuple[Array, tuple[str, ...], str]] = {
        "objectGuess": (scan.image, ("y", "x"), ""),
    }
    starts = scan.metadata.get("positions_start")
    for suffix, positions in (("", scan.positions), ("_start", starts)):
        if positions is not None:
            for column, axis in enumerate("yx"):
                values = np.ascontiguousarray(positions[:, column])
                arrays[f"{axis}coords{suffix}"] = (values, points, pixels)
    if "scan_index" in scan.metadata:
        arrays["scan_index"] = (scan.metadata["scan_index"], points, "")
    if scan.probe is not None:
        arrays["probeGuess"] = (scan.probe, (), "")
    if scan.read_patterns is not None:
        arrays["diff3d"] = (scan.read_patterns(), (), "")
    return arrays


def _check(
    archive: NpzArchive, key: str, ranks: tuple[int, ...], kinds: str, expected: str
) -> tuple[int, ...]:
    """Return the shape of an array once its rank and dtype are right, without reading its data."""
    header = archive.header(key)
    if header.dtype.hasobject:
        raise InputFileError(
            f"{archive.path}: {key!r} is an array of Python objects, which only unpickling could "
            f"read; legacy files hold None in this way. Expected {expected}. Save the file again "
            "with a numeric array under this key, or without an optional one."
        )
    if header.dtype.kind not in kinds:
        raise InputFileError(
            f"{archive.path}: {key!r} has dtype {one_line(header.dtype, 60)}. Expected {expected}. "
            "Convert it with numpy.asarray(values, dtype=...) and save the file again."
        )
    if len(header.shape) not in ranks:
        raise InputFileError(
            f"{archive.path}: {key!r} has shape {one_line(header.shape, 60)}. Expected {expected}. "
            "Reshape it and save the file again."
        )
    return header.shape


def _check_length(archive: NpzArchive, key: str, length: int, count: int) -> None:
    if length != count:
        raise InputFileError(
            f"{archive.path}: {key!r} holds {length} entries, but there are {count} in 'xcoords'. "
            "Expected one for each scan position. Drop the surplus on either side and save the "
            "file again."
        )


def _coordinates(
    archive: NpzArchive, x_key: str, y_key: str, count: int | None = None
) -> Positions:
    """Load two arrays as float64 columns (x, y)."""
    for key in (x_key, y_key):
        shape = _check(archive, key, (1,), "iuf", "real pixel coordinates of shape (M,)")
        count = shape[0] if count is None else count
        _check_length(archive, key, shape[0], count)
    columns = [archive.load(x_key), archive.load(y_key)]
    with np.errstate(over="ignore"):  # what float64 does not hold becomes infinite, and is refused
        return np.stack(columns, axis=-1, dtype=np.float64)


def _moved(archive: NpzArchive, options: FrameOptions, size: int | None) -> tuple[str, ...]:
    """Say so if the file looks like an export whose coordinates are of another anchor."""
    named = options.anchor is not None or options.centre is not None
    if named or "bad_pixels" not in archive.names or (size or 0) % 2:  # odd: the same windows
        return ()
    return (
        f"{archive.path}: holds 'bad_pixels', as exports of ptychodus since 1.7 do, whose "
        "coordinates lie half a pixel before PtychoPINN's. Expected to be told which they are. Set "
        "scan=npz scan.anchor=ptychodus_from_1.6, or scan.anchor=half if they are PtychoPINN's.",
    )


def _check_finite(path: Path, xy: Positions) -> None:
    bad = np.flatnonzero(~np.isfinite(xy).all(axis=1))
    if bad.size:
        x, y = xy[bad[0]].tolist()
        raise InputFileError(
            f"{path}: {bad.size} of {len(xy)} positions are NaN or infinite, the first at "
            f"index {bad[0]}: xcoords {x}, ycoords {y}. Expected finite pixels. Remove these "
            "positions and their patterns, or repair them."
        )


def _object(archive: NpzArchive) -> Array:
    _check(archive, "objectGuess", (2,), "iufc", "a real or complex array of shape (H, W)")
    image = archive.load("objectGuess")
    # Integers and half floats gain the least floating precision that holds them.
    return image.astype(np.result_type(image.dtype, np.float32), order="C", copy=False)


def _probe(archive: NpzArchive) -> Array | None:
    if "probeGuess" not in archive.names:
        return None
    expected = "a real or complex array of shape (N, N), (modes, N, N) or (N, N, 1)"
    shape = _check(archive, "probeGuess", (2, 3), "iufc", expected)
    probe = archive.load("probeGuess")
    return probe[..., 0] if len(shape) == 3 and shape[0] == shape[1] and shape[2] == 1 else probe


def _pattern_layout(
    archive: NpzArchive, count: int
) -> tuple[str, tuple[int, int, int], str] | None:
    """Key, shape (M, N, N) and axis order of the patterns, from their header alone."""
    key = next((name for name in PATTERNS if name in archive.names), None)
    if key is None:
        return None
    expected = "real patterns of shape (M, N, N), (M, N, N, 1) or (N, N, M)"
    shape = _check(archive, key, (3, 4), "iuf", expected)
    if len(shape) == 4 and shape[3] == 1 and shape[1] == shape[2]:
        first, size, order = shape[0], shape[1], "(M, N, N, 1)"
    # A cube of patterns has two readings of the same shape: the documented order is taken.
    elif len(shape) == 3 and shape[1] == shape[2] and (shape[0] == count or shape[0] != shape[1]):
        first, size, order = shape[0], shape[1], "(M, N, N)"
    elif len(shape) == 3 and shape[0] == shape[1]:
        first, size, order = shape[2], shape[0], "(N, N, M)"
    else:
        raise InputFileError(
            f"{archive.path}: {key!r} has shape {shape}. Expected {expected}, square. Crop or "
            "transpose the patterns and save the file again."
        )
    _check_length(archive, key, first, count)
    return key, (first, size, size), order


def _read_patterns(path: Path, key: str, order: str) -> Array:
    """Load the patterns as (M, N, N), C-contiguous, in the dtype of the file.

    Raises
    ------
    MemoryBudgetError
        If they take more than half of the memory that is free.
    """
    with NpzArchive(path) as archive:
        header = archive.header(key)
        copies = 2 if order == "(N, N, M)" else 1
        needed = copies * math.prod(header.shape) * header.dtype.itemsize
        check_reading(f"{path}: reading the patterns", needed)
        patterns = archive.load(key)
    if order == "(M, N, N, 1)":
        patterns = patterns[..., 0]
    elif order == "(N, N, M)":
        patterns = np.moveaxis(patterns, -1, 0)
    return np.ascontiguousarray(patterns)


def _metadata(archive: NpzArchive, count: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if "scan_index" in archive.names:
        shape = _check(archive, "scan_index", (1,), "iu", "integers of shape (M,)")
        _check_length(archive, "scan_index", shape[0], count)
        found["scan_index"] = archive.load("scan_index")
    x_key, y_key = (
        key if key in archive.names else key.removesuffix("_start")
        for key in ("xcoords_start", "ycoords_start")
    )
    if (x_key, y_key) != ("xcoords", "ycoords"):
        found["positions_start"] = _coordinates(archive, x_key, y_key, count)
    if "_metadata" in archive.names:
        declared, reason = _declared(archive)
        if declared is not None:
            found["_metadata"] = declared
        else:
            found["_metadata_note"] = f"_metadata was ignored: {reason}"
    return found


def _declared(archive: NpzArchive) -> tuple[dict[str, Any] | None, str]:
    """Return the object that `_metadata` spells, or None and why there is none."""
    header = archive.header("_metadata")
    none = "no JSON object was found in it, and it is never unpickled"
    if header.dtype.hasobject:
        return find_object(archive.raw("_metadata", METADATA_LIMIT)), none
    if header.dtype.kind not in "US" or header.shape not in ((), (1,)):
        return None, none
    if header.nbytes > METADATA_LIMIT:
        return None, f"it takes {header.nbytes} bytes, and up to {METADATA_LIMIT} are read"
    # NumPy would not take a text that is no Unicode.
    encoding = "utf-8"
    if header.dtype.kind == "U":
        encoding = "utf-32-be" if header.dtype.byteorder == ">" else "utf-32-le"
    text = archive.raw("_metadata", METADATA_LIMIT).decode(encoding, "replace")
    return parse_object(text.rstrip("\0")), none
