"""Values of HDF5 datasets that nobody wrote, which the library reads as if somebody had."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputFileError, one_line

Counts = NDArray[np.int64]

#: How a selection without an end counts its blocks.
UNLIMITED = 2**64 - 1
#: Columns of the widest table of coordinates; an array (rows, more columns) is a picture.
WIDEST_TABLE = 3
#: Blocks of entries beyond which nobody counts what a virtual dataset maps: a file claims any
#: number of them in a few bytes.
MOST_BLOCKS = 2 * 10**5
SAY_AGAIN = "Copy or write the file again, or copy what there is to a dataset of that length."


class UnwrittenError(InputFileError):
    """A dataset was declared, and not all of its values were written."""


class Checked:
    """Datasets that were found to be written, for as long as none of their files changes.

    It belongs to a loader, which opens its file for each range. Other processes look anew.
    """

    def __init__(self) -> None:
        self._states: dict[tuple[bytes, str], list[tuple[int, int, int, int]]] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        return Checked, ()

    def once(self, datasets: Sequence[Any], check: Callable[[], None]) -> None:
        """Check a dataset that is made of others, unless it passed and their files are the same.

        Parameters
        ----------
        datasets : sequence of h5py.Dataset
            The dataset, and those that it is made of.
        check : callable
            Raises what is wrong with it.
        """
        import h5py

        files = [h5py.h5f.get_name(dataset.id) for dataset in datasets]
        facts = map(os.stat, files)
        states = [(f.st_dev, f.st_ino, f.st_size, f.st_mtime_ns) for f in facts]
        key = files[0], datasets[0].name
        if self._states.get(key) != states:
            check()
            self._states[key] = states


def check_written(path: Path, name: str, dataset: Any) -> None:
    """Refuse a dataset in one piece or in chunks that were not all written.

    The library reads the fill value there, which no detector counted: a scan that was stopped
    would end in patterns of zeros.

    Parameters
    ----------
    path : Path
        The file, for messages.
    name : str
        The dataset, for messages.
    dataset : h5py.Dataset
        The dataset, not virtual.

    Raises
    ------
    UnwrittenError
        With the first frame that is missing.
    """
    if not dataset.size:
        return
    if dataset.chunks is None:
        if not dataset.id.get_storage_size():
            raise _never(path, name, dataset)
        return
    needed = [math.ceil(n / c) for n, c in zip(dataset.shape, dataset.chunks, strict=True)]
    held = dataset.id.get_num_chunks()
    if not held:
        raise _never(path, name, dataset)
    if held < math.prod(needed):
        raise UnwrittenError(
            f"{path}: {name!r} has {held} of the {math.prod(needed)} chunks of its shape "
            f"{dataset.shape}{_first_lost(dataset, needed)}, as of a scan that was stopped. "
            f"Expected all. {SAY_AGAIN}"
        )


def check_virtual(
    path: Path, name: str, dataset: Any, sources: Sequence[Any], parts: Mapping[Any, Any]
) -> None:
    """Refuse a virtual dataset that `check_mapped` or `check_reach` refuses.

    Parameters
    ----------
    path, name, dataset, sources
        As for `check_mapped`.
    parts : mapping of (str, str) to h5py.Dataset
        What the sources name, by file and dataset.

    Raises
    ------
    UnwrittenError
        As they do.
    """
    check_mapped(path, name, dataset, sources)
    for source in sources:
        check_reach(path, name, source, parts[source.file_name, source.dset_name])


def check_mapped(path: Path, name: str, dataset: Any, sources: Sequence[Any]) -> None:
    """Refuse a virtual dataset with entries that have fewer values in other datasets than others.

    Gaps between the modules of a detector are left alone: those that all frames have, and those of
    a single picture (H, W), whose entries are rows of pixels. Memory follows the number of blocks
    that are mapped, never the shape.

    Parameters
    ----------
    path, name
        As for `check_written`.
    dataset : h5py.Dataset
        The virtual dataset.
    sources : sequence of h5py.VDSmap
        Its parts.

    Raises
    ------
    UnwrittenError
        With the first entry that is missing.
    """
    if not dataset.size:
        return
    if not any(_is_endless(s.vspace) or s.vspace.get_select_npoints() for s in sources):
        raise _never(path, name, dataset)
    if dataset.ndim == 2 and dataset.shape[1] > WIDEST_TABLE:
        return
    blocks = _blocks([source.vspace for source in sources], dataset)
    if blocks is None:
        return
    starts, stops, values = blocks
    edges = np.minimum(np.concatenate([[0, len(dataset)], starts, stops]), len(dataset))
    order = np.argsort(edges, kind="stable")
    edges, steps = edges[order], np.concatenate([[0, 0], values, -values])[order]
    counts, lengths = np.cumsum(steps)[:-1], np.diff(edges)  # of the entries between two edges
    counts, lengths, edges = (each[lengths > 0] for each in (counts, lengths, edges[:-1]))
    lost = counts < counts.max()
    if lost.any():
        raise UnwrittenError(
            f"{path}: the virtual dataset {name!r} of shape {dataset.shape} names no other for "
            f"{lengths[lost].sum()} of its {len(dataset)} entries, the first at index "
            f"{edges[lost][0]}. Expected values for all. {SAY_AGAIN}"
        )


def check_reach(path: Path, name: str, source: Any, held: Any) -> None:
    """Refuse a part of a virtual dataset that ends before what is taken of it.

    Parameters
    ----------
    path, name
        As for `check_written`; of the virtual dataset.
    source : h5py.VDSmap
        The part.
    held : h5py.Dataset
        The dataset that it names.

    Raises
    ------
    UnwrittenError
        With both lengths.
    """
    import h5py

    space = source.src_space
    if space.get_select_type() != h5py.h5s.SEL_HYPERSLABS or _is_endless(space):
        wanted = source.vspace.get_select_npoints() if not _is_endless(source.vspace) else 0
        short = space.get_select_type() == h5py.h5s.SEL_ALL and held.size < wanted
    else:
        ends = [end + 1 for end in space.get_select_bounds()[1]]
        short = len(ends) != held.ndim or any(n < e for n, e in zip(held.shape, ends, strict=True))
    if short:
        raise UnwrittenError(
            f"{path}: {name!r} takes more of {one_line(source.dset_name, 60)!r} in "
            f"{one_line(source.file_name, 80)!r} than that has, of shape {held.shape}. Expected "
            f"values for all. {SAY_AGAIN}"
        )


def _never(path: Path, name: str, dataset: Any) -> UnwrittenError:
    return UnwrittenError(
        f"{path}: {name!r} was declared with shape {dataset.shape} and never written. "
        "Expected values. Write the file again."
    )


def _first_lost(dataset: Any, needed: Sequence[int]) -> str:
    """Name the first index along the first axis that lacks a chunk, where the library tells it."""
    if not hasattr(dataset.id, "chunk_iter"):  # libraries before 1.14
        return ""
    each, step = math.prod(needed[1:]), dataset.chunks[0]
    # As many rows as there are chunks for may be whole; the shape is only a claim.
    counts = np.zeros(min(needed[0], dataset.id.get_num_chunks() // each + 1), np.int64)

    def count(chunk: Any) -> None:
        row = chunk.chunk_offset[0] // step
        if row < len(counts):  # what a dataset lost that was made smaller may still be there
            counts[row] += 1

    dataset.id.chunk_iter(count)
    lost = np.flatnonzero(counts < each)
    return f", the first that is missing at index {lost[0] * step}" if lost.size else ""


def _is_endless(space: Any) -> bool:
    """Whether a selection grows with the dataset that it is of."""
    import h5py

    if space.get_select_type() != h5py.h5s.SEL_HYPERSLABS or not space.is_regular_hyperslab():
        return False
    _, _, counts, blocks = space.get_regular_hyperslab()
    return UNLIMITED in (*counts, *blocks)


def _blocks(spaces: Sequence[Any], dataset: Any) -> tuple[Counts, Counts, Counts] | None:
    """Return where blocks of entries begin and end, with the values that each entry has in them.

    None where that cannot be told.
    """
    import h5py

    found: list[tuple[Counts, Counts, Counts]] = []
    left = MOST_BLOCKS
    for space in spaces:
        kind = space.get_select_type()
        if kind == h5py.h5s.SEL_NONE:
            continue
        if kind == h5py.h5s.SEL_ALL:
            whole = (0, len(dataset), dataset.size // len(dataset))
            found.append(tuple(np.array([n], np.int64) for n in whole))  # type: ignore[arg-type]
            continue
        if kind != h5py.h5s.SEL_HYPERSLABS or _is_endless(space):  # as long as its source
            return None
        if space.is_regular_hyperslab():
            start, stride, count, block = (int(side[0]) for side in space.get_regular_hyperslab())
            if stride == block:
                count, block = 1, count * block
            if (left := left - count) < 0:
                return None
            starts = start + stride * np.arange(count, dtype=np.int64)
            stops, inner = starts + block, space.get_select_npoints() // (count * block)
            found.append((starts, stops, np.full(count, inner)))
        else:
            if (left := left - space.get_select_hyper_nblocks()) < 0:
                return None
            corners = np.asarray(space.get_select_hyper_blocklist(), np.int64)
            sizes = corners[:, 1] - corners[:, 0] + 1
            stops = corners[:, 1, 0] + 1
            found.append((corners[:, 0, 0], stops, np.prod(sizes[:, 1:], axis=1)))
    starts, stops, values = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return starts, stops, values
