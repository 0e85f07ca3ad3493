"""One entry of a CXI file, as it is read: where it has what, and what it leaves open.

`ptycho_engine.io.formats.cxi` has the table of its datasets.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputFileError, one_line
from ..geometry import Positions
from .cxi_options import CHOICES, Options
from .hdf5_file import Hdf5File
from .hdf5_quantities import (
    ELECTRONVOLTS,
    METRES,
    Numbers,
    array,
    check_finite,
    mask_of,
    scale_of,
)
from .hdf5_written import UnwrittenError
from .optics import Pair, far_field_pixel
from .patterns import Patterns
from .scan import PLANCK_LIGHT, LayerAxis

Array = NDArray[Any]

DETECTOR, SOURCE = "instrument_1/detector_1", "instrument_1/source_1"
DATA = ("data_1/data", f"{DETECTOR}/data")
TRANSLATION = tuple(f"{place}/translation" for place in ("data_1", "sample_1/geometry_1", DETECTOR))
MASKS = (f"{DETECTOR}/mask", f"{DETECTOR}/pixel_mask")
BEAM = tuple(
    f"{place}/incident_beam_energy"
    for place in ("instrument_1/beam_1", "beam_1", "sample_1/beam_1")
)
PROBE = f"{SOURCE}/illumination"
#: Of a reconstruction by ptychodus: its group, the probe and the object. Elsewhere the first image
#: is the object.
THEIRS, FIRST_IMAGE, SECOND_IMAGE = "ptychodus", "image_1/data", "image_2/data"
SPACING = f"{THEIRS}/object_layer_spacing_m"
#: Where the middle of their object lies, in their coordinates, and what their middle is.
MIDDLE = tuple(f"{THEIRS}/object_center_{axis}_m" for axis in "yx")
OBJECT_PIXEL = tuple(f"{THEIRS}/object_pixel_{side}_m" for side in ("height", "width"))
THEIR_CENTRE = "ptychodus_from_1.6"
#: Where we write positions, and those before a refinement.
MOVED = ("sample_1/geometry_1/translation", "sample_1/geometry_1/nominal_translation")
#: What else is loaded, by the name that it gets in the metadata.
FRAMES = {"dark": f"{DETECTOR}/data_dark", "qe": f"{DETECTOR}/qe_mask"}
#: Where we record a near field, for which CXI has no place.
PROPAGATION = "ptycho_engine/propagation"
#: Where we record that positions count from the first pixel of the object, whose pixels are of
#: unknown size, so that nobody can say where in metres its middle lies.
ORIGIN, FIRST_PIXEL = "ptycho_engine/origin", "first pixel"
#: The bit of a mask that says that the pixel has signal, which is good.
HAS_SIGNAL = 0x1000
#: A step along rows and along columns of a detector, where no vectors are given.
DOWN_RIGHT = np.array([[0.0, -1.0], [-1.0, 0.0], [0.0, 0.0]])
DEFINITION, VERSION = "NXcxi_ptycho", 160


@dataclass(frozen=True)
class CxiEntry:
    """One entry of an open file."""

    file: Hdf5File
    root: str
    options: Options
    doubts: tuple[str, ...]
    numbers: Numbers

    @classmethod
    def of(cls, file: Hdf5File, options: Options) -> CxiEntry:
        """Choose the entry that the options name, or the first.

        Raises
        ------
        InputFileError
            If there is none.
        """
        entries = entries_of(file)
        chosen = options.entry or (entries[0] if entries else "entry_1")
        if chosen not in file.names():
            raise InputFileError(
                f"{file.path}: {chosen!r} is missing. Found: {file.listing()}. Expected a group "
                "of this name, as CXI has it. Set scan.entry, or choose another reader."
            )
        doubts: tuple[str, ...] = ()
        if len(entries) > 1 and not options.entry:
            doubts = (
                f"{file.path}: holds {len(entries)} entries, {one_line(', '.join(entries), 100)}, "
                f"of which {chosen} was read. Expected to be told. Set scan.entry={entries[1]} for "
                "another.",
            )
        return cls(file, chosen, options, doubts, Numbers(file))

    def name(self, name: str) -> str:
        """Return a name of the entry as a full name."""
        return f"{self.root}/{name}"

    def first(self, names: tuple[str, ...]) -> str | None:
        """Return the full name of the first of these datasets that there is."""
        return next((n for n in map(self.name, names) if self.file.is_dataset(n)), None)

    def length(self, *names: str) -> float | None:
        """Return the first of these lengths that is known, in metres."""
        return self.numbers.first(METRES, "m", *map(self.name, names))

    @property
    def is_theirs(self) -> bool:
        """Whether ptychodus wrote the entry, or we as it does: its group, or all that it images."""
        images = all(self.file.is_dataset(self.name(name)) for name in (PROBE, SECOND_IMAGE))
        return images or self.name(THEIRS) in self.file

    @property
    def object_name(self) -> str:
        """Where the object lies, if there is one."""
        return SECOND_IMAGE if self.is_theirs else FIRST_IMAGE

    def patterns(self) -> Patterns | None:
        """Describe the patterns; None of a reconstruction alone.

        Raises
        ------
        InputFileError
            If there is neither, or their axes lie in another order.
        """
        name = self.first(DATA)
        if name is None and self.file.is_dataset(self.name(self.object_name)):
            return None
        if name is None:
            raise InputFileError(
                f"{self.file.path}: has no patterns and no object. Found: "
                f"{self.file.listing()}. Expected {self.root}/{DATA[0]} or {self.root}/{DATA[1]}. "
                "Choose another reader."
            )
        axes = str(self.file.attribute(name, "axes") or "").split(":")
        if "translation" in axes[1:]:
            raise InputFileError(
                f"{self.file.path}: {name!r} has the axes {one_line(':'.join(axes), 60)!r}. "
                "Expected the points first, translation:y:x. Transpose it and write it again."
            )
        return self.file.patterns(name, "intensity")

    def basis(self) -> Array | None:
        """Return the vectors of the file as columns (3, 2), metres; None if there are none."""
        name = self.name(f"{DETECTOR}/basis_vectors")
        if not self.file.is_dataset(name):
            return None
        expected = "two vectors, of shape (3, 2) or (2, 3)"
        vectors = array(self.file, name, (2,), "iuf", expected).astype(np.float64)
        columns = vectors.T if vectors.shape == (2, 3) else vectors
        if columns.shape != (3, 2) or not np.linalg.matrix_rank(np.nan_to_num(columns)) == 2:
            raise InputFileError(
                f"{self.file.path}: {name!r} is {one_line(vectors.tolist(), 100)}. Expected "
                f"{expected}, in different directions. Correct it, or set scan.basis=plain."
            )
        return columns * scale_of(self.file, METRES, "m", name)

    def detector_pixel(self, basis: Array | None) -> Pair | None:
        """Return metres of a detector pixel, (y, x)."""
        if basis is not None:
            height, width = np.linalg.norm(basis, axis=0).tolist()
            return height, width
        y, x = (self.length(f"{DETECTOR}/{axis}_pixel_size") for axis in "yx")
        y, x = (x if y is None else y), (y if x is None else x)  # square, if one side is told
        return None if y is None or x is None else (y, x)

    def object_pixel(
        self,
        energy: float | None,
        distance: float | None,
        detector: Pair | None,
        stack: Patterns | None,
    ) -> Pair | None:
        """Return metres of an object pixel, (y, x): as chosen, as said, or as it follows."""
        if self.options.pixel_size is not None:
            return self.options.pixel_size, self.options.pixel_size
        y, x = (self.length(name) for name in OBJECT_PIXEL)
        if y is not None and x is not None:
            return y, x
        if self.propagation == "near":
            return detector
        return far_field_pixel(energy, distance, detector, () if stack is None else stack.shape)

    @property
    def propagation(self) -> str:
        """Where the detector is, ``far`` or ``near``: as chosen, or as we recorded it."""
        if self.options.propagation is not None:
            return self.options.propagation
        name = self.name(PROPAGATION)
        recorded = self.file.text(name) if self.file.is_dataset(name) else ""
        return "near" if recorded == "near" else "far"

    @property
    def centre(self) -> str | None:
        """Whose middle of the object positions count from: as chosen, or as the file says."""
        name = self.name(ORIGIN)
        recorded = self.file.text(name) if self.file.is_dataset(name) else ""
        theirs = THEIR_CENTRE if self.is_theirs and recorded != FIRST_PIXEL else None
        return self.options.centre or theirs

    def layer_axis(self, image: Array | None) -> LayerAxis | None:
        """Return what the planes of an object are, if it has several."""
        if image is None or image.ndim == 2:
            return None
        axes = str(self.file.attribute(self.name(self.object_name), "axes") or "")
        first = axes.partition(":")[0].replace("layer", "slice")
        chosen: Any = first if first in CHOICES["layers"] else self.options.layers
        return chosen  # type: ignore[no-any-return]

    def middle(self) -> Positions:
        """Return where the middle of the object lies, metres (y, x); the origin as a rule."""
        found = [0.0, 0.0]
        for axis, name in enumerate(map(self.name, MIDDLE)):
            if self.file.is_dataset(name) and self.file.header(name).size == 1:
                found[axis] = float(np.real(self.file.load(name).reshape(-1)[0]))
        middle: Positions = np.nan_to_num(np.array(found), posinf=0, neginf=0)
        return middle

    def spacing(self, image: Array | None) -> tuple[Array | None, tuple[str, ...]]:
        """Return metres between slices, if there are any, and doubts about them."""
        name = self.name(SPACING)
        if not self.file.is_dataset(name):
            return None, ()
        if self.file.header(name).size or image is None or image.ndim == 2:
            return array(self.file, name, (1,), "f", "metres"), ()
        return None, (
            f"{self.file.path}: {name!r} is empty, and the object has {len(image)} layers: how far "
            f"they lie apart is not known. Expected {len(image) - 1} distances. Set layer_spacing "
            "with dataclasses.replace(scan, ...).",
        )

    def translation(self, basis: Array | None, names: tuple[str, ...]) -> Positions | None:
        """Return where the beam hits the sample: metres along rows and columns."""
        name = self.first(names)
        if name is None:
            return None
        expected = "real coordinates x, y, z, of shape (P, 3)"
        moved = array(self.file, name, (2, 3), "iuf", expected)
        if moved.shape[-1] != 3:
            raise InputFileError(
                f"{self.file.path}: {name!r} has shape {moved.shape}. Expected {expected}. Write "
                "it again, with zeros for z."
            )
        xyz = moved.reshape(-1, 3).astype(np.float64) * scale_of(self.file, METRES, "m", name)
        check_finite(self.file.path, name, xyz)
        steps = _directions(basis, self.options.basis)
        beam = -xyz if self.options.motion == "sample" else xyz
        along: Positions = np.ascontiguousarray(beam @ np.linalg.pinv(steps).T)
        return along

    def energy(self) -> tuple[float | None, tuple[str, ...], dict[str, str]]:
        """Return electronvolts of a photon, doubts about them, and what was assumed."""
        file, source = self.file, self.name(f"{SOURCE}/energy")
        is_nexus = self.definition() == DEFINITION
        meaning = self.options.energy or ("machine" if is_nexus else "photon")
        said = (
            {} if not file.is_dataset(source) else {"energy": f"source_1/energy is the {meaning}'s"}
        )
        found = self.numbers.first(ELECTRONVOLTS, "J", *map(self.name, BEAM))
        if found is None and meaning == "photon":
            found = self.numbers.first(ELECTRONVOLTS, "J", source)
        wavelength = self.length(f"{SOURCE}/wavelength", "instrument_1/beam_1/incident_wavelength")
        by_length = None if wavelength is None else PLANCK_LIGHT / wavelength
        doubts = []
        if found is not None and not 1 < found < 1e7:
            doubts.append(
                f"{file.path}: an energy of {found:.4g} eV is none of a photon that makes "
                "patterns. Expected joules where no units are given. Correct its attribute units."
            )
        if found is not None and by_length is not None and abs(found / by_length - 1) > 0.01:
            doubts.append(
                f"{file.path}: the energy of {found:.6g} eV and the wavelength of {wavelength:.6g} "
                "m contradict each other; the energy was taken. Set scan.energy=machine if it is "
                "the machine's."
            )
        return (by_length if found is None else found), tuple(doubts), said

    def definition(self) -> str:
        """Return the name of the NeXus definition; empty if there is none."""
        name = self.name("definition")
        return self.file.text(name) if self.file.is_dataset(name) else ""

    def image(self) -> Array | None:
        """Load the object."""
        return self._planes(self.first((self.object_name,)), "object")

    def probe(self) -> Array | None:
        """Load the probe; of one that varies along the scan, the main part."""
        return self._planes(
            self.first((PROBE, FIRST_IMAGE) if self.is_theirs else (PROBE,)), "probe"
        )

    def _planes(self, name: str | None, what: str) -> Array | None:
        """Load planes; a single one comes without its axis."""
        if name is None:
            return None
        ranks = (2, 3) if what == "object" else (2, 3, 4)
        found = array(self.file, name, ranks, "iufc", f"the {what}, of shape (H, W) or (n, H, W)")
        found = found[0] if found.ndim == 4 and len(found) else found
        found = found.astype(np.result_type(found.dtype, np.float32), copy=False)
        return found[0] if found.ndim == 3 and len(found) == 1 else found

    def mask(self, patterns: Patterns | None) -> tuple[Array | None, tuple[str, ...]]:
        """Return which pixels are good, and doubts about it."""
        name = self.first(MASKS)
        if name is None:
            return None, ()
        shape = self.file.header(name).shape
        if len(shape) == 3 and shape[0] != 1:
            return None, (
                f"{self.file.path}: {name!r} has shape {shape}, a mask for each pattern, and was "
                f"not read. Expected {shape[1:]}. Write one mask for all.",
            )
        if len(shape) not in (2, 3):
            raise InputFileError(
                f"{self.file.path}: {name!r} has shape {shape}. Expected a mask of shape (H, W). "
                "Write it again, or choose the reader of this layout."
            )
        values, doubts = mask_of(self.file, name)
        if values is None:
            return None, doubts
        values = values.reshape(shape[-2:])
        if values.dtype.kind != "b":
            values = values & ~np.array(HAS_SIGNAL).astype(values.dtype)
        return (values == 0) == (self.options.good == "zero"), ()

    def frames(self) -> tuple[dict[str, Any], tuple[str, ...]]:
        """Return what else there is of the detector, with the definition, and doubts about it."""
        found: dict[str, Any] = {"definition": self.definition()} if self.definition() else {}
        doubts = []
        for key, name in ((key, self.name(place)) for key, place in FRAMES.items()):
            if not self.file.is_dataset(name):
                continue
            try:
                found[key] = array(self.file, name, (2, 3), "iuf", "real frames")
            except UnwrittenError as error:
                doubts.append(f"{error} It was passed over.")
        return found, tuple(doubts)

    def assumptions(self) -> dict[str, str]:
        """Return what the file leaves open, with what was taken."""
        chosen = {n: str(getattr(self.options, n)) for n in ("motion", "basis", "good")}
        return chosen | {"propagation": self.propagation}


def entries_of(file: Hdf5File) -> list[str]:
    """Return the entries of a file by their number."""
    found = [name for name in file.names() if re.fullmatch(r"entry_\d{1,9}", name)]
    return sorted(found, key=lambda name: int(name.partition("_")[2]))


def _directions(basis: Array | None, choice: str) -> Array:
    """Return unit vectors of a step along rows and along columns, as columns (3, 2)."""
    if choice == "plain":
        return -DOWN_RIGHT
    steps = DOWN_RIGHT if basis is None else basis
    unit: Array = steps / np.linalg.norm(steps, axis=0)
    return unit
