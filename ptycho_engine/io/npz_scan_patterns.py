"""The patterns of a PtychoPINN npz file: where they lie, what they are, which pixels are good."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputFileError
from .npz_archive import NpzArchive, check_array
from .npz_patterns import FIRST, FIRST_OF_FOUR, LAST, npz_patterns
from .patterns import Patterns, Quantity

PATTERNS = ("diff3d", "diffraction")
#: What exports of ptychodus hold since its version 1.7: (H, W), not 0 where a pixel is bad.
BAD = "bad_pixels"
#: What the metadata of PtychoPINN's torch side declare, and what the patterns are then.
DECLARED = {"count_intensity": "intensity", "normalized_amplitude": "amplitude"}
#: What they declare of counts, and of amplitudes in its place: what these are, and the version of
#: their scaling, which goes with it.
OF_AMPLITUDES = {"count_intensity": "normalized_amplitude", "ci_intensity_v2": "legacy_v1"}


@dataclass(frozen=True, eq=False)
class Found:
    """What a file holds of patterns.

    Attributes
    ----------
    patterns : Patterns, optional
        The patterns; they stay in the file.
    mask : ndarray of bool, optional
        Which pixels are good.
    layout : str
        Their key and the order of their axes; empty without patterns.
    doubts : tuple of str
        What is doubtful about them.
    assumed : dict of str to str
        What was taken of what the file leaves open.
    """

    patterns: Patterns | None = None
    mask: NDArray[np.bool_] | None = None
    layout: str = ""
    doubts: tuple[str, ...] = ()
    assumed: dict[str, str] | None = None


def find_patterns(
    archive: NpzArchive, count: int, chosen: Quantity | None, declared: dict[str, Any]
) -> Found:
    """Describe the patterns of a file.

    Parameters
    ----------
    archive : NpzArchive
        The file.
    count : int
        How many positions there are.
    chosen : {"amplitude", "intensity"}, optional
        What a sample is, if that was said.
    declared : dict
        The file's ``_metadata``.

    Raises
    ------
    InputFileError
        If they have another rank, dtype or length.
    """
    layout = _layout(archive, count)
    if layout is None:
        return Found()
    key, order = layout
    quantity, reason, doubts = _quantity(archive, key, chosen, declared)
    patterns = npz_patterns(archive, key, order, quantity)
    mask, doubt = _mask(archive, patterns.shape[1:])
    assumed = {} if quantity is None else {"quantity": f"{quantity}, {reason}"}
    return Found(patterns, mask, f"{key} {order}", (*doubts, *doubt), assumed)


def declaring_amplitude(declared: dict[str, Any]) -> dict[str, Any]:
    """Return ``_metadata`` that declare amplitude, if they declare anything of patterns."""
    texts = {key: value for key, value in declared.items() if isinstance(value, str)}
    return {**declared, **{key: OF_AMPLITUDES.get(value, value) for key, value in texts.items()}}


def check_length(archive: NpzArchive, key: str, length: int, count: int) -> None:
    """Refuse an array that has not one entry for each position.

    Raises
    ------
    InputFileError
        With both numbers.
    """
    if length != count:
        raise InputFileError(
            f"{archive.path}: {key!r} holds {length} entries, but there are {count} in 'xcoords'. "
            "Expected one for each scan position. Drop the surplus on either side and save the "
            "file again."
        )


def _quantity(
    archive: NpzArchive, key: str, chosen: Quantity | None, declared: dict[str, Any]
) -> tuple[Quantity | None, str, tuple[str, ...]]:
    """Say what a sample of the patterns is, and why; or why that is not known."""
    said: Any = next(
        (DECLARED[v] for v in declared.values() if isinstance(v, str) and v in DECLARED), None
    )
    if chosen is not None:
        return chosen, "as chosen", ()
    if said is not None:
        return said, "as _metadata declares", ()
    dtype = archive.header(key).dtype
    if dtype.kind == "f" and BAD not in archive.names:
        return "amplitude", "as the format has it", ()
    held = f"holds {dtype}, which are counts as a rule"
    if dtype.kind == "f":
        held = f"stands beside {BAD!r}, as in exports of ptychodus since 1.7, which take no root"
    doubt = (
        f"{archive.path}: {key!r} {held}, and the format wants amplitude. Expected to be told. "
        "Set scan=npz scan.quantity=intensity, or scan.quantity=amplitude."
    )
    return None, "", (doubt,)


def _mask(
    archive: NpzArchive, shape: tuple[int, ...]
) -> tuple[NDArray[np.bool_] | None, tuple[str, ...]]:
    """Return which pixels are good, and doubts about it."""
    if BAD not in archive.names:
        return None, ()
    header = archive.header(BAD)
    if header.shape != shape or header.dtype.kind not in "biu":
        return None, (
            f"{archive.path}: {BAD!r} has shape {header.shape}, dtype {header.dtype}, and was not "
            f"read. Expected {shape}, True where a pixel is bad. Save the file again, or without "
            "it.",
        )
    good: NDArray[np.bool_] = archive.load(BAD) == 0
    return good, ()


def _layout(archive: NpzArchive, count: int) -> tuple[str, str] | None:
    """Key and axis order of the patterns, from their header alone."""
    key = next((name for name in PATTERNS if name in archive.names), None)
    if key is None:
        return None
    expected = "real patterns of shape (M, N, N), (M, N, N, 1) or (N, N, M)"
    shape = check_array(archive, key, (3, 4), "iuf", expected)
    if len(shape) == 4 and shape[3] == 1 and shape[1] == shape[2]:
        first, order = shape[0], FIRST_OF_FOUR
    # A cube of patterns has two readings of the same shape: the documented order is taken.
    elif len(shape) == 3 and shape[1] == shape[2] and (shape[0] == count or shape[0] != shape[1]):
        first, order = shape[0], FIRST
    elif len(shape) == 3 and shape[0] == shape[1]:
        first, order = shape[2], LAST
    else:
        raise InputFileError(
            f"{archive.path}: {key!r} has shape {shape}. Expected {expected}, square. Crop or "
            "transpose the patterns and save the file again."
        )
    check_length(archive, key, first, count)
    return key, order
