"""ptypy's reconstructions, ``.ptyr``: an object with its probe, and where the views lay on it.

=====================================  =============================================================
node                                   what it is
=====================================  =============================================================
header/kind                            ``minimal``, ``dls`` or ``dump``
content/obj/ID/data                    (layers, H, W) complex; the layers are modes
content/obj/ID/_psize, _origin         metres of a pixel, and of the centre of pixel [0, 0], (y, x)
content/obj/ID/_energy                 kiloelectronvolts
content/probe/ID/data                  (modes, N, N) complex
content/positions/ID                   (M, 2) metres, (y, x), of the centres of the views; optional
=====================================  =============================================================

ID names a storage. There are no patterns in such a file.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import InputFileError, one_line, one_of
from ...geometry import Positions, from_anchor, from_metres
from .. import ptypy_nodes as nodes
from ..hdf5_file import Hdf5File
from ..hdf5_quantities import check_finite, loaded_bytes
from ..reading import claiming
from ..scan import Scan

Array = NDArray[Any]

OBJECT, PROBE, POSITIONS = "content/obj", "content/probe", "content/positions"
#: Kinds of files that hold a reconstruction.
KINDS = ("minimal", "dls", "dump")
ANCHORS = ("half", "rounded_ptypy")


@dataclass(frozen=True)
class Options:
    """Options of the format.

    Attributes
    ----------
    storage : str, optional
        ID of the object that is read; the first by default.
    anchor : {"half", "rounded_ptypy"}
        Whether positions are taken as they are, or on whole pixels as ptypy cuts its views.
    """

    storage: str | None = None
    anchor: str = "half"

    def __post_init__(self) -> None:
        if self.anchor not in ANCHORS:
            raise ValueError(one_of("anchor", self.anchor, ANCHORS))


@claiming
def recognise(path: Path) -> bool:
    """Tell whether a file holds a reconstruction."""
    with Hdf5File(path) as file:
        return "header/kind" in file and "content" in file


def needed_bytes(path: Path, options: Options) -> int:
    """Return what `read` takes, of the sizes that the headers claim.

    Raises
    ------
    InputFileError
        If the file is missing, damaged or no HDF5 file.
    """
    with Hdf5File(path) as file:
        chosen, _ = _storage(file, options)
        probe = _probe_of(file, chosen)
        names = [f"{OBJECT}/{chosen}/data", f"{POSITIONS}/{chosen}"]
        return loaded_bytes(file, *names, *([] if probe is None else [f"{probe}/data"]))


def read(path: Path, options: Options) -> Scan:
    """Read a reconstruction.

    Raises
    ------
    InputFileError
        If the file is missing, damaged or no HDF5 file; if it is of a kind without object; if an
        array that is read was pickled, or has another shape than ptypy writes; if a position is
        NaN or infinite.
    """
    with Hdf5File(path) as file:
        chosen, doubts = _storage(file, options)
        image, probe = _layers(file, f"{OBJECT}/{chosen}"), None
        source = _probe_of(file, chosen)
        if source is None and (others := file.names(PROBE)):
            doubts += (
                f"{path}: holds the probes {one_line(', '.join(others), 100)}, none of them named "
                f"as the object {chosen}, and none was read. Expected one of that name. Set "
                "scan.storage to another object, or dataclasses.replace(scan, probe=...).",
            )
        if source is not None:
            probe = _layers(file, source)
        pixel = nodes.pair(file, f"{OBJECT}/{chosen}/_psize")
        positions = _positions(file, chosen, pixel)
        if positions is not None and options.anchor != "half":
            positions = from_anchor(
                positions, 1 if probe is None else probe.shape[-1], options.anchor
            )
        energy = nodes.positive(file, f"{OBJECT}/{chosen}/_energy")
        return Scan(
            image=image,
            positions=positions,
            source=str(path),
            probe=probe,
            layer_axis="mode" if image.ndim == 3 else None,
            pixel_size=pixel,
            energy=None if energy is None else energy * 1e3,
            metadata={"kind": _kind(file), "storage": chosen},
            warnings=doubts,
            assumptions={"storage": chosen, "anchor": options.anchor},
        )


def _kind(file: Hdf5File) -> str:
    """Return the kind of a file that holds an object.

    Raises
    ------
    InputFileError
        If it is of another kind.
    """
    kind = nodes.text(file, "header/kind") if "header/kind" in file else None
    if kind not in KINDS:
        what = "no header/kind" if kind is None else f"the kind {one_line(kind, 40)!r}"
        raise InputFileError(
            f"{file.path}: has {what}. Expected one of {', '.join(KINDS)}, which hold an object. "
            "Choose another reader, or let ptypy save the run again."
        )
    return kind


def _storage(file: Hdf5File, options: Options) -> tuple[str, tuple[str, ...]]:
    """Choose an object by its storage; also return what is doubtful about the choice."""
    _kind(file)
    found = [name for name in file.names(OBJECT) if nodes.holds(file, f"{OBJECT}/{name}/data")]
    if not found or options.storage not in (None, *found):
        wanted = "an object" if options.storage is None else f"the object {options.storage!r}"
        raise InputFileError(
            f"{file.path}: has not {wanted}. Found: {one_line(', '.join(found)) or 'none'} in "
            f"{OBJECT}. Expected one. Set scan.storage, or choose another file."
        )
    if options.storage is not None or len(found) == 1:
        return options.storage or found[0], ()
    return found[0], (
        f"{file.path}: holds {len(found)} objects, {one_line(', '.join(found), 100)}, of which "
        f"{found[0]} was read. Expected to be told. Set scan.storage={found[1]} for another.",
    )


def _probe_of(file: Hdf5File, chosen: str) -> str | None:
    """Return where the probe of an object lies: of the same name, or the only one."""
    found = file.names(PROBE)
    name = chosen if chosen in found else found[0] if len(found) == 1 else None
    return (
        None if name is None or not nodes.holds(file, f"{PROBE}/{name}/data") else f"{PROBE}/{name}"
    )


def _layers(file: Hdf5File, name: str) -> Array:
    """Load the layers of a storage; a single one comes without its axis."""
    found = nodes.load(file, f"{name}/data", (3,), "iufc", "layers of shape (layers, H, W)")
    found = found.astype(np.result_type(found.dtype, np.float32), copy=False)
    return found[0] if len(found) == 1 else found


def _positions(file: Hdf5File, chosen: str, pixel: tuple[float, float] | None) -> Positions | None:
    name = f"{POSITIONS}/{chosen}"
    if not nodes.holds(file, name):
        return None
    metres = nodes.load(file, name, (2,), "iuf", "coordinates of shape (M, 2)").astype(np.float64)
    origin = nodes.numbers(file, f"{OBJECT}/{chosen}/_origin")
    if metres.shape[1] != 2 or pixel is None or len(origin) != 2 or not np.isfinite(origin).all():
        raise InputFileError(
            f"{file.path}: {name!r} has shape {metres.shape}, on pixels of {pixel} m with the "
            f"origin {one_line(origin, 60)}. Expected (M, 2), and _psize and _origin as (y, x) in "
            "metres. Let ptypy save the run again."
        )
    check_finite(file.path, name, metres)
    return from_metres(metres, pixel, origin)
