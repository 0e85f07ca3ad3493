"""A scan written to a file, counted as its patterns go by, and compared with what stands there."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import PtychoEngineError
from ...io.catalogue import load_format
from ...io.objects.urls import Location
from ...io.patterns import Patterns
from ...io.scan import Scan
from ...io.scan_files import read_scan, write_scan
from ...logs import get_logger
from ...report.companion import REPORT, Companion
from .findings import contents
from .scan_report import ScanOrder, look_at, report_scan

#: Is told how many are done.
Counted = Callable[[int], None]
#: Given a noun and a total, makes a context that yields what is told of how many are done.
Counting = Callable[[str, int], AbstractContextManager[Counted]]
#: What is compared of an array, besides whether there is one.
COMPARED = ("shape", "count", "dtype", "quantity", "units", "layer_axis")
#: Relative to the number, or to the extent of the positions: less is rounding.
CLOSE = 1e-6


@contextmanager
def uncounted(noun: str, total: int) -> Iterator[Callable[[int], None]]:
    """Count nothing."""
    yield lambda done: None


@dataclass(frozen=True)
class WrittenScan:
    """What came of it.

    Attributes
    ----------
    output : Path or ObjectUrl
        The file.
    patterns : int
        Patterns in it.
    dropped : tuple of str
        What is known, and the format has no place for, by name.
    changed : tuple of str
        What is another in the file, such as a dtype, in words.
    report : Path, ObjectUrl or None
        The report, if there is one.
    """

    output: Location
    patterns: int
    dropped: tuple[str, ...]
    changed: tuple[str, ...]
    report: Location | None = None


def write_and_compare(
    path: Location,
    make: Callable[[], Scan],
    name: str,
    counting: Counting,
    order: ScanOrder,
    prepare: Callable[[Scan, Counted], Scan] | None = None,
) -> WrittenScan:
    """Write the scan that is made, in the format of a name, and compare what stands there.

    The scan is nobody else's, so that it is gone from memory before what was written is read. What
    prepares it for writing counts its patterns; by default they are counted as they are read.
    """
    beside = Companion(path, REPORT)
    REPORT.check(beside.path, None, order.inputs, wanted=order.report)
    started, scan = time.perf_counter(), make()
    made = time.perf_counter()
    before = contents(scan)
    count = 0 if scan.patterns is None else scan.patterns.shape[0]
    with beside:
        with counting("patterns", count) as done:
            write_scan(path, (prepare or watched)(scan, done), name)
        took = {"make": made - started, "write": time.perf_counter() - made}
        seen = beside.attempt(partial(look_at, scan)) if order.report else None
        del scan
        missing = lost(path, name, before)
        if seen is not None:
            beside.draw(lambda: report_scan(seen, order, path, took, *missing))
    result = WrittenScan(path, count, *missing, beside.standing)
    seconds = round(time.perf_counter() - started, 3)
    said = str(result.report) if result.report else None
    get_logger().info("done", output=str(path), picture=None, report=said, seconds=seconds)
    return result


@dataclass(frozen=True, eq=False)
class PatternMaker:
    """Reads, or computes, a few patterns, wherever it is sent.

    Attributes
    ----------
    name : str
        The array that they are written to.
    patterns : Patterns
        The patterns.
    """

    name: str
    patterns: Patterns

    def __call__(self, given: tuple[int, int]) -> dict[str, NDArray[Any]]:
        """Return the patterns of a range by the array's name."""
        return {self.name: self.patterns.read(*given)}


def watched(scan: Scan, done: Counted) -> Scan:
    """Return a scan whose patterns tell how many have been read."""
    if scan.patterns is None:
        return scan
    count = 0

    def tell(more: int) -> None:
        nonlocal count
        count += more
        done(count)

    return replace(scan, patterns=scan.patterns.watched(tell))


def lost(
    path: Location, name: str, before: Mapping[str, Any]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Read back what was written, compare, and log what is not there: dropped, and changed.

    Whatever the writer promises, this is so. Built-in writers say themselves which fields of a scan
    they have no place for; the rest is said here.
    """
    try:
        after = contents(read_scan(name, path, log=False))
    except PtychoEngineError as error:
        get_logger().warning("not_compared", reason=f"{path}: cannot be read back: {error}")
        return (), ()
    metadata = set(before["metadata"]) - set(after["metadata"]) - {"patterns"}
    dropped = [
        in_words(field)
        for field, value in before.items()
        if field not in ("metadata", "wavelength_m") and value is not None and after[field] is None
    ]
    changed = [
        f"{in_words(field)}: {words}"
        for field, value in before.items()
        if field != "metadata" and value is not None and after[field] is not None
        for words in differences(value, after[field])
    ]
    unsaid = ([] if load_format(name).source.built_in else dropped) + sorted(metadata)
    dropped += sorted(metadata)
    if unsaid:
        reason = f"{path.name} has no place for: {', '.join(unsaid)}"
        get_logger().warning("dropped", reason=reason)
    for words in changed:
        get_logger().warning("changed", reason=words)
    return tuple(dropped), tuple(changed)


def in_words(field: str) -> str:
    """Name what a field of a description says."""
    return field.removesuffix("_m").removesuffix("_eV").replace("_", " ")


def differences(before: Any, after: Any) -> Iterator[str]:
    """Say in words how two descriptions of one thing differ, but for rounding."""
    if not isinstance(before, dict):
        if not close(before, after):
            yield f"{before} became {after}"
        return
    for key in COMPARED:
        if key in before and before[key] != after[key]:
            yield f"{key} {before[key]} became {after[key]}"
    if before.get("units") == after.get("units") and "extent" in before and "extent" in after:
        scale = max(before["extent"])
        for key in ("lowest", "highest"):
            if not close(before[key], after[key], scale):
                yield f"{key} {before[key]} became {after[key]}"


def close(one: Any, other: Any, scale: float = 0.0) -> bool:
    """Whether numbers, or lists of them, differ by rounding alone."""
    pair = np.array(one, float), np.array(other, float)  # None becomes NaN
    return bool(np.allclose(*pair, rtol=CLOSE, atol=CLOSE * scale, equal_nan=True))
