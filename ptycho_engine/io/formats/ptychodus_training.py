"""Training data of ptychodus, since its version 1.7: one HDF5 file with patterns and object.

================================================  ===========================================
dataset                                           values
================================================  ===========================================
patterns                                          (P, H, W) intensity
bad_pixels                                        (H, W) True where a pixel was filled
probe                                             (modes, H, W)
object                                            (H, W)
probe_position_x_px, probe_position_y_px          (P,) object pixels; the window of size N
                                                  begins at ``p - (N - 1) / 2``
object_pixel_width_m, object_pixel_height_m       metres
detector_object_distance_m, photon_energy_eV      metres, electronvolts
================================================  ===========================================
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import OutputError
from ...geometry import from_anchor
from .. import products
from ..disk import writing
from ..hdf5_file import Hdf5File
from ..hdf5_writing import Dataset, origin_of, write_hdf5
from ..keyed_arrays import KeyedArrays, open_arrays
from ..patterns import quantity_option
from ..products import DISTANCE, ENERGIES, OBJECT, PROBE
from ..reading import claiming
from ..scan import PLANCK_LIGHT, Scan
from ..scan_writing import in_quantity, report_dropped
from ..staging import staged

PATTERNS, BAD = "patterns", "bad_pixels"
X, Y = "probe_position_x_px", "probe_position_y_px"
ANCHOR = "ptychodus_from_1.6"
#: What a scan may hold and the format has no place for.
DROPPED = ("nominal_positions", "detector_pixel_size")


@dataclass(frozen=True)
class Options:
    """Options of the format.

    Attributes
    ----------
    quantity : {"amplitude", "intensity"}
        What a sample of a pattern is.
    """

    quantity: str = "intensity"

    def __post_init__(self) -> None:
        quantity_option(self.quantity)


@claiming
def recognise(path: Path) -> bool:
    """Tell whether a file holds training data of ptychodus."""
    with open_arrays(path) as arrays:
        return {PATTERNS, X, Y, OBJECT} <= set(arrays.names)


def needed_bytes(path: Path, options: Options | None) -> int:
    """Return what `read` takes, of the sizes that the headers claim."""
    with open_arrays(path) as arrays:
        positions = sum(8 * 6 * arrays.header(key).size for key in (X, Y) if key in arrays.names)
        return positions + products.needed_by(arrays, (OBJECT, PROBE, BAD))


def read(path: Path, options: Options) -> Scan:
    """Read training data.

    Raises
    ------
    InputFileError
        If the file is missing, damaged or holds no training data.
    """
    with Hdf5File(path) as file:
        quantity: Any = options.quantity
        patterns = file.patterns(PATTERNS, quantity)
    with open_arrays(path) as arrays:
        size = patterns.shape[-1]
        pixels = products.pixel_size_of(arrays, None)
        energy, distance = arrays.positive(*ENERGIES), arrays.positive(DISTANCE)
        probe, more = products.read_probe(arrays)
        found, layered = products.read_object(arrays)
        return Scan(
            positions=from_anchor(arrays.columns(X, Y), size, ANCHOR),
            source=str(path),
            patterns=patterns,
            pixel_size=pixels,
            detector_pixel_size=_detector_pixel(pixels, energy, distance, patterns.shape),
            energy=energy,
            distance=distance,
            mask=_good(arrays),
            metadata=more,
            assumptions={"quantity": options.quantity, "detector_pixel_size": "of the far field"},
            warnings=layered,
            **found,
            **probe,
        )


def _good(arrays: KeyedArrays) -> Any:
    if BAD not in arrays.names:
        return None
    return arrays.array(BAD, (2,), "biu", "bad pixels of shape (H, W)") == 0


def _detector_pixel(
    pixels: tuple[float, float],
    energy: float | None,
    distance: float | None,
    shape: tuple[int, int, int],
) -> tuple[float, float] | None:
    """Return metres of a detector pixel in the far field: wavelength x distance / (N x pixel)."""
    if energy is None or distance is None or 0 in shape[1:]:
        return None
    reach = PLANCK_LIGHT / energy * distance
    return reach / (shape[1] * pixels[0]), reach / (shape[2] * pixels[1])


def check(path: Path, scan: Scan) -> None:
    """Refuse what `write` would refuse, whatever the values of the scan are.

    Raises
    ------
    OutputError, InputFileError
        As `write`.
    """
    cuttable = products.check_product(path, scan, "patterns", "energy", "distance")
    if cuttable.image.ndim == 3:
        raise OutputError(
            f"{path}: the object of {scan.source} has layers. Expected one layer. Choose another "
            "format."
        )
    if scan.is_near:
        raise OutputError(
            f"{path}: the detector of {scan.source} is in the near field, which the format cannot "
            "say: its readers take the far field. Expected a far field. Choose another format, for "
            "instance cxi or ptychodus."
        )


def write(path: Path, scan: Scan) -> None:
    """Write training data; a real object becomes complex.

    Raises
    ------
    OutputError
        If the scan lacks what the format must have, or it cannot be written.
    InputFileError
        If it has no object or no positions.
    """
    check(path, scan)
    cuttable, image, probe = products.object_and_probe(path, scan)
    assert scan.patterns is not None
    assert scan.pixel_size is not None
    assert scan.energy is not None
    assert scan.distance is not None
    patterns = in_quantity(path, scan.patterns, "intensity")
    size = patterns.shape[-1]
    shift = from_anchor([0.0, 0.0], size, ANCHOR)
    yx = cuttable.positions - shift
    good = np.ones(patterns.shape[1:], bool) if scan.mask is None else scan.mask
    datasets = {
        PATTERNS: Dataset(patterns),
        BAD: Dataset(~good),
        PROBE: Dataset(probe if probe.ndim == 3 else probe[None]),
        OBJECT: Dataset(image),
        X: Dataset(yx[:, 1].copy()),
        Y: Dataset(yx[:, 0].copy()),
        "object_pixel_height_m": Dataset(scan.pixel_size[0]),
        "object_pixel_width_m": Dataset(scan.pixel_size[1]),
        DISTANCE: Dataset(scan.distance),
        ENERGIES[0]: Dataset(scan.energy),
    }
    with staged(path) as (place,), writing(path):
        write_hdf5(place, datasets, {"/": origin_of(scan)})
    report_dropped(path, scan, DROPPED, (products.SHARES, products.WEIGHTS))
