"""From what a caller names to an open source: a scan in memory, a scan file, an output of ours."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...engine import Engine
from ...errors import InputFileError, RequestError, one_of
from ...geometry.cut import Cut, Fill, Interpolation, Rounding
from ...io.objects.urls import Location, ObjectUrl
from ...io.outputs import is_output
from ...io.patterns import QUANTITIES, Quantity
from ...io.scan import Scan
from ...io.scan_files import ScanSource, read_scan
from .contents import Contents, ScanContents, StoreContents
from .dataset_sources import Named
from .source_files import Stamp, stamp_of
from .stored import holds_patches

#: How patches are cut, beside their size.
HOW = ("interpolation", "fill", "rounding")


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
    interpolation, fill, rounding : str or None
        As for :class:`ptycho_engine.geometry.cut.Cut`; its defaults, or those of an output.
    quantity : {"amplitude", "intensity"} or None
        What patterns are to be.
    stamps : tuple of Stamp
        Of the files of each source, as they were when this was made.
    """

    sources: tuple[Named, ...]
    engine: Engine
    patch_size: int | None = None
    interpolation: Interpolation | None = None
    fill: Fill | None = None
    rounding: Rounding | None = None
    quantity: Quantity | None = None
    stamps: tuple[Stamp, ...] = field(init=False)

    def __post_init__(self) -> None:
        self._cut(1 if self.patch_size is None else self.patch_size)
        if self.quantity is not None and self.quantity not in QUANTITIES:
            raise RequestError(one_of("quantity", self.quantity, QUANTITIES))
        object.__setattr__(self, "stamps", tuple(map(stamp_of, self.sources)))

    def settings(self) -> dict[str, Any]:
        """Return what an open source depends on, beside the source, as JSON."""
        return {name: getattr(self, name) for name in ("patch_size", *HOW, "quantity")}

    def open(self, number: int) -> Contents:
        """Open a source.

        Raises
        ------
        InputFileError, MemoryBudgetError
            If it cannot be read, or its files have changed.
        RequestError
            If nothing says how large patches are, or those of an output were cut otherwise.
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
        return ScanContents(scan, self._cut(self._size(scan)), self.engine, self.quantity)

    def _cut(self, size: int) -> Cut:
        """Say what is cut of a scan."""
        asked = {name: value for name in HOW if (value := getattr(self, name)) is not None}
        return Cut(size, **asked)

    def _stored(self, path: Location) -> Contents:
        contents = StoreContents(path, self.quantity)
        for name in ("patch_size", *HOW):
            asked, stored = getattr(self, name), getattr(contents.cut, name)
            if asked not in (None, stored):
                raise RequestError(
                    f"{name}: received {asked!r}, and {path} holds patches of {stored!r}. Expected "
                    "the same. Leave it out, or name the scan."
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
