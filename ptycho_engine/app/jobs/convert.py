"""A scan written in another format; what that one has no place for is said.

Examples
--------
>>> import tempfile
>>> from ptycho_engine.io.scan_files import ScanSource
>>> source = ScanSource("synthetic", options={"points": 5, "object_size": 64})
>>> with tempfile.TemporaryDirectory() as folder:
...     run(ConversionJob(source, Path(folder, "scan.npz"))).dropped
()
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import PtychoEngineError
from ...io.scan import Scan
from ...io.scan_files import ScanSource, check_source, find_writer, read_scan, write_scan
from ...logs import get_logger
from .findings import contents

#: Given a noun and a total, makes a context that yields what is told of how many are done.
Counting = Callable[[str, int], AbstractContextManager[Callable[[int], None]]]
#: What is compared of an array, besides whether there is one.
COMPARED = ("shape", "count", "dtype", "quantity", "units", "layer_axis")
#: Relative to the number, or to the extent of the positions: less is rounding.
CLOSE = 1e-6


@contextmanager
def uncounted(noun: str, total: int) -> Iterator[Callable[[int], None]]:
    """Count nothing."""
    yield lambda done: None


@dataclass(frozen=True)
class ConversionJob:
    """What to read and where to write it.

    Attributes
    ----------
    scan : ScanSource
        What to read.
    output : Path
        The file, where nothing stands.
    format : str, optional
        Its format by name; by default that of its suffix.
    memory_budget : int or str, optional
        Bytes, or a text such as ``"2GiB"``, that reading may take.
    """

    scan: ScanSource
    output: Path
    format: str | None = None
    memory_budget: int | str | None = None


@dataclass(frozen=True)
class Conversion:
    """What came of it.

    Attributes
    ----------
    output : Path
        The file.
    dropped : tuple of str
        What the scan has and the file has no place for, by name.
    changed : tuple of str
        What is another in the file, such as a dtype, in words.
    """

    output: Path
    dropped: tuple[str, ...]
    changed: tuple[str, ...]


def run(
    job: ConversionJob,
    *,
    counting: Counting = uncounted,
    waiting: Callable[[str], AbstractContextManager[Any]] = nullcontext,
) -> Conversion:
    """Convert. Patterns go through memory block by block.

    Parameters
    ----------
    job : ConversionJob
        What.
    counting, waiting : callable, optional
        Show how far it is.

    Raises
    ------
    PtychoEngineError
        Of the class that says what is wrong; nothing is left behind then.
    """
    writer = find_writer(job.output, job.format)
    check_source(job.scan, memory_budget=job.memory_budget)
    started = time.perf_counter()
    with waiting(f"reading {job.scan.path or job.scan.format}"):
        scan = read_scan(
            job.scan.format, job.scan.path, job.scan.options, memory_budget=job.memory_budget
        )
    before = contents(scan)
    total = 0 if scan.patterns is None else scan.patterns.shape[0]
    with counting("patterns", total) as done:
        write_scan(job.output, watched(scan, done), writer.source.name)
    del scan  # before what was written is read
    result = Conversion(job.output, *lost(job.output, writer.source.name, before))
    for name in result.dropped:
        get_logger().warning("dropped", reason=f"{name}: the format has no place for it")
    for words in result.changed:
        get_logger().warning("changed", reason=words)
    seconds = round(time.perf_counter() - started, 3)
    get_logger().info("done", output=str(job.output), picture=None, seconds=seconds)
    return result


def watched(scan: Scan, done: Callable[[int], None]) -> Scan:
    """Return a scan whose patterns tell how many have been read."""
    if scan.patterns is None:
        return scan
    count = 0

    def tell(more: int) -> None:
        nonlocal count
        count += more
        done(count)

    return replace(scan, patterns=scan.patterns.watched(tell))


def lost(path: Path, name: str, before: Mapping[str, Any]) -> tuple[tuple[str, ...], ...]:
    """Read back what was written, and compare: whatever the writer promises, this is so."""
    try:
        after = contents(read_scan(name, path, log=False))
    except PtychoEngineError as error:
        get_logger().warning("not_compared", reason=f"{path}: cannot be read back: {error}")
        return (), ()
    metadata = set(before["metadata"]) - set(after["metadata"]) - {"patterns"}
    dropped = [
        name.replace("_", " ")
        for name, value in before.items()
        if name not in ("metadata", "wavelength_m") and value is not None and after[name] is None
    ]
    changed = [
        f"{name.replace('_', ' ')}: {words}"
        for name, value in before.items()
        if name != "metadata" and value is not None and after[name] is not None
        for words in differences(value, after[name])
    ]
    return (*dropped, *sorted(metadata)), tuple(changed)


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
