"""From what a caller names to an open source: a scan in memory, a scan file, an output of ours."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...engine import Engine
from ...errors import InputFileError, RequestError
from ...geometry.cut import Cut, Fill, Interpolation, Rounding
from ...io.objects.urls import Location, ObjectUrl
from ...io.outputs import is_output
from ...io.patterns import Quantity
from ...io.scan import Scan
from ...io.scan_files import ScanSource, read_scan
from .contents import Contents, ScanContents, StoreContents
from .dataset_sources import Named
from .source_files import Stamp, stamp_of
from .stored import holds_patches


@dataclass(frozen=True, eq=False)
class Opening:
    """How sources are opened. It travels to other processes: a file as its path.

    Attributes
    ----------
    sources : tuple of Scan, ScanSource, Path or ObjectUrl
        The sources, as `as_sources` reads them: the folder that a process is in may change.
    engine : Engine
        Cuts patches.
    patch_size : int or None
        Size N of the patches; that of the probe or of the patterns by default.
    interpolation, fill, rounding : str
        As for :class:`ptycho_engine.geometry.cut.Cut`.
    quantity : {"amplitude", "intensity"} or None
        What patterns are to be.
    stamps : tuple of Stamp
        Of the files of each source, as they were when this was made.
    """

    sources: tuple[Named, ...]
    engine: Engine
    patch_size: int | None = None
    interpolation: Interpolation = "bilinear"
    fill: Fill = "zeros"
    rounding: Rounding = "exact"
    quantity: Quantity | None = None
    stamps: tuple[Stamp, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "stamps", tuple(map(stamp_of, self.sources)))

    def settings(self) -> dict[str, Any]:
        """Return what an open source depends on, beside the source, as JSON."""
        names = "patch_size", "interpolation", "fill", "rounding", "quantity"
        return {name: getattr(self, name) for name in names}

    def open(self, number: int) -> Contents:
        """Open a source.

        Raises
        ------
        InputFileError, MemoryBudgetError
            If it cannot be read, or its files have changed.
        RequestError
            If nothing says how large patches are, or those of an output are of another size.
        """
        source = self.sources[number]
        now = stamp_of(source)
        if now and now != self.stamps[number]:  # what is gone is missed by whoever reads it
            name = source.path if isinstance(source, ScanSource) else source
            raise InputFileError(
                f"{name}: is another than when the dataset was made: its files differ in size or "
                "in their time of change. Expected the same. Make the dataset again."
            )
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
