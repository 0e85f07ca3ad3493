"""What a dataset remembers of its sources once they are closed, and the columns that follow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...errors import InputFileError, RequestError, one_of, text_for_list
from ...io.patterns import BLOCK_BYTES, Quantity
from ...logs import get_logger
from ..pattern_power import pattern_powers
from .augmentation import Augmentation
from .columns import FIELDS, OF_PATCHES, Column
from .contents import Contents, StoreContents


@dataclass(frozen=True)
class Entry:
    """One source of a dataset.

    Attributes
    ----------
    source : str
        Where it came from.
    rows : int
        Points, or rows of an output.
    members : int or None
        Of the groups that its rows are.
    patch, pattern, probe : Column or None
        What it has; the probe with its modes first.
    quantity : {"amplitude", "intensity"} or None
        What its patterns are.
    object_size : (int, int) or None
        Height and width of its object.
    held_bytes : int
        Bytes that it takes while it is open.
    power : float or None
        Mean sum of the intensity of its patterns, if anything needs it.
    scale : float
        What its amplitudes are multiplied by, its intensities by the square.
    beside_rows : int
        Bytes that reading any of its rows takes beside them.
    is_stored : bool
        Whether its patches are read, and not cut.
    """

    source: str
    rows: int
    members: int | None
    patch: Column | None
    pattern: Column | None
    probe: Column | None
    quantity: Quantity | None
    object_size: tuple[int, int] | None
    held_bytes: int
    power: float | None = None
    scale: float = 1.0
    beside_rows: int = 0
    is_stored: bool = False

    @classmethod
    def of(cls, contents: Contents, normalise: bool, augmentation: Augmentation | None) -> Entry:
        """Describe an open source, and read its patterns through if their mean is needed.

        Raises
        ------
        InputFileError
            If its patterns are dark, and counts are to be drawn about them.
        RequestError
            If it does not say whether its patterns are amplitude or intensity, and that matters.
        """
        for text in contents.warnings:
            get_logger().warning("doubtful_scan", reason=text)
        for text in contents.doubts:
            get_logger().warning("doubtful_positions", source=contents.source, reason=text)
        noise = augmentation is not None and augmentation.noise
        power, scale = None, 1.0
        if contents.pattern is not None and (normalise or noise):
            if contents.quantity is None:
                raise RequestError(
                    f"{contents.source}: does not say whether its patterns are amplitude or "
                    "intensity, and scaling and noise differ. Set the option quantity of the "
                    "reader."
                )
            if normalise or (augmentation is not None and augmentation.photons is not None):
                power = mean_power(contents)
            if power == 0 and contents.rows and augmentation and augmentation.photons is not None:
                raise InputFileError(
                    f"{contents.source}: no good pixel of its patterns is above zero, and "
                    f"augmentation.photons asks for {augmentation.photons:g} counts in each. "
                    "Expected some intensity. Leave the scan out, or photons."
                )
            if normalise and power:  # dark patterns stay as they are
                scale = contents.cut.patch_size / 2 / power**0.5
        return cls(
            contents.source,
            contents.rows,
            contents.members,
            contents.patch,
            contents.pattern,
            contents.probe_column,
            contents.quantity,
            contents.object_size,
            contents.held_bytes,
            power,
            scale,
            contents.beside_rows,
            isinstance(contents, StoreContents),
        )

    def check(self, contents: Contents) -> None:
        """Refuse an open source that is another than the one that was described.

        Raises
        ------
        InputFileError
            If sizes or dtypes differ.
        """
        is_as_it_was = (
            contents.rows == self.rows
            and contents.members == self.members
            and contents.patch == self.patch
            and contents.pattern == self.pattern
            and contents.probe_column == self.probe
            and contents.quantity == self.quantity
            and contents.object_size == self.object_size
        )
        if not is_as_it_was:
            raise InputFileError(
                f"{self.source}: is another than when the dataset was made, or its index. Expected "
                "the same. Make the dataset again, if need be without its index."
            )

    def lacks(self, field: str) -> bool:
        """Whether it cannot fill a field."""
        held = {"object": self.patch, "patterns": self.pattern, "probe": self.probe}
        return held.get(FIELDS[field], self) is None


def choose_fields(entries: Sequence[Entry], fields: Sequence[str] | None) -> tuple[str, ...]:
    """Return the fields that were named; by default patterns and patches, if all have them.

    Raises
    ------
    RequestError
        If a field is unknown or named twice, or there is none.
    InputFileError
        If a source lacks what a field is made of.
    """
    if fields is None:
        wanted = ("patterns", "patches", "positions")
        return tuple(f for f in wanted if not any(entry.lacks(f) for entry in entries))
    if isinstance(fields, str):
        raise RequestError(text_for_list("fields", fields))
    if not fields:
        raise RequestError(f"fields: received {fields!r}. Expected some of {', '.join(FIELDS)}.")
    for number, field in enumerate(fields):
        if field not in FIELDS:
            raise RequestError(one_of("field", field, FIELDS))
        if field in fields[:number]:
            raise RequestError(f"fields: {field!r} is named twice. Expected each once.")
        for entry in entries:
            if entry.lacks(field):
                raise InputFileError(
                    f"{entry.source}: has no {FIELDS[field]}, and the field {field!r} is made of "
                    "it. Leave the field out, or choose a file with it."
                )
    return tuple(fields)


def make_columns(
    entries: Sequence[Entry], fields: Sequence[str], members: int | None, as_real: bool
) -> dict[str, Column]:
    """Say what an item holds.

    Parameters
    ----------
    entries : sequence of Entry
        The sources.
    fields : sequence of str
        What is wanted of them; they have it.
    members : int or None
        Members of a group.
    as_real : bool
        Whether patterns are scaled or drawn, and so no longer whole numbers.

    Returns
    -------
    dict of str to Column
        By field: of the widest dtype, and with as many modes of the probe as any has.

    Raises
    ------
    InputFileError
        If sources do not fit each other.
    """
    columns = {}
    for field in fields:
        if field in OF_PATCHES:
            column = _common(entries, "patch")
            if field != "patches":
                column = Column(column.shape, np.empty(0, column.dtype).real.dtype)
        elif field == "patterns":
            column = _common(entries, "pattern")
            _check_same_quantity(entries)
            if as_real:
                column = Column(column.shape, np.result_type(column.dtype, np.float32))
        elif field == "probe":
            columns[field] = _common(entries, "probe")
            continue
        else:
            columns[field] = _number(field, members)
            continue
        columns[field] = column.with_members(members)
    return columns


def _number(field: str, members: int | None) -> Column:
    """Return the column of a field that needs no file but the positions."""
    inner = () if members is None else (members,)
    if field == "positions":
        return Column((*inner, 2), np.dtype(np.float64))
    if field == "scale":
        return Column((), np.dtype(np.float32))
    return Column(inner if field == "index" else (), np.dtype(np.int64))


def _common(entries: Sequence[Entry], name: str) -> Column:
    """Return what the column of a name is in all sources; probes may differ in modes."""
    columns: list[Column] = [getattr(entry, name) for entry in entries]
    if not columns:
        return Column((0, 0), np.dtype(np.float32))
    skip = 1 if name == "probe" else 0
    for entry, column in zip(entries, columns, strict=True):
        if column.shape[skip:] != columns[0].shape[skip:]:
            raise InputFileError(
                f"{entry.source}: its {name} has shape {column.shape}. Expected "
                f"{columns[0].shape} as in {entries[0].source}. Make datasets of their own."
            )
    modes = (max(column.shape[0] for column in columns),) if skip else ()
    dtype = np.result_type(*(column.dtype for column in columns))
    return Column((*modes, *columns[0].shape[skip:]), dtype)


def _check_same_quantity(entries: Sequence[Entry]) -> None:
    """Refuse patterns of which some are amplitudes and others intensities."""
    for entry in entries:
        if entry.quantity != entries[0].quantity:
            raise InputFileError(
                f"{entry.source}: its patterns are {entry.quantity or 'of an unknown quantity'}. "
                f"Expected {entries[0].quantity or 'an unknown quantity'} as in "
                f"{entries[0].source}. Say what all are to be: quantity='amplitude'."
            )


def mean_power(contents: Contents) -> float:
    """Return the mean, over all patterns of a source, of the sum of a pattern's intensity.

    They are read block by block. Of no patterns it is 0; pixels that are bad, or below zero,
    do not count.
    """
    assert contents.pattern is not None
    total, count = 0.0, 0
    step = max(1, BLOCK_BYTES // max(1, contents.pattern.nbytes * (contents.members or 1)))
    for start in range(0, contents.rows, step):
        rows = np.arange(start, min(start + step, contents.rows), dtype=np.int64)
        block = contents.patterns(rows)
        powers = pattern_powers(
            block, contents.quantity, contents.mask, contents.source, start, dark_below_zero=True
        )
        total += float(powers.sum())
        count += len(rows) * (contents.members or 1)
    return total / count if count else 0.0
