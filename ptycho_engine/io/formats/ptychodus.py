"""Products of ptychodus: a reconstruction, in an HDF5 or an npz file.

The arrays are those of :mod:`ptycho_engine.io.products`, with ``probe_position_indexes`` (P,): the
number of each position's pattern. Sizes of pixels and the centre of the object are attributes of
the arrays in HDF5, and keys such as ``object_pixel_width_m`` in npz. Files of every version are
read: of before 1.2, where energy has another name than since 1.7, with the weights of probe shares
in attributes or a dataset. A product holds no patterns: those of the file that an option
names are matched by their numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import InputFileError
from .. import products
from ..diffraction import with_diffraction
from ..disk import writing
from ..hdf5_writing import Dataset, origin_of, write_hdf5
from ..keyed_arrays import KeyedArrays, open_arrays
from ..pairs import check_beside, find_partner
from ..products import (
    DISTANCE,
    ENERGIES,
    INDEXES,
    OBJECT,
    PROBE,
    SPACING,
    Frame,
    X,
    Y,
)
from ..reading import claiming
from ..scan import Scan
from ..scan_writing import check_storable, numbers_of, report_dropped
from ..staging import staged

#: What a product tells beside its arrays, by any version.
TOLD = (
    "name", "comments", "exposure_time_s", "probe_photon_count", "probe_photons_per_s",
    "mass_attenuation_m2_kg", "mass_attenuation_m2_per_kg", "tomography_angle_deg",
    "tilt_angle_deg", "focus_object_distance_m", "far_field", "polarization",
)  # fmt: skip
#: Errors of a reconstruction, and what versions before 1.2 call them.
LOSSES, OLD_LOSSES = "loss_values", "costs"
#: Arrays that are kept as they are, where there are any; the last has an entry a position.
PHOTONS = "probe_photon_counts"
KEPT = (LOSSES, "loss_epochs", PHOTONS)


@dataclass(frozen=True)
class Options:
    """Options of the format.

    Attributes
    ----------
    pixel_size : float, optional
        Metres of an object pixel, in place of what the file says.
    units : {"m", "px"}
        What the coordinates are: some programs write pixels where metres belong.
    swapped : bool
        Whether x and y are exchanged.
    patterns : str, optional
        Name of the file, in the same folder, that holds the diffraction patterns.
    """

    pixel_size: float | None = None
    units: str = "m"
    swapped: bool = False
    patterns: str | None = None

    def __post_init__(self) -> None:
        products.check_options(self.pixel_size, self.units)
        check_beside("patterns", self.patterns)

    def assumptions(self) -> dict[str, str]:
        """Return what was chosen, as `Scan.assumptions`."""
        return products.chosen(self.pixel_size, self.units, self.swapped)


@claiming
def recognise(path: Path) -> bool:
    """Tell whether a file is a product, and not the half of a pair of files."""
    with open_arrays(path) as arrays:
        return products.is_product(set(arrays.names)) and find_partner(path) is None


def needed_bytes(path: Path, options: Options | None) -> int:
    """Return what `read` takes, of the sizes that the headers claim."""
    with open_arrays(path) as arrays:
        return products.needed_by(arrays, (*products.LOADED, INDEXES, *KEPT, OLD_LOSSES))


def read(path: Path, options: Options) -> Scan:
    """Read a product.

    Raises
    ------
    InputFileError
        If the file is missing, damaged or no product; if it does not tell the size of a pixel.
    """
    with open_arrays(path) as arrays:
        yx = arrays.columns(X, Y)
        yx = np.ascontiguousarray(yx[:, ::-1]) if options.swapped else yx
        found, layered = products.read_object(arrays)
        probe, more = products.read_probe(arrays)
        size = products.patch_size_of(arrays, probe.get("probe"))
        pixels = products.pixel_size_of(arrays, options.pixel_size)
        middle = products.middle_of(arrays)
        frame = Frame((1.0, 1.0)) if options.units == "px" else Frame(pixels, middle)
        shape = found["image"].shape[-2:]
        positions = frame.place(yx, shape, size)
        index, doubts, assumed = _index(arrays, len(yx))
        told = {key: value for key in TOLD if (value := arrays.said(key)) is not None}
        kept = {key: arrays.load(key) for key in KEPT if key in arrays.names}
        if LOSSES not in kept and OLD_LOSSES in arrays.names:
            kept[LOSSES] = arrays.load(OLD_LOSSES)
        near = {} if told.get("far_field", True) else {"propagation": "near"}
        scan = Scan(
            positions=positions,
            source=str(path),
            pixel_size=pixels,
            energy=arrays.positive(*ENERGIES),
            distance=arrays.positive(DISTANCE),
            metadata={
                **told,
                **kept,
                **more,
                **index,
                "object_center_m": np.array(middle),
            },
            warnings=(*products.doubts_of(path, positions, shape), *layered, *doubts),
            remedies=products.remedies("scan=ptychodus", options.swapped),
            assumptions=options.assumptions() | assumed | near,
            **found,
            **probe,
        )
    if options.patterns is None:
        return scan
    return with_diffraction(scan, path.parent / options.patterns)


def _index(
    arrays: KeyedArrays, count: int
) -> tuple[dict[str, Any], tuple[str, ...], dict[str, str]]:
    """Return the number of each position's pattern, doubts, and what is assumed of it."""
    if INDEXES not in arrays.names:
        return {}, (), {}
    index = arrays.array(INDEXES, (1,), "iu", "the pattern's number for each position, (P,)")
    if len(index) != count:
        raise InputFileError(
            f"{arrays.path}: {INDEXES!r} holds {len(index)} entries for {count} positions. "
            "Expected one for each. Write the file again."
        )
    if count < 2 or len(np.unique(index)) == count:
        return {"scan_index": index}, (), {}
    doubt = (
        f"{arrays.path}: {INDEXES!r} names a pattern more than once, as exports of PtychoPINN do, "
        "which write zeros. Expected a pattern for each position. They are counted in a row here."
    )
    return {"scan_index": np.arange(count)}, (doubt,), {"scan_index": "counted in a row"}


