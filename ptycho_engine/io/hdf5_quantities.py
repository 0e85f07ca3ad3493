"""Numbers of HDF5 files in the units that they say, and arrays held against what is expected."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputFileError, one_line
from ..geometry import Positions
from .hdf5_file import Hdf5File
from .hdf5_written import UnwrittenError

Array = NDArray[Any]

#: Values of a number that is told for each frame; more are left unread.
MOST_VALUES = 10**6
UNWRITTEN = "was declared and not, or not all of it, written"
#: What a unit is preceded by when it is written out.
PREFIXES = {"": 1.0, "centi": 1e-2, "milli": 1e-3, "micro": 1e-6, "nano": 1e-9, "pico": 1e-12}
#: Metres of a unit, by its name in lower case.
METRES = {"m": 1.0, "cm": 1e-2, "mm": 1e-3, "um": 1e-6, "\N{GREEK SMALL LETTER MU}m": 1e-6}
METRES |= {"nm": 1e-9, "pm": 1e-12, "micron": 1e-6, "microns": 1e-6, "a": 1e-10, "å": 1e-10}
METRES |= dict.fromkeys(("angstrom", "angstroms", "ångström", "ångströms", "ang"), 1e-10)
METRES |= {f"{p}met{er}": v for p, v in PREFIXES.items() for er in ("er", "ers", "re", "res")}
#: Electronvolts of a unit, by its name in lower case, or as it stands: meV is no MeV.
JOULE = 1 / 1.602176634e-19
ELECTRONVOLTS = {"ev": 1.0, "kev": 1e3, "MeV": 1e6, "GeV": 1e9, "gev": 1e9, "meV": 1e-3}
ELECTRONVOLTS |= {f"{p}electron{gap}volt{s}": v for p, v in (("", 1.0), ("kilo", 1e3))
                  for gap in ("", " ", "_") for s in ("", "s")}  # fmt: skip
ELECTRONVOLTS |= {"j": JOULE, "joule": JOULE, "joules": JOULE}


class Numbers:
    """The numbers of a file, each loaded once, with doubts about those that were not taken.

    Parameters
    ----------
    file : Hdf5File
        The file.
    """

    def __init__(self, file: Hdf5File) -> None:
        self._file = file
        self._told: dict[str, tuple[float | None, str]] = {}

    @property
    def doubts(self) -> tuple[str, ...]:
        """What was looked at so far and not taken, since it is not one number for the scan."""
        return tuple(
            f"{self._file.path}: {name!r} {doubt}, and was not taken. Expected one number for the "
            "scan. Set it with dataclasses.replace(scan, ...)."
            for name, (_, doubt) in self._told.items()
            if doubt
        )

    def first(self, units: Mapping[str, float], default: str, *names: str) -> float | None:
        """Return the first of some datasets that is one number above zero, in a base unit.

        Several that are equal to a millionth, as one for each frame, are one number.

        Parameters
        ----------
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
            if name not in self._told:
                self._told[name] = _told(self._file, name)
            value = self._told[name][0]
            if value is not None and np.isfinite(value) and value > 0:
                return value * scale_of(self._file, units, default, name) if units else value
        return None


def _told(file: Hdf5File, name: str) -> tuple[float | None, str]:
    """Return the absolute value that all values of a dataset have, or why there is none."""
    if not file.is_dataset(name) or not (size := file.header(name).size):
        return None, ""
    if size > MOST_VALUES:
        return None, f"holds {size} values, which were not compared"
    try:
        values = np.abs(file.load(name).reshape(-1))
    except UnwrittenError:
        return None, UNWRITTEN
    low, high = float(values.min()), float(values.max())
    if low == high or high - low <= 1e-6 * low:
        return float(values[0]), ""
    return None, f"holds {size} values that differ" if size > 1 else ""


def mask_of(file: Hdf5File, name: str) -> tuple[Array | None, tuple[str, ...]]:
    """Load a mask as bool or whole numbers; None with a doubt if it is none.

    Raises
    ------
    InputFileError
        If it holds no numbers at all, or is damaged.
    """
    doubt = "holds numbers that are not whole"
    if file.header(name).dtype.kind in "biuf":
        try:
            values = file.load(name)
        except UnwrittenError:
            doubt = UNWRITTEN
        else:
            if values.dtype.kind != "f":
                return values, ()
            if np.isfinite(values).all() and (np.abs(values) < 2**32).all():
                whole = values.astype(np.int64)
                if (whole == values).all():
                    return whole, ()
    return None, (
        f"{file.path}: {name!r} {doubt}, and was not read: all pixels count as good. Expected a "
        "mask. Set it with dataclasses.replace(scan, mask=...), or write it again.",
    )


def scale_of(file: Hdf5File, units: Mapping[str, float], default: str, name: str) -> float:
    """Return what the values of a dataset are multiplied with to be in a base unit.

    Raises
    ------
    InputFileError
        If they are in a unit that is not known.
    """
    said = unicodedata.normalize("NFKC", str(file.attribute(name, "units") or "")).strip()
    said = said or default
    scale = units.get(said, units.get(said.lower()))
    if scale is None:
        raise InputFileError(
            f"{file.path}: {name!r} is in {one_line(said, 40)!r}. Expected one of "
            f"{', '.join(unit for unit in units if len(unit) < 4)}. Correct its attribute units."
        )
    return scale


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
