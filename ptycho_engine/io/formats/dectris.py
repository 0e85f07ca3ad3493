"""Master files of EIGER and other DECTRIS detectors, with the files of data that they link to.

==========================================================  =====================================
dataset below ``/entry``                                    what it is
==========================================================  =====================================
data/data_000001, data_000002, ...                          (frames, H, W) counts, one file each
data/data                                                   the same, in a file of data or in a
                                                            master as a virtual dataset of all
instrument/detector/x_pixel_size, y_pixel_size              metres
instrument/detector/detector_distance                       metres
instrument/detector/detectorSpecific/photon_energy          electronvolts, as the detector was set
instrument/beam/incident_wavelength                         angstrom
instrument/detector/detectorSpecific/pixel_mask             (H, W) bits; 0 is good
==========================================================  =====================================

The files of data lie beside the master, and are one after the other the patterns of one scan.
Where the beam went, no master says: positions come from elsewhere. Frames are compressed as a
rule, with filters that ``hdf5plugin`` brings.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...errors import InputFileError, one_line, one_of
from ..hdf5_file import Hdf5File
from ..hdf5_quantities import ELECTRONVOLTS, METRES, Numbers, loaded_bytes, mask_of
from ..patterns import Patterns
from ..reading import claiming
from ..scan import PLANCK_LIGHT, Scan

DATA, DETECTOR = "entry/data", "entry/instrument/detector"
SETTINGS = f"{DETECTOR}/detectorSpecific"
MASKS = (f"{SETTINGS}/pixel_mask", f"{DETECTOR}/pixel_mask")
WAVELENGTH = "entry/instrument/beam/incident_wavelength"
#: Numbers that later steps want: counts beyond these are none.
LIMITS = (f"{DETECTOR}/saturation_value", f"{SETTINGS}/countrate_correction_count_cutoff")
ENERGIES = ("photon", "none")


@dataclass(frozen=True)
class Options:
    """Options of the format.

    Attributes
    ----------
    energy : {"photon", "none"}
        What `photon_energy` is: that of a photon, as the name says, or nothing to go by, as in
        electron microscopes.
    """

    energy: str = "photon"

    def __post_init__(self) -> None:
        if self.energy not in ENERGIES:
            raise ValueError(one_of("energy", self.energy, ENERGIES))


@claiming
def recognise(path: Path) -> bool:
    """Tell whether a file is a master of a detector, or one of its files of data."""
    with Hdf5File(path) as file:
        if _parts(file) or SETTINGS in file:
            return True
        part = f"{DATA}/data"
        return file.is_dataset(part) and file.attribute(part, "image_nr_low") is not None


def needed_bytes(path: Path, options: Options) -> int:
    """Return what `read` takes: the mask, as the patterns stay in their files.

    Raises
    ------
    InputFileError
        If the file is missing, damaged or no HDF5 file.
    """
    with Hdf5File(path) as file:
        return loaded_bytes(file, *MASKS)


def read(path: Path, options: Options) -> Scan:
    """Read the patterns of a scan, and what the detector says of itself.

    Raises
    ------
    InputFileError
        If the file is missing, damaged or no HDF5 file; if it names no data, or files of data
        that are missing, out of its folder, or of different sizes.
    """
    with Hdf5File(path) as file:
        patterns, numbers = _patterns(file), Numbers(file)
        y, x = (numbers.first(METRES, "m", f"{DETECTOR}/{axis}_pixel_size") for axis in "yx")
        mask, masked = _mask(file)
        names = (f"{DETECTOR}/detector_distance", f"{DETECTOR}/distance")
        energy, distance = _energy(numbers, options), numbers.first(METRES, "m", *names)
        limits, missing = _limits(numbers), _missing_frames(file, numbers, patterns)
        return Scan(
            image=None,
            positions=None,
            source=str(path),
            patterns=patterns,
            detector_pixel_size=None if y is None or x is None else (y, x),
            energy=energy,
            distance=distance,
            mask=mask,
            metadata=limits,
            warnings=(*missing, *numbers.doubts, *masked),
            assumptions={"energy": options.energy},
        )


def _parts(file: Hdf5File) -> list[str]:
    """Return the names of the links to files of data, by their number."""
    found = [name for name in file.names(DATA) if re.fullmatch(r"data_\d{1,9}", name)]
    return sorted(found, key=lambda name: int(name.partition("_")[2]))


def _patterns(file: Hdf5File) -> Patterns:
    parts = _parts(file) or (["data"] if file.is_dataset(f"{DATA}/data") else [])
    if not parts:
        raise InputFileError(
            f"{file.path}: names no data. Found: {file.listing()}. Expected {DATA}/data_000001. "
            "Choose another reader."
        )
    numbers = [int(name.partition("_")[2] or 1) for name in parts]
    lost = sorted(set(range(numbers[0], numbers[-1] + 1)) - set(numbers))
    if lost:
        raise InputFileError(
            f"{file.path}: names the data {parts[0]} to {parts[-1]} without number "
            f"{one_line(lost, 60)}. Expected all, since patterns are counted through. Copy the "
            "master again."
        )
    return Patterns.joined(file.patterns(f"{DATA}/{name}", "intensity") for name in parts)


def _energy(numbers: Numbers, options: Options) -> float | None:
    if options.energy == "none":
        return None
    wavelength = numbers.first(METRES, "angstrom", WAVELENGTH)
    if wavelength is not None:
        return PLANCK_LIGHT / wavelength
    return numbers.first(ELECTRONVOLTS, "eV", f"{SETTINGS}/photon_energy")


def _mask(file: Hdf5File) -> tuple[Any, tuple[str, ...]]:
    """Return which pixels are good, and doubts about it."""
    name = next((name for name in MASKS if file.is_dataset(name)), None)
    if name is None:
        return None, ()
    bits, doubts = mask_of(file, name)
    return None if bits is None else bits == 0, doubts


def _limits(numbers: Numbers) -> dict[str, Any]:
    """Return counts from which on they are wrong, by the name that the detector has for it."""
    found = {name: numbers.first({}, "", name) for name in LIMITS}
    return {name.rpartition("/")[2]: value for name, value in found.items() if value is not None}


def _missing_frames(file: Hdf5File, numbers: Numbers, patterns: Patterns) -> tuple[str, ...]:
    """Say so if there are fewer patterns than the detector was set to take."""
    images, triggers = (
        numbers.first({}, "", f"{SETTINGS}/{name}") for name in ("nimages", "ntrigger")
    )
    if images is None or triggers is None or images * triggers == patterns.shape[0]:
        return ()
    asked = images * triggers
    return (
        f"{file.path}: has {patterns.shape[0]} patterns, and the detector was set to take "
        f"{asked:.0f}. Expected all. Look for files of data that were not copied, or a scan "
        "that was stopped.",
    )
