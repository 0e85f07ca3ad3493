"""The positions of stored patches, under the names that they have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import InputFileError, one_line
from ..geometry import Positions, from_legacy
from ..io.stacks import Stacks

#: Of members of groups, PtychoPINN's: (B, 1, 2, C), rows [x, y].
LEGACY = "coords_nn"
#: Columns of one coordinate each, (y, x).
COLUMNS = ("ycoords", "xcoords")
OURS = "positions"


@dataclass(frozen=True, eq=False)
class Places:
    """Where patches lie.

    Attributes
    ----------
    positions : ndarray of float64, shape (P, 2)
        (y, x) in object pixels, finite; groups one after the other.
    said : str
        Where they come from, in words.
    """

    positions: Positions
    said: str


def find_places(file: Stacks, name: str | None, *, mirrored: bool = False) -> Places:
    """Find the positions of a file.

    Parameters
    ----------
    file : Stacks
        The file.
    name : str, optional
        The array; recognised by its name if left out.
    mirrored : bool
        Whether patches lie at the mirror image of each position about the mean of its group, as
        those of training data that was cut so.

    Raises
    ------
    InputFileError
        If there are none, or they are no finite (y, x) in pixels.
    """
    if name is None:
        known = next((n for n in (OURS, LEGACY) if n in file.names), None)
        if known is None and all(column in file.names for column in COLUMNS):
            columns = [_loaded(file, column, 1).reshape(-1) for column in COLUMNS]
            if len(columns[0]) != len(columns[1]):
                raise InputFileError(
                    f"{file.path}: {COLUMNS[0]!r} holds {len(columns[0])} entries, and "
                    f"{COLUMNS[1]!r} {len(columns[1])}. Expected as many. Write the file again."
                )
            return Places(_finite(file, np.stack(columns, axis=-1)), " and ".join(COLUMNS))
        if known is None:
            raise InputFileError(
                f"{file.path}: holds no positions under a known name. Found: "
                f"{one_line(', '.join(file.names)) or 'nothing'}. Expected {OURS}, {LEGACY}, or "
                f"{' and '.join(COLUMNS)}. Name them: patches.positions=NAME, or name the file "
                "that has them: patches.positions_path=FILE."
            )
        name = known
    values = _loaded(file, name, 4)
    if values.ndim == 4 and values.shape[1:3] == (1, 2):
        values = from_legacy(values)
    if values.ndim not in (2, 3) or values.shape[-1] != 2:
        raise InputFileError(
            f"{file.path}: {name!r} has shape {one_line(values.shape, 60)}. Expected positions "
            "(y, x), (P, 2) or (B, C, 2), or PtychoPINN's (B, 1, 2, C). Name another array: "
            "patches.positions=NAME."
        )
    said = name
    if mirrored and values.ndim == 3:
        values = mirrored_in_groups(values)
        said += ", mirrored about the mean of each group as the patches were cut"
    return Places(_finite(file, values.reshape(-1, 2)), said)


def mirrored_in_groups(members: Positions) -> Positions:
    """Mirror positions (B, C, 2) about the mean of their group: where PtychoPINN cuts."""
    mirrored: Positions = 2 * members.mean(axis=1, keepdims=True) - members
    return mirrored


def _loaded(file: Stacks, name: str, most: int) -> np.ndarray[Any, Any]:
    """Load an array of coordinates once its kind is right."""
    header = file.header(name)
    if header.dtype.kind not in "iuf" or not 1 <= len(header.shape) <= most:
        raise InputFileError(
            f"{file.path}: {name!r} has shape {one_line(header.shape, 60)}, dtype "
            f"{one_line(header.dtype, 60)}. Expected real coordinates. Name another array: "
            "patches.positions=NAME."
        )
    return file.load(name).astype(np.float64)


def _finite(file: Stacks, positions: Positions) -> Positions:
    bad = np.flatnonzero(~np.isfinite(positions).all(axis=1))
    if bad.size:
        raise InputFileError(
            f"{file.path}: {bad.size} of {len(positions)} positions are NaN or infinite, the first "
            f"at index {bad[0]}. Expected finite coordinates. Remove them with their patches."
        )
    return positions
