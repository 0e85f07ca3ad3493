"""CXI files, and NXcxi_ptycho, which NeXus made of them.

All lies below ``/entry_1``; several names are places where programs put the same, the first that
holds it counts.

================================================================  ==================================
dataset                                                           array
================================================================  ==================================
data_1/data, instrument_1/detector_1/data                         (P, H, W) counts, or a raster of
                                                                  points (rows, columns, H, W)
data_1, sample_1/geometry_1, or detector_1, each /translation     (P, 3) x, y, z
detector_1/distance, x_pixel_size, y_pixel_size                   lengths
detector_1/basis_vectors                                          (3, 2) or (2, 3): a step along the
                                                                  rows and along the columns
detector_1/mask (uint32), pixel_mask                              (H, W); 0 is good
detector_1/data_dark, qe_mask                                     (H, W); metadata ``dark``, ``qe``
source_1/energy, source_1/wavelength, beam_1/incident_beam_energy of a photon, if not of the machine
source_1/illumination                                             probe (N, N) or (modes, N, N)
image_1/data                                                      object (H, W) or (layers, H, W)
image_1/x_pixel_size, y_pixel_size                                of the object; else far field
================================================================  ==================================

CXI's axes: z along the beam, y up, x to the left of who looks along the beam. Its translation
moves the sample, so that the beam moves the other way over it, and rows of a detector count
downwards: F. Maia, "The Coherent X-ray Imaging Data Bank", Nature Methods 9, 854 (2012). Values
without the attribute ``units`` are in metres and joules.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import InputFileError, OutputError
from ...geometry import from_centre, to_metres
from ..cxi_entry import (
    BEAM,
    DEFINITION,
    DETECTOR,
    DOWN_RIGHT,
    FRAMES,
    IMAGE,
    MASKS,
    MOVED,
    PROBE,
    SOURCE,
    SPACING,
    TRANSLATION,
    VERSION,
    CxiEntry,
    entries_of,
)
from ..cxi_entry import Options as Options
from ..hdf5_file import Hdf5File
from ..hdf5_quantities import JOULE, loaded_bytes
from ..hdf5_writing import Dataset, Link, complex_of, origin_of, write_hdf5
from ..optics import far_field_pixel
from ..scan import PLANCK_LIGHT, Scan
from ..scan_writing import in_quantity
from ..staging import staged

#: The NeXus classes of the groups that we write.
CLASSES = {
    "entry_1": "NXentry",
    "entry_1/data_1": "NXdata",
    "entry_1/image_1": "NXdata",
    "entry_1/instrument_1/beam_1": "NXbeam",
    f"entry_1/{DETECTOR}": "NXdetector",
    f"entry_1/{SOURCE}": "NXsource",
    "entry_1/sample_1": "NXsample",
    "entry_1/sample_1/geometry_1": "NXgeometry",
}


def recognise(path: Path) -> bool:
    """Tell whether a file is a CXI file: HDF5 with its version, or with its groups."""
    try:
        with Hdf5File(path) as file:
            entries = entries_of(file)
            return "cxi_version" in file or any(f"{e}/{DETECTOR}" in file for e in entries)
    except InputFileError:
        return False


def needed_bytes(path: Path, options: Options) -> int:
    """Return what `read` takes, of the sizes that the headers claim.

    Raises
    ------
    InputFileError
        If the file is missing, damaged or no HDF5 file.
    """
    with Hdf5File(path) as file:
        entry = CxiEntry.of(file, options)
        names = (*TRANSLATION, *MOVED[1:], *MASKS, PROBE, IMAGE, SPACING, *FRAMES.values())
        return loaded_bytes(file, *(entry.name(name) for name in names))


def read(path: Path, options: Options) -> Scan:
    """Read a scan.

    Raises
    ------
    InputFileError
        If the file is missing, damaged or no HDF5 file; if it has no patterns; if an array has
        another shape or dtype than the format says; if a position is NaN or infinite.
    """
    with Hdf5File(path) as file:
        entry = CxiEntry.of(file, options)
        patterns = entry.patterns()
        basis = entry.basis()
        energy, doubts, assumed = entry.energy()
        detector = entry.detector_pixel(basis)
        distance = entry.length(f"{DETECTOR}/distance")
        pixel = entry.object_pixel(energy, distance, detector, patterns)
        metres = entry.translation(basis, TRANSLATION)
        image, probe = entry.planes(IMAGE, "object"), entry.planes(PROBE, "probe")
        mask, masked = entry.mask(patterns)
        scan = Scan(
            image=image,
            positions=metres,
            source=str(path),
            probe=probe,
            patterns=patterns,
            nominal_positions=entry.translation(basis, MOVED[1:]),
            units="m",
            layer_axis=entry.layer_axis(image),
            layer_spacing=entry.spacing(),
            pixel_size=pixel,
            detector_pixel_size=detector,
            energy=energy,
            distance=distance,
            mask=mask,
            metadata=entry.frames(),
            warnings=(*entry.doubts, *doubts, *masked),
            remedies={
                "metres": "scan=cxi scan.pixel_size=METRES",
                "centred": "scan=cxi scan.centre=middle",
            },
            assumptions=entry.assumptions() | assumed,
        )
    return scan if metres is None or pixel is None else _placed(scan.in_pixels(), options)


def write(path: Path, scan: Scan) -> None:
    """Write a scan: as NXcxi_ptycho if the suffix is ``.nxs``, else as CXI.

    Parameters
    ----------
    path : Path
        Where nothing stands.
    scan : Scan
        Its patterns are read block by block and written as intensity.

    Raises
    ------
    OutputError
        If it cannot be written; nothing has appeared then. Also if it has no patterns, or if its
        positions are in pixels of unknown size.
    """
    if scan.patterns is None:
        raise OutputError(
            f"{path}: {scan.source} has no patterns, and CXI is a format for patterns. Expected "
            "them. Choose another format, or simulate them first."
        )
    is_nexus = path.suffix.lower() == ".nxs"
    stack = in_quantity(path, scan.patterns, "intensity")
    datasets: dict[str, Dataset | Link] = {
        "number_of_entries": Dataset(1),
        f"entry_1/{DETECTOR}/data": Dataset(stack, {"axes": "translation:y:x"}),
        "entry_1/data_1/data": Link(f"/entry_1/{DETECTOR}/data"),
    }
    datasets |= {f"entry_1/{name}": value for name, value in _of_detector(scan).items()}
    datasets |= {f"entry_1/{name}": value for name, value in _of_sample(path, scan).items()}
    if is_nexus:
        datasets["entry_1/definition"] = Dataset(DEFINITION)
        datasets.pop(f"entry_1/{SOURCE}/energy", None)  # there it is the machine's
    else:
        datasets["cxi_version"] = Dataset(VERSION)
    made = {name.rpartition("/")[0] for name in datasets}
    attributes = {name: {"NX_class": kind} for name, kind in CLASSES.items() if name in made}
    with staged(path) as (place,):
        write_hdf5(place, datasets, attributes | {"/": origin_of(scan) | {"NX_class": "NXroot"}})


def _of_detector(scan: Scan) -> dict[str, Dataset]:
    """Return what is known of the detector and of the beam, by the names of an entry."""
    found: dict[str, Any] = {"distance": scan.distance}
    if scan.detector_pixel_size is not None:
        height, width = scan.detector_pixel_size
        found |= {"y_pixel_size": height, "x_pixel_size": width}
        found["basis_vectors"] = DOWN_RIGHT * scan.detector_pixel_size
    datasets = {
        f"{DETECTOR}/{name}": Dataset(value, {"units": "m"})
        for name, value in found.items()
        if value is not None
    }
    if scan.mask is not None:
        datasets[MASKS[0]] = Dataset((~scan.mask).astype(np.uint32))
    for key, place in FRAMES.items():
        if key in scan.metadata:
            datasets[place] = Dataset(scan.metadata[key])
    if scan.energy is not None:
        joules = scan.energy / JOULE
        datasets[f"{SOURCE}/energy"] = datasets[BEAM[0]] = Dataset(joules, {"units": "J"})
        datasets[f"{SOURCE}/wavelength"] = Dataset(PLANCK_LIGHT / scan.energy, {"units": "m"})
    return datasets


def _of_sample(path: Path, scan: Scan) -> dict[str, Dataset | Link]:
    """Return the positions, the probe and the object, by the names of an entry."""
    datasets: dict[str, Dataset | Link] = {}
    stack = () if scan.patterns is None else scan.patterns.shape
    far = far_field_pixel(scan.energy, scan.distance, scan.detector_pixel_size, stack)
    pixel = scan.pixel_size or far
    for name, positions in zip(MOVED, (scan.positions, scan.nominal_positions), strict=True):
        if positions is None:
            continue
        if scan.units == "px" and pixel is None:
            raise OutputError(
                f"{path}: the positions of {scan.source} are in object pixels of unknown size, "
                "and CXI holds metres. Expected Scan.pixel_size. Set the option pixel_size of "
                "the reader, or write another format."
            )
        metres = positions if pixel is None or scan.units == "m" else to_metres(positions, pixel)
        # The sample moves against the beam, and the axes of CXI point against rows and columns.
        xyz = np.column_stack([metres[:, ::-1], np.zeros(len(metres))])
        datasets[name] = Dataset(xyz, {"units": "m"})
    if MOVED[0] in datasets:
        datasets[TRANSLATION[0]] = Link(f"/entry_1/{MOVED[0]}")
    if scan.probe is not None:
        datasets[PROBE] = Dataset(complex_of(scan.probe))
    if scan.image is not None:
        kind = {} if scan.layer_axis is None else {"layer_axis": scan.layer_axis}
        datasets[IMAGE] = Dataset(scan.image, kind)
    if pixel is not None:
        for axis, size in zip("yx", pixel, strict=True):
            datasets[f"image_1/{axis}_pixel_size"] = Dataset(size, {"units": "m"})
    if scan.layer_spacing is not None:
        datasets[SPACING] = Dataset(scan.layer_spacing, {"units": "m"})
    return datasets


def _placed(scan: Scan, options: Options) -> Scan:
    """Move positions that count from the middle of an object."""
    if options.centre is None or scan.image is None or scan.patterns is None:
        return scan
    shape, size = scan.image.shape[-2:], scan.patterns.shape[-1]
    old = {"positions": scan.positions, "nominal_positions": scan.nominal_positions}
    new: dict[str, Any] = {
        name: None if p is None else from_centre(p, shape, size, options.centre)
        for name, p in old.items()
    }
    return replace(scan, **new)
