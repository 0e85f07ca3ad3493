"""From what a caller names to an open source: a scan in memory, a scan file, an output of ours."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...engine import Engine
from ...errors import RequestError
from ...geometry.cut import Cut, Fill, Interpolation, Rounding
from ...io.objects.urls import Location, ObjectUrl, location
from ...io.outputs import is_output, read_output
from ...io.patterns import Quantity
from ...io.scan import Scan
from ...io.scan_files import ScanSource, read_scan
from .contents import Contents, ScanContents, StoreContents

Source = Scan | ScanSource | str | os.PathLike[str] | ObjectUrl


@dataclass(frozen=True, eq=False)
class Opening:
    """How sources are opened. It travels to other processes: a file as its path.

    Attributes
    ----------
    sources : tuple of Scan, ScanSource, Path or ObjectUrl
        The sources.
    engine : Engine
        Cuts patches.
    patch_size : int or None
        Size N of the patches; that of the probe or of the patterns by default.
    interpolation, fill, rounding : str
        As for :class:`ptycho_engine.geometry.cut.Cut`.
    quantity : {"amplitude", "intensity"} or None
        What patterns are to be.
    """

    sources: tuple[Scan | ScanSource | Location, ...]
    engine: Engine
    patch_size: int | None = None
    interpolation: Interpolation = "bilinear"
    fill: Fill = "zeros"
    rounding: Rounding = "exact"
    quantity: Quantity | None = None

    def settings(self) -> dict[str, Any]:
        """Return what an open source depends on, beside the source, as JSON."""
        names = "patch_size", "interpolation", "fill", "rounding", "quantity"
        return {name: getattr(self, name) for name in names}

    def open(self, number: int) -> Contents:
        """Open a source.

        Raises
        ------
        InputFileError, MemoryBudgetError
            If it cannot be read.
        RequestError
            If nothing says how large patches are, or those of an output are of another size.
        """
        source = self.sources[number]
        if isinstance(source, Path | ObjectUrl):
            if is_output(source) and holds_patches(source):
                return self._stored(source)
            source = ScanSource("file", source)
        if isinstance(source, ScanSource):
            source = read_scan(source.format, source.path, source.options, log=False)
        scan = source.in_pixels()
        cut = Cut(self._size(scan), self.interpolation, self.fill, self.rounding)
        return ScanContents(scan, cut, self.engine, self.quantity)

    def _stored(self, path: Location) -> Contents:
        contents = StoreContents(path, self.quantity)
        if self.patch_size not in (None, contents.cut.patch_size):
            raise RequestError(
                f"patch_size: received {self.patch_size}, and {path} holds patches of "
                f"{contents.cut.patch_size}. Expected that size. Leave it out, or name the scan."
            )
        return contents

    def _size(self, scan: Scan) -> int:
        """Return the size of patches of a scan."""
        if self.patch_size is not None:
            return self.patch_size
        for array in (scan.probe, scan.patterns):
            if array is not None:
                return int(array.shape[-1])
        raise RequestError(
            f"patch_size: received none, and {scan.source} has neither probe nor patterns that "
            "would tell. Expected the size N of the patches. Name it."
        )


def holds_patches(path: Location) -> bool:
    """Whether an output of ours holds patches; scans that we write are read as scans."""
    with read_output(path) as output:
        return {"patches", "positions"} <= output.arrays.keys()


def as_sources(scans: Any) -> tuple[Scan | ScanSource | Location, ...]:
    """Read one source, or a sequence of them.

    Raises
    ------
    RequestError
        If something is no source.
    """
    alone = isinstance(scans, Scan | ScanSource | str | os.PathLike | ObjectUrl)
    if not alone and not isinstance(scans, Sequence):
        raise RequestError(
            f"scans: received a {type(scans).__name__}. Expected a Scan, a path, a ScanSource, or "
            "a list of them."
        )
    found: list[Scan | ScanSource | Location] = []
    for one in (scans,) if alone else scans:
        if isinstance(one, str | os.PathLike | ObjectUrl):
            found.append(location(one))
        elif isinstance(one, Scan | ScanSource):
            found.append(one)
        else:
            raise RequestError(
                f"scans: received a {type(one).__name__} among them. Expected Scans, paths or "
                "ScanSources."
            )
    return tuple(found)
