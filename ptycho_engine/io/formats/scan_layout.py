"""The layout of this package: a whole scan in an HDF5 file or a Zarr store.

docs/reference/scan-layout.md says what each array holds, with units, frame and names of the axes.
Whatever a scan does not know is left out; two options tell what a reader may need of it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import InputFileError, one_line
from ..frames import pixel_size_option
from ..hdf5_file import Hdf5File
from ..patterns import quantity_option
from ..pickled_json import parse_object
from ..reading import claiming
from ..scan import Scan
from ..scan_writing import Named, write_arrays
from ..zarr_group import ZarrGroup

#: The record that makes a file one of this layout, and its version.
RECORD, LAYOUT = "scan", 1
#: The suffixes that `write` takes: they are those of the containers.
WRITES = (".h5", ".hdf5", ".zarr")
#: What the names of arrays of the metadata begin with.
PREFIX = "metadata_"
#: Patterns of a chunk in a Zarr store: what a random read costs.
CHUNK = 16
#: Arrays of a scan by the names that they have in the file.
ARRAYS = {
    "object": "image", "positions": "positions", "nominal_positions": "nominal_positions",
    "probe": "probe", "mask": "mask", "layer_spacing": "layer_spacing",
}  # fmt: skip
#: Kinds of numbers, as NumPy names them; the others hold real ones.
KINDS = {"object": "fc", "probe": "iufc", "mask": "b"}
#: Numbers of a scan, likewise.
NUMBERS = {"energy_eV": "energy", "distance_m": "distance"}
PAIRS = {"pixel_size_m": "pixel_size", "detector_pixel_size_m": "detector_pixel_size"}
#: Words of a scan, with those that there are.
WORDS = {
    "units": ("px", "m"), "layer_axis": (None, "mode", "slice"),
    "quantity": (None, "amplitude", "intensity"),
}  # fmt: skip


@dataclass(frozen=True)
class Options:
    """Options of the format, for what a file does not say; where it says something, that counts.

    Attributes
    ----------
    quantity : {"amplitude", "intensity"}, optional
        What a sample of a pattern is.
    pixel_size : float, optional
        Metres of an object pixel.
    """

    quantity: str | None = None
    pixel_size: float | None = None

    def __post_init__(self) -> None:
        quantity_option(self.quantity)
        pixel_size_option(self.pixel_size)


@dataclass(frozen=True)
class _Layout:
    """An open file: its arrays, and what it says."""

    arrays: Hdf5File | ZarrGroup
    names: tuple[str, ...]
    record: dict[str, Any]


@claiming
def recognise(path: Path) -> bool:
    """Tell whether a file or store is of this layout."""
    with _opened(path):
        return True


def needed_bytes(path: Path, options: Options) -> int:
    """Return what `read` takes, of the sizes that the headers claim."""
    with _opened(path) as layout:
        loaded = [n for n in layout.names if n in ARRAYS or n.startswith(PREFIX)]
        return 2 * sum(layout.arrays.header(name).nbytes for name in loaded)


def read(path: Path, options: Options) -> Scan:
    """Read a scan.

    Raises
    ------
    InputFileError
        If the file is missing, damaged or of another layout.
    """
    with _opened(path) as layout:
        record, names = layout.record, layout.names
        words = {name: _word(path, record, name) for name in WORDS}
        said = words.pop("quantity")
        quantity: Any = said or options.quantity
        held: dict[str, Any] = {"image": None, "positions": None}
        held |= {ARRAYS[name]: _array(layout, path, name) for name in ARRAYS if name in names}
        held |= {field: _number(path, record, name) for name, field in NUMBERS.items()}
        held |= {field: _pair(path, record, name) for name, field in PAIRS.items()}
        patterns = layout.arrays.patterns("patterns", quantity) if "patterns" in names else None
        kept = [name for name in names if name.startswith(PREFIX)]
        scan = Scan(
            **held,
            **words,
            source=str(path),
            patterns=patterns,
            metadata=_mapping(record, "metadata")
            | {name.removeprefix(PREFIX): layout.arrays.load(name) for name in kept},
            assumptions={k: str(v) for k, v in _mapping(record, "assumptions").items()},
        )
    chosen = {}
    if patterns is not None and said is None and quantity is not None:
        chosen["quantity"] = f"{quantity}, as chosen"
    if scan.pixel_size is None and options.pixel_size is not None:
        chosen["pixel_size"] = str(options.pixel_size)
        scan = replace(scan, pixel_size=(options.pixel_size, options.pixel_size))
    return replace(scan, assumptions=scan.assumptions | chosen) if chosen else scan


@contextmanager
def _opened(path: Path) -> Iterator[_Layout]:
    """Open a file or store that has the record.

    Raises
    ------
    InputFileError
        If it has none, or one of a later version.
    """
    if path.is_dir():
        group = ZarrGroup(path)
        said = group.attributes().get(RECORD)
        yield _Layout(group, group.names, _checked(path, said, ", ".join(group.names)))
        return
    with Hdf5File(path) as file:
        text = file.attribute("/", RECORD)
        said = parse_object(text) if isinstance(text, str) else None
        # What is no dataset under a name of ours is refused when it is read, not passed over.
        names = tuple(n for n in file.names() if n in (*ARRAYS, "patterns") or file.is_dataset(n))
        yield _Layout(file, names, _checked(path, said, file.listing()))


def _checked(path: Path, record: object, found: str) -> dict[str, Any]:
    if not isinstance(record, dict) or "layout" not in record:
        raise InputFileError(
            f"{path}: has no record {RECORD!r}, which scans of ptycho_engine have. Found: "
            f"{one_line(found)}. Expected such a scan. Name the format of the file with scan=NAME."
        )
    if record["layout"] != LAYOUT:
        raise InputFileError(
            f"{path}: is of layout {one_line(record['layout'], 40)}. Expected layout {LAYOUT}. "
            "Install the version of ptycho_engine that wrote it."
        )
    return record


def _array(layout: _Layout, path: Path, name: str) -> Any:
    """Load an array of the kind that a scan holds under its name."""
    kind = layout.arrays.header(name).dtype.kind
    if kind not in KINDS.get(name, "f"):
        raise InputFileError(
            f"{path}: {name!r} holds numbers of kind {kind!r}. Expected "
            f"{' or '.join(KINDS.get(name, 'f'))}. The file is damaged: copy or write it again."
        )
    return layout.arrays.load(name)


def _wrong(path: Path, name: str, value: object, expected: str) -> InputFileError:
    return InputFileError(
        f"{path}: its record says {name} {one_line(repr(value), 60)}. Expected {expected}. The "
        "file is damaged: copy or write it again."
    )


def _word(path: Path, record: dict[str, Any], name: str) -> Any:
    value = record.get(name)
    if value not in WORDS[name]:
        raise _wrong(path, name, value, f"one of {', '.join(map(str, WORDS[name]))}")
    return value


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value) and not isinstance(value, bool)


def _number(path: Path, record: dict[str, Any], name: str) -> float | None:
    value = record.get(name)
    if value is None:
        return None
    if not _is_number(value):
        raise _wrong(path, name, value, "a finite number")
    return float(value)


def _pair(path: Path, record: dict[str, Any], name: str) -> tuple[float, float] | None:
    value = record.get(name)
    if value is None:
        return None
    if not isinstance(value, list) or len(value) != 2 or not all(map(_is_number, value)):
        raise _wrong(path, name, value, "two finite numbers, (y, x)")
    return float(value[0]), float(value[1])


def _mapping(record: dict[str, Any], name: str) -> dict[str, Any]:
    value = record.get(name)
    return value if isinstance(value, dict) else {}


def write(path: Path, scan: Scan) -> None:
    """Write a scan; what it does not know is left out.

    Raises
    ------
    OutputError
        If it cannot be written; nothing has appeared then.
    """
    arrays = _arrays(scan)
    kept = {k: v for k, v in scan.metadata.items() if f"{PREFIX}{k}" not in arrays}
    record = {
        "layout": LAYOUT,
        "units": scan.units,
        "layer_axis": scan.layer_axis,
        "quantity": None if scan.patterns is None else scan.patterns.quantity,
        **{name: getattr(scan, field) for name, field in {**NUMBERS, **PAIRS}.items()},
        "metadata": kept,
        "assumptions": scan.assumptions,
    }
    write_arrays(
        path,
        scan,
        arrays,
        patterns=("patterns", None),
        axes=("point", "detector_y", "detector_x"),
        chunk=CHUNK if path.suffix.lower() == ".zarr" else None,
        geometry={
            "units": "object pixels" if scan.units == "px" else "metres",
            "anchor": "sample N // 2 of a window of N sits at the position",
            "origin": "the centre of pixel [0, 0]",
        },
        more={RECORD: record},
    )


def _arrays(scan: Scan) -> dict[str, Named]:
    """Arrays by their names in the file, the object first: viewers show it."""
    units = "object pixels" if scan.units == "px" else "m"
    axes = {
        "object": (*(() if scan.layer_axis is None else (scan.layer_axis,)), "y", "x"),
        "positions": ("point", "coordinate"),
        "nominal_positions": ("point", "coordinate"),
        "probe": ("probe_mode", "probe_y", "probe_x")[-getattr(scan.probe, "ndim", 2) :],
        "mask": ("detector_y", "detector_x"),
        "layer_spacing": ("gap",),
    }
    of = {"positions": units, "nominal_positions": units, "layer_spacing": "m"}
    found = {
        name: Named(values, axes[name], of.get(name, ""))
        for name, field in ARRAYS.items()
        if (values := getattr(scan, field)) is not None
    }
    for key, value in scan.metadata.items():
        if isinstance(value, np.ndarray) and value.dtype.kind in "biufc" and key.isidentifier():
            found[f"{PREFIX}{key}"] = Named(value)
    return found
