"""Numbers of HDF5 files in the units that they say, and arrays held against what is expected."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputFileError, one_line
from ..geometry import Positions
from .hdf5_file import Hdf5File

Array = NDArray[Any]

#: Metres of a unit, by its name in lower case.
METRES = {"m": 1.0, "metre": 1.0, "metres": 1.0, "meter": 1.0, "meters": 1.0, "cm": 1e-2}
METRES |= {"mm": 1e-3, "um": 1e-6, "µm": 1e-6, "micron": 1e-6, "microns": 1e-6, "nm": 1e-9}
METRES |= {"pm": 1e-12, "angstrom": 1e-10, "a": 1e-10}
#: Electronvolts of a unit, by its name in lower case.
JOULE = 1 / 1.602176634e-19
ELECTRONVOLTS = {"ev": 1.0, "kev": 1e3, "j": JOULE, "joule": JOULE, "joules": JOULE}


def number(file: Hdf5File, units: Mapping[str, float], default: str, *names: str) -> float | None:
    """Return the first of these datasets that is one number above zero, in a base unit.

    Parameters
    ----------
    file : Hdf5File
        The file.
    units : mapping of str to float
        What a unit is in the base unit: `METRES` or `ELECTRONVOLTS`; empty for a plain number.
    default : str
        The unit of a dataset without the attribute ``units``.
    *names : str
        Where it may lie, the best place first.

    Returns
    -------
    float or None
        None if there is no such number; programs write 0 for what they do not know.

    Raises
    ------
    InputFileError
        If it is in a unit that is not known.
    """
    for name in names:
        if file.is_dataset(name) and file.header(name).size == 1:
            value = float(np.abs(file.load(name).reshape(-1)[0]))
            if np.isfinite(value) and value > 0:
                return value * scale_of(file, units, default, name) if units else value
    return None


def scale_of(file: Hdf5File, units: Mapping[str, float], default: str, name: str) -> float:
    """Return what the values of a dataset are multiplied with to be in a base unit.

    Raises
    ------
    InputFileError
        If they are in a unit that is not known.
    """
    said = str(file.attribute(name, "units") or "").strip() or default
    if said.lower() not in units:
        raise InputFileError(
            f"{file.path}: {name!r} is in {one_line(said, 40)!r}. Expected one of "
            f"{', '.join(units)}. Correct its attribute units."
        )
    return units[said.lower()]


def array(file: Hdf5File, name: str, ranks: tuple[int, ...], kinds: str, expected: str) -> Array:
    """Load a dataset once its rank and dtype are right.

    Parameters
    ----------
    file : Hdf5File
        The file.
    name : str
        The dataset.
    ranks : tuple of int
        Numbers of axes that it may have.
    kinds : str
        Kinds of dtype that it may have, as NumPy names them.
    expected : str
        Both in words.

    Raises
    ------
    InputFileError
        If they are not, or there is no such dataset.
    """
    header = file.header(name)
    if len(header.shape) not in ranks or header.dtype.kind not in kinds:
        raise InputFileError(
            f"{file.path}: {name!r} has shape {one_line(header.shape, 60)}, dtype {header.dtype}. "
            f"Expected {expected}. Write it again, or choose the reader of this layout."
        )
    return file.load(name)


def check_finite(path: Path, name: str, positions: Positions) -> None:
    """Refuse positions that are NaN or infinite.

    Raises
    ------
    InputFileError
        With the first of them.
    """
    bad = np.flatnonzero(~np.isfinite(positions).all(axis=-1))
    if bad.size:
        raise InputFileError(
            f"{path}: {bad.size} of {len(positions)} positions in {name!r} are NaN or infinite, "
            f"the first at index {bad[0]}. Expected finite coordinates. Remove these positions and "
            "their patterns, or repair them."
        )


def loaded_bytes(file: Hdf5File, *names: str) -> int:
    """Return the bytes of those of these datasets that there are, with one copy of each."""
    return sum(2 * file.header(name).nbytes for name in names if file.is_dataset(name))
