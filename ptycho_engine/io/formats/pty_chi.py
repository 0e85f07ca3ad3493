"""Pairs of HDF5 files as pty-chi's users keep them: ``NAME_dp.hdf5`` and ``NAME_para.hdf5``.

The first holds ``dp`` (P, H, W): intensity, zero frequency in the middle. The second holds the
arrays of :mod:`ptycho_engine.io.products`, with ``pixel_height_m`` and ``pixel_width_m`` at the
object. Either file is named, and the other is found beside it; one alone is read as what it is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import InputFileError, OutputError, one_of
from ...geometry import CENTRES
from .. import products
from ..disk import writing
from ..hdf5_file import Hdf5File
from ..hdf5_writing import Dataset, origin_of, write_hdf5
from ..keyed_arrays import KeyedArrays, open_arrays
from ..pairs import check_beside, find_partner, partner_path, role_of
from ..patterns import Patterns, quantity_option
from ..products import DISTANCE, ENERGIES, OBJECT, PROBE, SPACING, Frame, X, Y
from ..reading import claiming
from ..scan import Scan
from ..scan_writing import in_quantity, report_dropped
from ..staging import staged

PATTERNS = "dp"
#: What divides x: pty-chi's users take the height for both coordinates.
SIDES = ("width", "height")
#: Positions, (P,) each, as fold_slice has them beside its patterns.
FOLD_SLICE = ("ppX", "ppY")
DROPPED = ("mask", "nominal_positions", "detector_pixel_size")


@dataclass(frozen=True)
class Options:
    """Options of the format.

    Attributes
    ----------
    centre : str
        Whose middle of the object coordinates count from: one of `ptycho_engine.geometry.CENTRES`.
    x_pixel : {"width", "height"}
        Which side of an object pixel x is divided by.
    quantity : {"amplitude", "intensity"}
        What a sample of ``dp`` is.
    pixel_size : float, optional
        Metres of an object pixel, in place of what the file says.
    units : {"m", "px"}
        What the coordinates are: some programs write pixels where metres belong.
    swapped : bool
        Whether x and y are exchanged.
    other : str, optional
        Name of the other file of the pair, in the same folder, if it is named otherwise.
    """

    centre: str = "ptychi_from_2.1"
    x_pixel: str = "width"
    quantity: str = "intensity"
    pixel_size: float | None = None
    units: str = "m"
    swapped: bool = False
    other: str | None = None

    def __post_init__(self) -> None:
        products.check_options(self.pixel_size, self.units)
        quantity_option(self.quantity)
        for name, value, known in (
            ("centre", self.centre, CENTRES),
            ("x_pixel", self.x_pixel, SIDES),
        ):
            if value not in known:
                raise ValueError(one_of(name, value, known))
        check_beside("other", self.other)

    def assumptions(self) -> dict[str, str]:
        """Return what the files leave open, as `Scan.assumptions`."""
        return {
            "centre": self.centre,
            "x_pixel": self.x_pixel,
            "quantity": self.quantity,
            **products.chosen(self.pixel_size, self.units, self.swapped),
        }


@claiming
def recognise(path: Path) -> bool:
    """Tell whether a file is one of a pair."""
    with open_arrays(path) as arrays:
        names = set(arrays.names)
    if PATTERNS in names:
        return True
    return {X, Y, OBJECT} <= names and not (
        products.is_product(names) and find_partner(path) is None
    )


def needed_bytes(path: Path, options: Options | None) -> int:
    """Return what `read` takes, of the sizes that the headers claim."""
    _, para = _pair(path, options or Options())
    if para is None:
        return 0
    with open_arrays(para) as arrays:
        return products.needed_by(arrays)


def read(path: Path, options: Options) -> Scan:
    """Read a pair.

    Raises
    ------
    InputFileError
        If a file is missing, damaged or none of a pair; if both do not fit each other.
    """
    dp, para = _pair(path, options)
    patterns = None
    unread: tuple[str, ...] = ()
    if dp is not None:
        with Hdf5File(dp) as file:
            quantity: Any = options.quantity
            patterns = file.patterns(PATTERNS, quantity)
            unread = _unread(file)
    if para is None:
        return Scan(
            None,
            None,
            str(path),
            patterns=patterns,
            warnings=unread,
            assumptions=options.assumptions(),
        )
    with open_arrays(para) as arrays:
        return _read_para(arrays, str(path), patterns, options)


def _unread(file: Hdf5File) -> tuple[str, ...]:
    """Say so if there are positions whose unit nobody knows."""
    if not all(file.is_dataset(name) for name in FOLD_SLICE):
        return ()
    return (
        f"{file.path}: holds positions under the names {' and '.join(FOLD_SLICE)}, as fold_slice "
        f"writes them; in which unit it does not say, and they were not read. Expected {X} and "
        f"{Y} in NAME_para.hdf5. Set them with dataclasses.replace(scan, positions=...).",
    )


def _pair(path: Path, options: Options) -> tuple[Path | None, Path | None]:
    """Return the file with the patterns and the file with the rest, as far as they are there."""
    beside = find_partner(path) if options.other is None else path.parent / options.other
    found: dict[bool, Path] = {}
    for place in (path, beside):
        if place is not None:
            with Hdf5File(place) as file:
                has_patterns, has_object = file.is_dataset(PATTERNS), file.is_dataset(OBJECT)
                if not (has_patterns or has_object):
                    raise InputFileError(
                        f"{place}: holds neither {PATTERNS!r} nor {OBJECT!r}. Found: "
                        f"{file.listing()}. Expected one of a pair of files. Choose another reader."
                    )
            for has, key in ((has_patterns, True), (has_object, False)):
                if has:
                    found.setdefault(key, place)
    return found.get(True), found.get(False)


def _read_para(
    arrays: KeyedArrays, source: str, patterns: Patterns | None, options: Options
) -> Scan:
    yx = arrays.columns(X, Y)
    yx = np.ascontiguousarray(yx[:, ::-1]) if options.swapped else yx
    found, layered = products.read_object(arrays)
    probe, more = products.read_probe(arrays)
    shape = found["image"].shape[-2:]
    held = probe.get("probe")
    size = patterns.shape[-1] if patterns is not None else products.patch_size_of(arrays, held)
    height, width = products.pixel_size_of(arrays, options.pixel_size)
    divisor = (height, height if options.x_pixel == "height" else width)
    in_pixels = options.units == "px"
    frame = Frame(
        (1.0, 1.0) if in_pixels else divisor,
        (0.0, 0.0) if in_pixels else products.middle_of(arrays),
        options.centre,
    )
    positions = frame.place(yx, shape, size)
    doubts = (*products.doubts_of(arrays.path, positions, shape), *layered)
    if height != width and not in_pixels:
        doubts += (
            f"{arrays.path}: pixels of the object are {height:g} m high and {width:g} m wide, and "
            "pty-chi's users divide both coordinates by the height. Expected square pixels. Set "
            "scan.x_pixel=height if this file is meant so.",
        )
    return Scan(
        positions=positions,
        source=source,
        patterns=patterns,
        pixel_size=(height, width),
        energy=arrays.positive(*ENERGIES),
        distance=arrays.positive(DISTANCE),
        metadata={**more, "object_center_m": np.array(products.middle_of(arrays))},
        warnings=doubts,
        remedies=products.remedies("scan=pty_chi", options.swapped),
        assumptions=options.assumptions(),
        **found,
        **probe,
    )


def check(path: Path, scan: Scan) -> None:
    """Refuse what `write` would refuse, whatever the values of the scan are.

    Raises
    ------
    OutputError, InputFileError
        As `write`.
    """
    if partner_path(path) is None or (scan.patterns is None and role_of(path) == PATTERNS):
        raise OutputError(
            f"{path}: the format is a pair of files, NAME_dp{path.suffix} for patterns and "
            f"NAME_para{path.suffix} for the rest. Expected the name of one that is to be "
            "written. Choose another name."
        )
    cuttable = products.check_product(path, scan)
    assert cuttable.pixel_size is not None
    height, width = cuttable.pixel_size
    if abs(height - width) > 1e-9 * height:
        raise OutputError(
            f"{path}: pixels of the object are {height:g} m high and {width:g} m wide, and readers "
            "of the format divide both coordinates by the height. Expected square pixels. Choose "
            "another format."
        )


def write(path: Path, scan: Scan) -> None:
    """Write a pair, both files or neither; a real object becomes complex.

    Parameters
    ----------
    path : Path
        Of either file: its name says which, ``NAME_dp.hdf5`` or ``NAME_para.hdf5``.
    scan : Scan
        Without patterns, the second file is written alone.

    Raises
    ------
    OutputError
        If the name says neither, if the scan lacks what is needed, or it cannot be written.
    InputFileError
        If it has no object or no positions.
    """
    check(path, scan)
    other = partner_path(path)
    assert other is not None
    para, dp = (other, path) if role_of(path) == PATTERNS else (path, other)
    datasets, lost = _para(path, scan)
    numbers = {DISTANCE: scan.distance, ENERGIES[0]: scan.energy}
    root = {key: value for key, value in numbers.items() if value is not None} | origin_of(scan)
    patterns = None if scan.patterns is None else in_quantity(path, scan.patterns, "intensity")
    with staged(para, *([] if patterns is None else [dp])) as places, writing(path):
        write_hdf5(places[0], datasets, {"/": root})
        if patterns is not None:
            write_hdf5(places[1], {PATTERNS: Dataset(patterns)}, {"/": origin_of(scan)})
    report_dropped(path, scan, DROPPED, lost)


def _para(path: Path, scan: Scan) -> tuple[dict[str, Dataset], tuple[str, ...]]:
    """Datasets of the second file, and metadata that are left out."""
    cuttable, image, probe = products.object_and_probe(path, scan)
    assert scan.pixel_size is not None
    height, width = scan.pixel_size
    size = probe.shape[-1] if scan.patterns is None else scan.patterns.shape[-1]
    frame = replace(Frame((height, width)), centre=Options().centre)
    yx = frame.unplace(cuttable.positions, image.shape[-2:], size)
    sides = {"pixel_height_m": height, "pixel_width_m": width}
    layers = image if image.ndim == 3 else image[None]
    shares, weights, lost = products.shares_of(scan, probe if probe.ndim == 3 else probe[None])
    datasets = {
        OBJECT: Dataset(layers, {**sides, "center_x_m": 0.0, "center_y_m": 0.0}),
        PROBE: Dataset(shares if shares.ndim == 4 else shares[None], sides),
        Y: Dataset(yx[:, 0].copy()),
        X: Dataset(yx[:, 1].copy()),
    }
    if cuttable.layer_axis is not None and cuttable.layer_spacing is not None:
        datasets[SPACING] = Dataset(cuttable.layer_spacing)
    datasets |= {key: Dataset(values) for key, values in weights.items()}
    return datasets, lost
