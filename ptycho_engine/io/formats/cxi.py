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
================================================================  ==================================

A group ``ptychodus`` says that ptychodus wrote the reconstruction, as it does since version 1.7;
then ``image_1`` is the probe, ``image_2`` the object, the group has the size of its pixels and
where its middle lies, and positions move the beam over it as they are. We write the same, with the
patterns in the same file.

CXI's axes: z along the beam, y up, x to the left of who looks along the beam. Its translation
moves the sample, so that the beam moves the other way over it, and rows of a detector count
downwards: F. Maia, "The Coherent X-ray Imaging Data Bank", Nature Methods 9, 854 (2012). Values
without the attribute ``units`` are in metres and joules.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import OutputError, one_line
from ...geometry import Positions, from_centre, to_metres
from ..cxi_entry import (
    BEAM,
    DEFINITION,
    DETECTOR,
    DOWN_RIGHT,
    FIRST_IMAGE,
    FIRST_PIXEL,
    FRAMES,
    MASKS,
    MIDDLE,
    MOVED,
    OBJECT_PIXEL,
    ORIGIN,
    PROBE,
    PROPAGATION,
    SECOND_IMAGE,
    SOURCE,
    SPACING,
    THEIR_CENTRE,
    THEIRS,
    TRANSLATION,
    VERSION,
    CxiEntry,
    entries_of,
)
from ..cxi_options import Options as Options
from ..hdf5_file import Hdf5File
from ..hdf5_quantities import JOULE, loaded_bytes
from ..hdf5_writing import Dataset, Link, complex_of, origin_of, write_hdf5
from ..optics import Pair
from ..products import SHARES, WEIGHTS
from ..reading import claiming
from ..scan import PLANCK_LIGHT, Scan
from ..scan_writing import in_quantity, numbers_of, pixel_for_metres, report_dropped
from ..staging import staged

#: The NeXus classes of the groups that we write.
CLASSES = {
    "entry_1": "NXentry",
    "entry_1/data_1": "NXdata",
    "entry_1/image_1": "NXdata",
    "entry_1/image_2": "NXdata",
    "entry_1/instrument_1/beam_1": "NXbeam",
    f"entry_1/{DETECTOR}": "NXdetector",
    f"entry_1/{SOURCE}": "NXsource",
    "entry_1/sample_1": "NXsample",
    "entry_1/sample_1/geometry_1": "NXgeometry",
}


@claiming
def recognise(path: Path) -> bool:
    """Tell whether a file is a CXI file: HDF5 with its version, or with its groups."""
    with Hdf5File(path) as file:
        entries = entries_of(file)
        return "cxi_version" in file or any(f"{e}/{DETECTOR}" in file for e in entries)


def needed_bytes(path: Path, options: Options) -> int:
    """Return what `read` takes, of the sizes that the headers claim.

    Raises
    ------
    InputFileError
        If the file is missing, damaged or no HDF5 file.
    """
    with Hdf5File(path) as file:
        entry = CxiEntry.of(file, options)
        planes = (PROBE, FIRST_IMAGE, SECOND_IMAGE)
        names = (*TRANSLATION, *MOVED[1:], *MASKS, *planes, SPACING, *FRAMES.values())
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
        image = entry.image()
        mask, masked = entry.mask(patterns)
        frames, framed = entry.frames()
        spacing, spaced = entry.spacing(image)
        scan = Scan(
            image=image,
            positions=metres,
            source=str(path),
            probe=entry.probe(),
            patterns=patterns,
            nominal_positions=entry.translation(basis, MOVED[1:]),
            units="m",
            layer_axis=entry.layer_axis(image),
            layer_spacing=spacing,
            pixel_size=pixel,
            detector_pixel_size=detector,
            energy=energy,
            distance=distance,
            mask=mask,
            metadata=frames,
            warnings=(*entry.doubts, *entry.numbers.doubts, *doubts, *masked, *framed, *spaced),
            remedies={
                "metres": "scan=cxi scan.pixel_size=METRES",
                "centred": "scan=cxi scan.centre=middle",
            },
            assumptions=entry.assumptions() | assumed,
        )
        return scan if pixel is None else _placed(scan, entry.centre, entry.middle())


