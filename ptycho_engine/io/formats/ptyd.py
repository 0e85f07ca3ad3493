"""ptypy's prepared data, ``.ptyd``.

=====================================  =============================================================
node                                   what it is
=====================================  =============================================================
chunks/K/data                          (M, N, N) counts; chunks follow each other by number
chunks/K/positions                     (M, 2) metres, (y, x)
chunks/K/indices                       (M,) numbers of the frames; metadata ``indices``
chunks/K/weights                       as data, or empty; what is above zero is good
meta/energy                            kiloelectronvolts
meta/distance, meta/psize              metres; the size is that of a detector pixel
meta/propagation                       ``farfield``, or ``nearfield``
=====================================  =============================================================

A chunk may be a link to a file of its own beside this one; one whose file is gone is left out, as
ptypy does, and said. The size of an object pixel follows from `meta`, as in the far field if it
does not say otherwise. The format has no place for an object, a probe and their like: we keep them
below ``info/ptycho_engine``, which ptypy passes over, and read them again.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import InputFileError, OutputError, one_line, one_of
from ...geometry import to_metres
from .. import ptypy_nodes as nodes
from ..frames import pixel_size_option
from ..hdf5_file import Hdf5File
from ..hdf5_quantities import check_finite, loaded_bytes
from ..hdf5_writing import Dataset, complex_of, origin_of, write_hdf5
from ..optics import Pair, far_field_pixel
from ..patterns import Patterns, Ranges
from ..products import SHARES as OPR_SHARES
from ..products import WEIGHTS as OPR_WEIGHTS
from ..reading import claiming
from ..scan import Scan
from ..scan_writing import in_quantity, is_text, numbers_of, pixel_for_metres, report_dropped
from ..staging import staged

Array = NDArray[Any]

OURS = "info/ptycho_engine"
WEIGHTS = ("first", "all", "none")


@dataclass(frozen=True)
class Options:
    """Options of the format.

    Attributes
    ----------
    weights : {"first", "all", "none"}
        What the mask is made of: the weights of the first pattern of every chunk, which are those
        of the others as a rule; those of all patterns, so that a pixel is good that is good in all
        of them; or nothing.
    pixel_size : float, optional
        Metres of an object pixel, in place of what follows from the file.
    """

    weights: str = "first"
    pixel_size: float | None = None

    def __post_init__(self) -> None:
        if self.weights not in WEIGHTS:
            raise ValueError(one_of("weights", self.weights, WEIGHTS))
        pixel_size_option(self.pixel_size)


@claiming
def recognise(path: Path) -> bool:
    """Tell whether a file holds chunks and what belongs to them."""
    with Hdf5File(path) as file:
        return "chunks" in file and "meta" in file


def needed_bytes(path: Path, options: Options) -> int:
    """Return what `read` takes, of the sizes that the headers claim.

    Raises
    ------
    InputFileError
        If the file is missing, damaged or no HDF5 file.
    """
    ours = tuple(f"{OURS}/{name}" for name in ("object", "probe", "nominal_positions"))
    with Hdf5File(path) as file:
        names = [n for c in _chunks(file)[0] for n in (f"{c}/positions", f"{c}/indices")]
        return loaded_bytes(file, *names, *ours)


def read(path: Path, options: Options) -> Scan:
    """Read a scan.

    Raises
    ------
    InputFileError
        If the file is missing, damaged or no HDF5 file; if it has no chunk of patterns; if chunks
        do not fit each other; if an array that is read was pickled; if a position is NaN or
        infinite.
    """
    with Hdf5File(path) as file:
        chunks, dead = _chunks(file)
        if not chunks:
            raise InputFileError(
                f"{path}: has no chunk of patterns. Found: {file.listing()}. Expected "
                f"chunks/0/data.{' ' + dead[0] if dead else ''} Choose another reader."
            )
        patterns = Patterns.joined(file.patterns(f"{c}/data", "intensity") for c in chunks)
        energy = nodes.positive(file, "meta/energy")
        energy = None if energy is None else energy * 1e3  # of kiloelectronvolts
        distance, detector = nodes.positive(file, "meta/distance"), nodes.pair(file, "meta/psize")
        near = (nodes.text(file, "meta/propagation") or "").startswith("near")
        far = far_field_pixel(energy, distance, detector, patterns.shape)
        pixel = nodes.pair(file, f"{OURS}/pixel_size") or (detector if near else far)
        if options.pixel_size is not None:
            pixel = (options.pixel_size, options.pixel_size)
        positions = _joined(file, chunks, "positions", (2,), "iuf", "coordinates (P, 2)")
        if positions is not None:
            check_finite(path, "positions", positions)
        indices = _joined(file, chunks, "indices", (1,), "iuf", "numbers of frames")
        image = _planes(file, "object")
        scan = Scan(
            image=image,
            positions=None if positions is None else positions.astype(np.float64),
            source=str(path),
            probe=_planes(file, "probe"),
            patterns=patterns,
            nominal_positions=_nominal(file),
            units="m",
            layer_axis=_layer_axis(file, image),
            layer_spacing=_planes(file, "layer_spacing", (1,)),
            pixel_size=pixel,
            detector_pixel_size=detector,
            energy=energy,
            distance=distance,
            mask=_mask(file, chunks, options, patterns.shape[1:]),
            metadata=_metadata(file) | ({} if indices is None else {"indices": indices}),
            warnings=dead,
            remedies={"metres": "scan=ptyd scan.pixel_size=METRES"},
            assumptions={"propagation": "near" if near else "far", "weights": options.weights},
        )
    return scan if positions is None or pixel is None else scan.in_pixels()


def check(path: Path, scan: Scan) -> None:
    """Refuse what `write` would refuse, whatever the values of the scan are.

    Raises
    ------
    OutputError
        If it has no patterns or no positions, if the patterns are not square, or if its positions
        are in pixels of unknown size.
    """
    if scan.patterns is None or scan.positions is None:
        raise OutputError(
            f"{path}: {scan.source} lacks patterns or positions, and a .ptyd holds both. Expected "
            "them. Choose another format."
        )
    count, height, width = scan.patterns.shape
    if not count:
        raise OutputError(
            f"{path}: {scan.source} has no patterns, and ptypy takes a chunk without any for none. "
            "Expected one at least. Choose another format."
        )
    if height != width or not height:
        raise OutputError(
            f"{path}: the patterns of {scan.source} are {height} x {width}. Expected square ones, "
            "which ptypy works on. Crop what was measured: detector.size=N."
        )
    label = scan.metadata.get("label")
    if label is not None and not is_text(label):
        raise OutputError(
            f"{path}: the label of {scan.source} is {one_line(repr(label), 60)}. Expected a text. "
            "Convert what Scan.metadata holds, or leave it out."
        )
    pixel_for_metres(path, scan, "a .ptyd")


def write(path: Path, scan: Scan) -> None:
    """Write a scan as one chunk.

    Parameters
    ----------
    path : Path
        Where nothing stands.
    scan : Scan
        Its patterns are read block by block and written as intensity.

    Raises
    ------
    OutputError
        If it cannot be written; nothing has appeared then. Also if it has no patterns or no
        positions, if the patterns are not square, or if its positions are in pixels of unknown
        size.
    """
    check(path, scan)
    assert scan.patterns is not None
    assert scan.positions is not None
    count, height, width = scan.patterns.shape
    pixel = pixel_for_metres(path, scan, "a .ptyd")
    in_metres = {
        name: values if scan.units == "m" or pixel is None else to_metres(values, pixel)
        for name, values in (
            ("positions", scan.positions),
            ("nominal_positions", scan.nominal_positions),
        )
        if values is not None
    }
    stack = in_quantity(path, scan.patterns, "intensity")
    indices = numbers_of(scan.metadata.get("indices"), (count,), "iuf")
    datasets = {
        "chunks/0/data": Dataset(stack, {"type": "array"}),
        "chunks/0/indices": nodes.node(np.arange(count) if indices is None else indices),
        "chunks/0/positions": nodes.node(in_metres.pop("positions")),
        "chunks/0/weights": _weights(scan),
        "meta/version": nodes.node("0.1"),
        "meta/num_frames": nodes.node(count),
        "meta/shape": nodes.node(np.array([height, width])),
        "meta/center": nodes.node(np.array([height // 2, width // 2])),
    }
    datasets |= {f"meta/{name}": nodes.node(value) for name, value in _meta(scan).items()}
    datasets |= {f"{OURS}/{name}": nodes.node(value) for name, value in _own(scan, pixel).items()}
    datasets |= {f"{OURS}/{name}": nodes.node(value) for name, value in in_metres.items()}
    groups = nodes.groups_of(datasets)
    groups["/"] |= origin_of(scan)
    with staged(path) as (place,):
        write_hdf5(place, datasets, groups)
    report_dropped(path, scan, (), (OPR_SHARES, OPR_WEIGHTS), keeps_near=True)


def _chunks(file: Hdf5File) -> tuple[list[str], tuple[str, ...]]:
    """Return the chunks that hold patterns, by number, and what is to be said of the others."""
    names = sorted((name for name in file.names("chunks") if name.isdecimal()), key=int)
    alive = [name for name in names if nodes.holds(file, f"chunks/{name}/data")]
    dead = [name for name in names if f"chunks/{name}" not in file]
    said = (
        f"{file.path}: the chunks {one_line(', '.join(dead), 60)} of {len(names)} lie in files "
        "that are gone, and were left out. Expected them beside this file. Copy them there.",
    )
    return [f"chunks/{name}" for name in alive], said if dead else ()


def _joined(
    file: Hdf5File, chunks: list[str], name: str, ranks: tuple[int, ...], kinds: str, expected: str
) -> Array | None:
    """Put an array of all chunks together; None if none has it."""
    # What was not known is a list of None there, a group.
    known = (chunk for chunk in chunks if file.is_dataset(f"{chunk}/{name}"))
    having = [chunk for chunk in known if nodes.holds(file, f"{chunk}/{name}")]
    if not having:
        return None
    if len(having) < len(chunks):
        lacking = next(chunk for chunk in chunks if chunk not in having)
        raise InputFileError(
            f"{file.path}: {lacking!r} has no {name}, and {having[0]!r} has. Expected them in all "
            "chunks. Prepare the data again."
        )
    parts = [nodes.load(file, f"{chunk}/{name}", ranks, kinds, expected) for chunk in chunks]
    for chunk, part in zip(chunks, parts, strict=True):
        frames = file.header(f"{chunk}/data").shape[0]
        if len(part) != frames or part.shape[1:] != ((2,) if ranks == (2,) else ()):
            raise InputFileError(
                f"{file.path}: '{chunk}/{name}' has shape {part.shape}, for {frames} patterns. "
                f"Expected {expected}, one for each. Prepare the data again."
            )
    return np.concatenate(parts)


def _mask(file: Hdf5File, chunks: list[str], options: Options, shape: tuple[int, ...]) -> Any:
    """Return which pixels of patterns of a shape are good by the weights, None without any."""
    names = [f"{chunk}/weights" for chunk in chunks if options.weights != "none"]
    good: Array | None = None
    for name in names:
        if not nodes.holds(file, name):
            continue
        header = file.header(name)
        if header.shape[-2:] != shape or len(header.shape) not in (2, 3):
            raise InputFileError(
                f"{file.path}: {name!r} has shape {header.shape}, for patterns of {shape}. "
                "Expected weights of that shape, one for each pattern. Set scan.weights=none."
            )
        if len(header.shape) == 2:
            weights = Patterns.of(file.load(name)[None])
        else:
            weights = file.patterns(name)
        if options.weights == "first" and weights.shape[0]:
            weights = Patterns.of(weights.read(0, 1))
        for _, _, block in weights.blocks():
            found = np.all(block > 0, axis=0)
            good = found if good is None else good & found
    return good


def _planes(file: Hdf5File, name: str, ranks: tuple[int, ...] = (2, 3)) -> Array | None:
    """Load an array of ours."""
    full = f"{OURS}/{name}"
    return nodes.load(file, full, ranks, "iufc", "an array") if nodes.holds(file, full) else None


def _nominal(file: Hdf5File) -> Array | None:
    found = _planes(file, "nominal_positions", (2,))
    return None if found is None else found.astype(np.float64)


def _layer_axis(file: Hdf5File, image: Array | None) -> Any:
    said = nodes.text(file, f"{OURS}/layer_axis")
    return None if image is None or image.ndim == 2 else "slice" if said == "slice" else "mode"


def _metadata(file: Hdf5File) -> dict[str, Any]:
    """Return what else `meta` says."""
    found: dict[str, Any] = {}
    for name in ("label", "version"):
        said = nodes.text(file, f"meta/{name}")
        found |= {} if said is None else {name: said}
    centre = nodes.numbers(file, "meta/center")
    return found | ({"center": centre} if len(centre) == 2 else {})


def _weights(scan: Scan) -> Dataset:
    """Return weights as ptypy has them: empty, or one for each sample of each pattern."""
    if scan.mask is None or scan.patterns is None:
        return nodes.node(np.empty(0, np.uint8))
    load = partial(_repeat, scan.mask.astype(np.uint8))
    return Dataset(Patterns(scan.patterns.shape, np.dtype(np.uint8), load), {"type": "array"})


def _repeat(frame: Array, ranges: Ranges, into: Array) -> None:
    into[...] = frame


def _meta(scan: Scan) -> dict[str, Any]:
    """Return what is known of the experiment, in the units of ptypy."""
    pixel = scan.detector_pixel_size
    found = {
        "energy": None if scan.energy is None else scan.energy / 1e3,
        "distance": scan.distance,
        "psize": None if pixel is None else np.array(pixel),
        "label": scan.metadata.get("label"),
    }
    if scan.is_near:
        found["propagation"] = "nearfield"
    return {name: value for name, value in found.items() if value is not None}


def _own(scan: Scan, pixel: Pair | None) -> dict[str, Any]:
    """Return what the format has no place for."""
    found = {
        "object": scan.image,
        "probe": None if scan.probe is None else complex_of(scan.probe),
        "layer_axis": scan.layer_axis,
        "layer_spacing": scan.layer_spacing,
        "pixel_size": None if pixel is None else np.array(pixel),
    }
    return {name: value for name, value in found.items() if value is not None}