def check(path: Path, scan: Scan) -> None:
    """Refuse what `write` would refuse, whatever the values of the scan are.

    Raises
    ------
    OutputError, InputFileError
        As `write`.
    """
    products.layer_spacing_of(path, products.check_product(path, scan, "energy", "distance"))
    check_storable(path, scan, TOLD, KEPT)


def write(path: Path, scan: Scan) -> None:
    """Write a product as the newest version does; a real object becomes complex.

    Raises
    ------
    OutputError
        If the scan lacks what a product must have, or it cannot be written.
    InputFileError
        If it has no object or no positions.
    """
    arrays, scalars, lost = _contents(path, scan)
    dropped = ["patterns", "mask", "nominal_positions", "detector_pixel_size"]
    with staged(path) as (place,), writing(path):
        if path.suffix.lower() == ".npz":
            with place.open("xb") as stream:
                np.savez(stream, **{**arrays, **scalars, **origin_of(scan)})
        else:
            write_hdf5(place, *_with_attributes(arrays, {**scalars, **origin_of(scan)}))
    report_dropped(path, scan, dropped, lost, keeps_near=True)


def _contents(path: Path, scan: Scan) -> tuple[dict[str, Any], dict[str, Any], tuple[str, ...]]:
    """Arrays and scalars of a product, by the keys of an npz file, and metadata left out."""
    check(path, scan)
    cuttable, image, probe = products.object_and_probe(path, scan)
    assert scan.pixel_size is not None
    height, width = scan.pixel_size
    middle = numbers_of(scan.metadata.get("object_center_m"), (2,), "iuf")
    center_y, center_x = (0.0, 0.0) if middle is None else map(float, middle)
    frame = Frame(scan.pixel_size, (center_y, center_x))
    yx = frame.unplace(cuttable.positions, image.shape[-2:], probe.shape[-1])
    meta = scan.metadata
    shares, weights, lost = products.shares_of(scan, probe)
    kept = products.texts_of(meta, KEPT)
    if PHOTONS in kept and numbers_of(kept[PHOTONS], (len(yx),), "iuf") is None:
        del kept[PHOTONS]  # of other positions
        lost += (PHOTONS,)
    arrays = {
        INDEXES: products.indexes_of(scan, len(yx)),
        X: yx[:, 1].copy(),
        Y: yx[:, 0].copy(),
        PROBE: shares,
        OBJECT: image,
        SPACING: products.layer_spacing_of(path, cuttable),
        LOSSES: np.empty(0),
        "loss_epochs": np.empty(0, np.int64),
        **kept,
        **weights,
    }
    scalars = {
        "name": path.stem, "comments": "", "exposure_time_s": 0.0, "probe_photon_count": 0.0,
        **products.texts_of(meta, TOLD),
        "far_field": not scan.is_near,
        DISTANCE: scan.distance, ENERGIES[0]: scan.energy, ENERGIES[1]: scan.energy,
        "object_pixel_width_m": width, "object_pixel_height_m": height,
        "object_center_x_m": center_x, "object_center_y_m": center_y,
        "probe_pixel_width_m": width, "probe_pixel_height_m": height,
    }  # fmt: skip
    return arrays, scalars, lost


def _with_attributes(
    arrays: dict[str, Any], scalars: dict[str, Any]
) -> tuple[dict[str, Dataset], dict[str, dict[str, Any]]]:
    """Give the object and the probe their numbers as attributes, and the root the others."""
    owned: dict[str, dict[str, Any]] = {OBJECT: {}, PROBE: {}}
    root = {}
    for key, value in scalars.items():
        owner, _, name = key.partition("_")
        if owner in owned and name.startswith(("pixel_", "center_")):
            owned[owner][name] = value
        else:
            root[key] = value
    datasets = {key: Dataset(values, owned.get(key, {})) for key, values in arrays.items()}
    return datasets, {"/": root}