def check(path: Path, scan: Scan) -> None:
    """Refuse what `write` would refuse, whatever the values of the scan are.

    Raises
    ------
    OutputError
        If it has no patterns and no object, or if its positions are in pixels of unknown size.
    """
    if scan.patterns is None and scan.image is None:
        raise OutputError(
            f"{path}: {scan.source} has no patterns and no object. Expected one of them. Choose "
            "another format, or simulate them first."
        )
    for key in FRAMES:
        value = scan.metadata.get(key)
        ranks = ((None, None), (None, None, None))
        if value is not None and all(numbers_of(value, rank, "iuf") is None for rank in ranks):
            raise OutputError(
                f"{path}: the metadata {key!r} are {one_line(repr(value), 60)}. Expected real "
                "frames of the detector, (H, W) or (n, H, W). Convert what Scan.metadata holds, or "
                "leave it out."
            )
    pixel_for_metres(path, scan, "CXI")


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
        If it cannot be written; nothing has appeared then. Also if it has no patterns and no
        object, or if its positions are in pixels of unknown size.
    """
    check(path, scan)
    is_nexus = path.suffix.lower() == ".nxs"
    datasets: dict[str, Dataset | Link] = {"number_of_entries": Dataset(1)}
    if scan.patterns is not None:
        stack = in_quantity(path, scan.patterns, "intensity")
        datasets[f"entry_1/{DETECTOR}/data"] = Dataset(stack, {"axes": "translation:y:x"})
        datasets["entry_1/data_1/data"] = Link(f"/entry_1/{DETECTOR}/data")
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
    report_dropped(path, scan, (), (SHARES, WEIGHTS), keeps_near=True)


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
        if scan.metadata.get(key) is not None:
            datasets[place] = Dataset(np.asarray(scan.metadata[key]))
    if scan.energy is not None:
        joules = scan.energy / JOULE
        datasets[f"{SOURCE}/energy"] = datasets[BEAM[0]] = Dataset(joules, {"units": "J"})
        datasets[f"{SOURCE}/wavelength"] = Dataset(PLANCK_LIGHT / scan.energy, {"units": "m"})
    if scan.is_near:
        datasets[PROPAGATION] = Dataset("near")
    return datasets


def _of_sample(path: Path, scan: Scan) -> dict[str, Dataset | Link]:
    """Return the positions, the probe and the object, by the names of an entry."""
    datasets: dict[str, Dataset | Link] = {}
    pixel = pixel_for_metres(path, scan, "CXI")
    for name, positions in zip(MOVED, (scan.positions, scan.nominal_positions), strict=True):
        if positions is None:
            continue
        metres = positions if pixel is None or scan.units == "m" else to_metres(positions, pixel)
        # The sample moves against the beam, and the axes of CXI point against rows and columns.
        xyz = np.column_stack([metres[:, ::-1], np.zeros(len(metres))])
        datasets[name] = Dataset(xyz, {"units": "m"})
    if MOVED[0] in datasets:
        datasets[TRANSLATION[0]] = Link(f"/entry_1/{MOVED[0]}")
    return datasets | _reconstruction(scan, pixel)


def _reconstruction(scan: Scan, pixel: Pair | None) -> dict[str, Dataset | Link]:
    """Return the probe and the object as ptychodus writes them since its version 1.7."""
    datasets: dict[str, Dataset | Link] = {}
    if scan.probe is not None:
        alone = scan.image is None
        datasets[PROBE if alone else FIRST_IMAGE] = Dataset(complex_of(scan.probe))
        if not alone:
            datasets[PROBE] = Link(f"/entry_1/{FIRST_IMAGE}")
    for name, size in zip(OBJECT_PIXEL, pixel or (), strict=False):
        datasets[name] = datasets[name.replace("object", "probe")] = Dataset(size, {"units": "m"})
    if scan.image is None:
        return datasets
    axis = "layer" if scan.layer_axis in (None, "slice") else scan.layer_axis
    axes = "y:x" if scan.image.ndim == 2 else f"{axis}:y:x"
    datasets[SECOND_IMAGE] = Dataset(scan.image, {"axes": axes})
    if pixel is not None:
        shape = scan.image.shape[-2:]
        zero = from_centre([0.0, 0.0], shape, _window_size(scan), THEIR_CENTRE)
        datasets |= {
            name: Dataset(float(value), {"units": "m"})
            for name, value in zip(MIDDLE, to_metres(zero, pixel), strict=True)
        }
    else:
        datasets[ORIGIN] = Dataset(FIRST_PIXEL)
    if scan.layer_spacing is not None:
        datasets[SPACING] = Dataset(scan.layer_spacing, {"units": "m"})
    count = 0 if scan.positions is None else len(scan.positions)
    datasets[f"{THEIRS}/probe_position_indexes"] = Dataset(np.arange(count))
    return datasets


def _placed(scan: Scan, centre: str | None, middle: Positions) -> Scan:
    """Return a scan in pixels, of positions that count from the middle of its object, if any."""
    if centre is None or scan.image is None:
        return scan.in_pixels()
    shape, size = scan.image.shape[-2:], _window_size(scan)
    around = _moved(scan, lambda p: p - middle).in_pixels()
    return _moved(around, lambda p: from_centre(p, shape, size, centre))


def _moved(scan: Scan, move: Callable[[Positions], Positions]) -> Scan:
    """Return a scan with both kinds of positions moved."""
    now, nominal = (
        None if p is None else move(p) for p in (scan.positions, scan.nominal_positions)
    )
    return replace(scan, positions=now, nominal_positions=nominal)


def _window_size(scan: Scan) -> int:
    """Return the size of the windows, which the middle of an object depends on."""
    if scan.patterns is not None:
        return scan.patterns.shape[-1]
    return 1 if scan.probe is None else int(scan.probe.shape[-1])
