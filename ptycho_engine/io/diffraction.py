"""Diffraction patterns that ptychodus keeps in a file of their own, matched by their numbers.

``patterns`` (M, H, W), intensity; ``indexes`` (M,), the number of each; ``bad_pixels`` (H, W), True
where a pixel is bad; the size of a detector pixel as attributes or keys. HDF5 or npz.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputFileError
from .hdf5_file import Hdf5File
from .keyed_arrays import open_arrays
from .npz_archive import NpzArchive
from .npz_patterns import FIRST, npz_patterns
from .objects.mirror import bring
from .patterns import Patterns
from .products import WEIGHTS
from .regular_file import is_zip
from .scan import Scan

PATTERNS, INDEXES, BAD = "patterns", "indexes", "bad_pixels"
#: Metadata of a product that have an entry for each position; others may have as many by chance.
PER_POSITION = ("scan_index", WEIGHTS, "probe_photon_counts")


def with_diffraction(scan: Scan, path: Path) -> Scan:
    """Return a scan with the patterns of another file, at the positions that have one.

    Parameters
    ----------
    scan : Scan
        With ``scan_index`` in its metadata: the number of each position's pattern; in a row if
        there is none.
    path : Path
        The file of the patterns.

    Returns
    -------
    Scan
        Positions without a pattern are left out, with a warning.

    Raises
    ------
    InputFileError
        If the file is missing, damaged or holds no patterns, or none of the positions has one.
    """
    assert scan.positions is not None
    patterns = _patterns(path)
    with open_arrays(path) as arrays:
        numbers = np.arange(patterns.shape[0])
        if INDEXES in arrays.names:
            numbers = arrays.array(INDEXES, (1,), "iu", "the number of each pattern, (M,)")
        mask = None
        if BAD in arrays.names:
            mask = arrays.array(BAD, (2,), "biu", "bad pixels of shape (H, W)") == 0
        height = arrays.positive("detector_pixel_height_m", "patterns_detector_pixel_height_m")
        width = arrays.positive("detector_pixel_width_m", "patterns_detector_pixel_width_m")
    if len(numbers) != patterns.shape[0]:
        raise InputFileError(
            f"{path}: {INDEXES!r} holds {len(numbers)} entries for {patterns.shape[0]} patterns. "
            "Expected one for each. Write the file again."
        )
    wanted = scan.metadata.get("scan_index", np.arange(len(scan.positions)))
    _, kept, rows = np.intersect1d(wanted, numbers, return_indices=True)
    if not len(kept):
        raise InputFileError(
            f"{path}: none of its {len(numbers)} patterns has the number of one of the "
            f"{len(wanted)} positions of {scan.source}. Expected the patterns of this scan. Name "
            "its file."
        )
    order = np.argsort(kept)  # as the positions stand
    kept, rows = kept[order], rows[order]
    doubts = scan.warnings
    if len(kept) < len(wanted):
        doubts += (
            f"{scan.source}: {len(wanted) - len(kept)} of {len(wanted)} positions have no pattern "
            f"in {path} and are left out. Expected one for each. Check that it is of this scan.",
        )
    pixel = scan.detector_pixel_size if height is None or width is None else (height, width)
    return replace(
        scan,
        positions=scan.positions[kept],
        patterns=patterns.picked(rows),
        mask=mask,
        detector_pixel_size=pixel,
        metadata={k: _of(k, v, kept, len(wanted)) for k, v in scan.metadata.items()},
        warnings=doubts,
        assumptions=scan.assumptions | {"patterns": str(path)},
    )


def _patterns(path: Path) -> Patterns:
    """Describe the patterns of a file, of either kind."""
    bring([path])  # what stands beside a scan in an object store
    if not is_zip(path):
        with Hdf5File(path) as file:
            return file.patterns(PATTERNS, "intensity")
    with NpzArchive(path) as archive:
        header = archive.header(PATTERNS) if PATTERNS in archive.names else None
        if header is None or len(header.shape) != 3 or header.dtype.kind not in "iuf":
            raise InputFileError(
                f"{path}: holds no {PATTERNS!r} of shape (M, H, W). Found: "
                f"{', '.join(archive.names)}. Expected diffraction patterns. Name their file."
            )
        return npz_patterns(archive, PATTERNS, FIRST, "intensity")


def _of(key: str, value: Any, kept: NDArray[np.intp], count: int) -> Any:
    """Return the entries of metadata that belong to some positions, if it has one for each."""
    whole = isinstance(value, np.ndarray) and value.ndim and len(value) == count
    return value[kept] if key in PER_POSITION and whole else value
