"""PtychoPINN npz files.

===============================  ==========================================================
key                              array
===============================  ==========================================================
xcoords, ycoords                 (M,) pixels of the object; required
objectGuess                      (H, W) real or complex
diff3d, or diffraction           (M, N, N), (M, N, N, 1) or (N, N, M); read on demand
probeGuess                       (N, N), (modes, N, N) or (N, N, 1)
xcoords_start, ycoords_start     (M,) nominal pixels; default xcoords, ycoords
scan_index                       (M,) integers
_metadata                        a JSON object as text
===============================  ==========================================================

Beside the coordinates it holds an object, patterns or a probe. A file is never unpickled; where
there is no object, legacy programs write a pickled None, which is passed over with a warning. Other
keys are ignored, but for ``bad_pixels``, which ptychodus writes since its version 1.7: its
coordinates are of another anchor then, see `FrameOptions`, and its patterns as they were measured.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import InputFileError, OutputError, one_line
from ...geometry import Positions
from ..declared import LIMIT, declared_object
from ..frames import FrameOptions, place
from ..npz_archive import NpzArchive, check_array
from ..npz_scan_patterns import BAD, PATTERNS, check_length, declaring_amplitude, find_patterns
from ..patterns import Patterns, quantity_option
from ..products import SHARES, WEIGHTS
from ..reading import claiming
from ..scan import Scan
from ..scan_writing import Named, in_quantity, numbers_of, report_dropped, write_arrays

REQUIRED = ("xcoords", "ycoords")
#: One of these makes coordinates a scan.
CONTENT = ("objectGuess", *PATTERNS, "probeGuess")
#: Positions, of which three arrays exist on the way: as they are read, as columns, as (y, x).
COORDINATES = ("xcoords", "ycoords", "xcoords_start", "ycoords_start")
#: What else `read` loads; the patterns stay in the file.
LOADED = ("objectGuess", "probeGuess", "scan_index", "_metadata", BAD)
#: What a scan may hold and the format has no key for.
DROPPED = ("pixel_size", "detector_pixel_size", "energy", "distance", "mask")
#: The suffix that `write` takes: it is that of the container.
WRITES = (".npz",)
#: What a byte of JSON becomes in Python at most: ``{},``.
METADATA_GROWTH = 25

Array = NDArray[Any]


@dataclass(frozen=True)
class Options(FrameOptions):
    """Options of the format.

    Attributes
    ----------
    quantity : {"amplitude", "intensity"}, optional
        What a sample of a pattern is. By default what ``_metadata`` declares, else amplitude, as
        the format has it; of integers, which are counts as a rule, it must be said.
    """

    quantity: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        quantity_option(self.quantity)


@claiming
def recognise(path: Path) -> bool:
    """Tell whether a file is a PtychoPINN npz file: an archive of coordinates and what is there."""
    with NpzArchive(path) as archive:
        return not _missing(archive)


def _missing(archive: NpzArchive) -> list[str]:
    """Return the keys that a scan lacks."""
    names = set(archive.names)
    content = [] if names.intersection(CONTENT) else [f"one of {', '.join(CONTENT)}"]
    return [key for key in REQUIRED if key not in names] + content


def needed_bytes(path: Path, options: Options | None) -> int:
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
                length = LIMIT if header.dtype.hasobject else header.nbytes
                needed += METADATA_GROWTH * min(length, LIMIT)
            elif not header.dtype.hasobject:  # those are refused
                needed += header.nbytes
            if key in COORDINATES:
                needed += (5 if moved else 2) * header.size * np.dtype(np.float64).itemsize
            elif key == "objectGuess" and header.dtype.kind in "iufc":
                widened = np.result_type(header.dtype, np.float32)
                copied = header.fortran_order or widened != header.dtype.newbyteorder("=")
                needed += header.size * widened.itemsize if copied else 0
        return needed


def read(path: Path, options: Options) -> Scan:
    """Read a scan. See :func:`read_npz`."""
    return read_npz(path, options)


def read_npz(path: str | PathLike[str], options: Options | None = None) -> Scan:
    """Read a scan from a PtychoPINN npz file.

    Parameters
    ----------
    path : path-like
        The file.
    options : Options, optional
        The frame of its coordinates; by default pixels as PtychoPINN has them.

    Returns
    -------
    Scan
        Positions (y, x) in object pixels. `metadata` may hold ``_metadata`` (dict) or
        ``_metadata_note`` (why it could not be read), ``scan_index`` (int array) and ``patterns``
        (key and axis order in the file).

    Raises
    ------
    InputFileError
        If the file is missing, damaged or no npz file; if a key is missing; if an array has the
        wrong rank, dtype or length; if a position is NaN or infinite; if an anchor needs the size
        of the patterns, and nothing in the file tells it.
    """
    # A path stays what it is: that of a copy finds its place on another machine.
    path = path if isinstance(path, Path) else Path(path)
    options = options or Options()
    with NpzArchive(path) as archive:
        if missing := _missing(archive):
            raise InputFileError(
                f"{path}: {' and '.join(missing)} missing. Found: "
                f"{one_line(', '.join(archive.names)) or 'no arrays'}. Expected "
                f"{', '.join(REQUIRED)}, and objectGuess for patches. Add them with numpy.savez, "
                "or choose another reader."
            )
        xy = _coordinates(archive, "xcoords", "ycoords")
        _check_finite(path, xy)
        metadata, lacks = _metadata(archive, len(xy))
        quantity: Any = options.quantity
        found = find_patterns(archive, len(xy), quantity, metadata.get("_metadata", {}))
        metadata |= {"patterns": found.layout} if found.layout else {}
        (image, lost), probe = _object(archive), _probe(archive)
        shape = None if image is None else image.shape
        size = None if probe is None else probe.shape[-1]
        size = size if found.patterns is None else found.patterns.shape[-1]
        starts = _starts(archive, len(xy))
        return Scan(
            image=image,
            positions=place(xy, options, shape, size, path),
            source=str(path),
            probe=probe,
            patterns=found.patterns,
            mask=found.mask,
            nominal_positions=None if starts is None else place(starts, options, shape, size, path),
            metadata=metadata,
            warnings=(*_moved(archive, options, size), *lost, *lacks, *found.doubts),
            pixel_size=options.object_pixel,
            remedies=options.remedies("scan=npz"),
            assumptions=options.assumptions() | (found.assumed or {}),
        )


def check(path: Path, scan: Scan) -> None:
    """Refuse what `write` would refuse, whatever the values of the scan are.

    Raises
    ------
    OutputError
        If it lacks what the format is of, or has layers, or patterns that are not square, or
        metadata that are no numbers of the positions, or no dictionary.
    InputFileError
        If its positions are in metres of unknown pixels.
    """
    placed = scan.in_pixels().with_one_layer()
    height, width = (1, 1) if placed.patterns is None else placed.patterns.shape[1:]
    index, declared = scan.metadata.get("scan_index", ()), scan.metadata.get("_metadata", {})
    if placed.positions is None:
        reason = "the scan has no positions, and the format is one of scan points. Expected them."
    elif placed.image is None and placed.patterns is None and placed.probe is None:
        reason = (
            "the scan has positions alone, and the format is one of an object, patterns or a probe "
            "at them. Expected one of these."
        )
    elif placed.image is not None and placed.layer_axis is not None:
        reason = f"the object has {len(placed.image)} layers. Expected one of shape (H, W)."
    elif height != width:
        reason = f"the patterns are {height} x {width}. Expected square ones (detector.size=N)."
    elif numbers_of(index, (None,), "iuf") is None:
        reason = f"the scan_index is {one_line(repr(index), 60)}. Expected a number a position."
    elif not isinstance(declared, dict | None):
        reason = f"the _metadata are {one_line(repr(declared), 60)}. Expected a dictionary."
    else:
        return
    raise OutputError(f"{path}: {reason} Choose another format, or change the scan.")


def write(path: Path, scan: Scan) -> None:
    """Write a scan: patterns as amplitude, of the metadata what this format has a key for.

    Raises
    ------
    OutputError, InputFileError
        As `check`, or if it cannot be written; nothing has appeared then.
    """
    check(path, scan)
    placed = scan.in_pixels().with_one_layer()
    declared = scan.metadata.get("_metadata")
    if declared is not None and scan.patterns is not None:
        declared = declaring_amplitude(declared)
    more = {} if declared is None else {"_metadata": declared}
    whole = replace(scan, patterns=scan.patterns and _single(path, scan.patterns))
    write_arrays(path, whole, _arrays(placed), patterns=("diff3d", "amplitude"), more=more)
    report_dropped(path, scan, DROPPED, (SHARES, WEIGHTS))


def _single(path: Path, patterns: Patterns) -> Patterns:
    """Return amplitudes: those of counts, whatever integers these are, in single precision."""
    roots = in_quantity(path, patterns, "amplitude")
    if patterns.dtype.kind == "f" or roots.dtype == np.float32:
        return roots
    return roots.mapped(_as_single, roots.shape[1:], np.dtype(np.float32))


def _as_single(values: Array) -> Array:
    return values.astype(np.float32)


def _arrays(scan: Scan) -> dict[str, Named]:
    """Arrays of a scan by the keys of the format, with the names of their axes, and units."""
    points, pixels = ("point",), "object pixels"
    arrays = {} if scan.image is None else {"objectGuess": Named(scan.image, ("y", "x"))}
    for suffix, positions in (("", scan.positions), ("_start", scan.nominal_positions)):
        if positions is not None:
            for column, axis in enumerate("yx"):
                values = np.ascontiguousarray(positions[:, column])
                arrays[f"{axis}coords{suffix}"] = Named(values, points, pixels)
    if "scan_index" in scan.metadata:
        arrays["scan_index"] = Named(np.asarray(scan.metadata["scan_index"]), points)
    if scan.probe is not None:
        arrays["probeGuess"] = Named(scan.probe)
    return arrays


def _coordinates(
    archive: NpzArchive, x_key: str, y_key: str, count: int | None = None
) -> Positions:
    """Load two arrays as float64 columns (x, y)."""
    for key in (x_key, y_key):
        shape = check_array(archive, key, (1,), "iuf", "real pixel coordinates of shape (M,)")
        count = shape[0] if count is None else count
        check_length(archive, key, shape[0], count)
    columns = [archive.load(x_key), archive.load(y_key)]
    with np.errstate(over="ignore"):  # what float64 does not hold becomes infinite, and is refused
        return np.stack(columns, axis=-1, dtype=np.float64)


def _moved(archive: NpzArchive, options: FrameOptions, size: int | None) -> tuple[str, ...]:
    """Say so if the file looks like an export whose coordinates are of another anchor."""
    named = options.anchor is not None or options.centre is not None
    if named or BAD not in archive.names or (size or 0) % 2:  # odd: the same windows
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


def _object(archive: NpzArchive) -> tuple[Array | None, tuple[str, ...]]:
    """Return the object if there is one, and a warning if something else stands there."""
    if "objectGuess" not in archive.names:
        return None, ()
    header = archive.header("objectGuess")
    if header.dtype.hasobject and header.shape == ():  # no array, whatever unpickling would give
        return None, (
            f"{archive.path}: 'objectGuess' is a single Python object, as legacy files hold None, "
            "and was not read: the scan has no object.",
        )
    check_array(archive, "objectGuess", (2,), "iufc", "a real or complex array of shape (H, W)")
    image = archive.load("objectGuess")
    # Integers and half floats gain the least floating precision that holds them.
    return image.astype(np.result_type(image.dtype, np.float32), order="C", copy=False), ()


def _probe(archive: NpzArchive) -> Array | None:
    if "probeGuess" not in archive.names:
        return None
    expected = "a real or complex array of shape (N, N), (modes, N, N) or (N, N, 1)"
    shape = check_array(archive, "probeGuess", (2, 3), "iufc", expected)
    probe = archive.load("probeGuess")
    return probe[..., 0] if len(shape) == 3 and shape[0] == shape[1] and shape[2] == 1 else probe


def _starts(archive: NpzArchive, count: int) -> Positions | None:
    """Nominal positions, columns (x, y), if the file holds them in either coordinate."""
    x_key, y_key = (
        key if key in archive.names else key.removesuffix("_start")
        for key in ("xcoords_start", "ycoords_start")
    )
    if (x_key, y_key) == ("xcoords", "ycoords"):
        return None
    return _coordinates(archive, x_key, y_key, count)


def _metadata(archive: NpzArchive, count: int) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return what else there is, and doubts about it."""
    found: dict[str, Any] = {}
    doubts: tuple[str, ...] = ()
    if "scan_index" in archive.names:
        shape = check_array(archive, "scan_index", (1,), "iuf", "integers of shape (M,)")
        check_length(archive, "scan_index", shape[0], count)
        index = archive.load("scan_index")
        numbers = index.astype(np.float64)  # float16 does not hold the bound
        if index.dtype.kind != "f":
            found["scan_index"] = index
        elif (np.abs(numbers) < 2**53).all() and (numbers == np.rint(numbers)).all():
            found["scan_index"] = numbers.astype(np.int64)
        else:
            doubts = (
                f"{archive.path}: 'scan_index' holds {index.dtype} that are not whole, and was not "
                "read. Expected integers. Save the file again, or without it.",
            )
    if "_metadata" in archive.names:
        declared, reason = declared_object(archive, "_metadata")
        if declared is not None:
            found["_metadata"] = declared
        else:
            found["_metadata_note"] = f"_metadata was ignored: {reason}"
    return found, doubts
