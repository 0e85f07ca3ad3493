"""HDF5 files of other programs, read with care.

Links, and sources of virtual datasets, are followed by us, never by the library: other files are
taken only from the folder of the file itself, or below. Shapes are known before anything is read.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputFileError, one_line
from ..memory import check_reading
from .hdf5_filters import check_filters
from .hdf5_heaps import check_heaps
from .hdf5_links import DeadLinkError, place_of
from .hdf5_ranges import fill_from, mapped_values
from .hdf5_values import has_texts, is_dataset, is_small, plain
from .hdf5_written import Checked, check_virtual, check_written
from .mapped_stack import MappedStack
from .npy_header import Header
from .patterns import Patterns, Quantity, Ranges
from .reading import check_file, looks_like, reading

Array = NDArray[Any]

KIND = "HDF5 file"
#: Links and files that are followed one after the other; names that a message lists, of so many.
DEEPEST, LISTED, LOOKED_AT = 20, 40, 1000
#: How programs store complex numbers, besides h5py, which the library knows: MATLAB's names.
PARTS = ("real", "imag")


class Hdf5File:
    """An open HDF5 file; use it in a ``with`` statement.

    Names are paths within the file, such as ``entry_1/data_1/data``.

    Parameters
    ----------
    path : Path
        The file.

    Raises
    ------
    InputFileError
        If it is missing, cannot be read or is no HDF5 file.
    """

    def __init__(self, path: Path, *, _depth: int = 0, _seen: Checked | None = None) -> None:
        self.path, self._depth, self._seen = path, _depth, _seen or Checked()
        self._others: dict[Path, Hdf5File] = {}
        self._checked: set[Path] = set()
        with reading(path, "the file", KIND):
            check_file(path, KIND)
            import h5py  # slow to import, and not needed for other formats

            if not h5py.is_hdf5(path):
                raise InputFileError(
                    f"{path}: is not an HDF5 file: it looks like "
                    f"{looks_like(path) or 'an empty file'}. Expected HDF5. Choose the reader of "
                    "its format, or copy it again."
                )
            self._file = h5py.File(path, "r", locking="best-effort")

    def __enter__(self) -> Hdf5File:
        return self

    def __exit__(self, *_: object) -> None:
        for other in self._others.values():
            other.__exit__()
        self._file.close()

    def names(self, group: str = "/") -> tuple[str, ...]:
        """Return the names in a group, sorted; none if there is no such group.

        Raises
        ------
        InputFileError
            If the file is damaged, or a link leads where it may not.
        """
        with reading(self.path, repr(group), KIND):
            found = self._find(group)
            return tuple(sorted(found)) if hasattr(found, "keys") else ()

    def __contains__(self, name: str) -> bool:
        """Whether a name leads to a dataset or a group; a dead link does not."""
        with reading(self.path, repr(name), KIND):
            try:
                return self._find(name) is not None
            except DeadLinkError:
                return False

    def is_dataset(self, name: str) -> bool:
        """Whether a name leads to a dataset."""
        with reading(self.path, repr(name), KIND):
            return is_dataset(self._find(name))

    def header(self, name: str) -> Header:
        """Shape and dtype of a dataset, of which nothing is read.

        Complex numbers that are stored as a pair of fields count as complex.

        Raises
        ------
        InputFileError
            If there is no such dataset, if it does not hold numbers, or if it lies elsewhere.
        """
        with reading(self.path, repr(name), KIND):
            return self._header(name, self._dataset(name))

    def load(self, name: str) -> Array:
        """Read a dataset as a whole, in native byte order; the caller knows its size.

        Raises
        ------
        InputFileError
            As `header`; also if its values are damaged, or compressed in a way that is not
            installed.
        MemoryBudgetError
            If it takes more than half of the memory that is free.
        """
        with reading(self.path, repr(name), KIND):
            dataset = self._dataset(name)
            header = self._header(name, dataset)
            check_reading(f"{self.path}: reading {name!r}", header.nbytes)
            self._check_values(name, dataset)
            if dataset.dtype.names is not None:
                held = dataset[...]
                real, imaginary = (held[part] for part in dataset.dtype.names)
                joined: Array = (real + 1j * imaginary).astype(header.dtype, copy=False)
                return joined
            values = np.empty(header.shape, header.dtype)
            if values.size:
                dataset.read_direct(values)
            return values

    def patterns(self, name: str, quantity: Quantity | None = None) -> Patterns:
        """Describe patterns (P, H, W), or with the points on several axes, (..., H, W).

        Parameters
        ----------
        name : str
            The dataset.
        quantity : {"amplitude", "intensity"}, optional
            What a sample is.

        Raises
        ------
        InputFileError
            As `header`; also if it has another rank, or is not real.
        """
        header = self.header(name)
        if len(header.shape) < 3 or header.dtype.kind not in "iuf":
            raise InputFileError(
                f"{self.path}: {name!r} has shape {header.shape}, dtype {header.dtype}. Expected "
                "real patterns of shape (P, H, W). Choose the reader of this layout."
            )
        *leading, height, width = header.shape
        load = Hdf5Stack(self.path, name, header)
        shape = (math.prod(leading), height, width)
        return Patterns(shape, header.dtype, load, quantity, str(self.path))

    def attribute(self, name: str, key: str) -> Any:
        """Return an attribute of a group or dataset: a number, a text or a small array of them.

        Parameters
        ----------
        name : str
            Of the group or dataset; ``"/"`` is the root.
        key : str
            Of the attribute.

        Returns
        -------
        bool, int, float, complex, str, ndarray or None
            None if there is none, or it is larger than any that is needed.

        Raises
        ------
        InputFileError
            If the file is damaged.
        """
        with reading(self.path, f"the attribute {key!r} of {name!r}", KIND):
            found = self._find(name)
            if found is None or key not in found.attrs:
                return None
            if not is_small(held := found.attrs.get_id(key)):
                return None
            if has_texts(held.dtype):
                self._check_heaps(found)
            return plain(found.attrs[key])

    def attributes(self, name: str = "/") -> dict[str, Any]:
        """Return all attributes of a group or dataset that `attribute` would return.

        Raises
        ------
        InputFileError
            If the file is damaged.
        """
        with reading(self.path, f"the attributes of {name!r}", KIND):
            found = self._find(name)
            keys = [] if found is None else list(found.attrs)
        said = {key: self.attribute(name, key) for key in keys}
        return {key: value for key, value in said.items() if value is not None}

    def _check_heaps(self, found: Any) -> None:
        """Look once, before the first text is read, whether texts can be read."""
        path = Path(found.file.filename)
        if path not in self._checked:
            check_heaps(path)
            self._checked.add(path)

    def text(self, name: str) -> str:
        """Read a dataset that holds one text, or one number as a text.

        Raises
        ------
        InputFileError
            If there is no such dataset, or it holds more.
        """
        with reading(self.path, repr(name), KIND):
            dataset = self._dataset(name)
            if dataset.size != 1 or not is_small(dataset.id):
                raise InputFileError(
                    f"{self.path}: {name!r} has shape {dataset.shape}. Expected a single text. "
                    "Check the file."
                )
            if has_texts(dataset.dtype):
                self._check_heaps(dataset)
            return str(plain(dataset[()]))

    def listing(self) -> str:
        """Name the datasets of the file with their shapes, for messages."""
        with reading(self.path, "its names", KIND):
            found = list(islice(filter(None, islice(self._walk("", 0), LOOKED_AT)), LISTED))
        return one_line(", ".join(found), 600) or "no datasets"

    def _walk(self, group: str, depth: int) -> Iterator[str]:
        """Say of each name what it leads to, and nothing of groups, which may hold each other."""
        for name in self.names(group or "/"):
            full = f"{group}/{name}".strip("/")
            try:
                held = self._find(full)
            except InputFileError:  # it would hide what the message is about
                yield f"{full} (a link that leads nowhere)"
                continue
            yield f"{full} {held.shape}" if is_dataset(held) else ""
            if hasattr(held, "keys") and depth < DEEPEST:
                yield from self._walk(full, depth + 1)

    def _dataset(self, name: str) -> Any:
        found = self._find(name)
        if is_dataset(found):
            return found
        raise InputFileError(
            f"{self.path}: {name!r} is missing. Found: {self.listing()}. Expected a dataset of "
            "this name. Choose the reader of this layout, or add it."
        )

    def _header(self, name: str, dataset: Any) -> Header:
        dtype = dataset.dtype
        if dtype.names is not None and tuple(map(str.lower, dtype.names)) == PARTS:
            dtype = np.result_type(dtype[0], np.complex64)
        if dtype.kind not in "biufc":
            raise InputFileError(
                f"{self.path}: {name!r} holds {one_line(dtype, 60)}. Expected numbers. Write it "
                "again as a numeric dataset."
            )
        return Header(dataset.shape or (), dtype.newbyteorder("="))

    def _check_values(self, name: str, dataset: Any, depth: int = 0) -> None:
        """Refuse values that lie elsewhere, were never written, or cannot be decompressed."""
        if depth > DEEPEST:  # the library would crash at a virtual dataset that holds itself
            raise self._circle(repr(name))
        if dataset.external:
            raise InputFileError(
                f"{self.path}: {name!r} keeps its values in another, raw file. Expected them in "
                "this file. Copy the dataset with h5repack."
            )
        if dataset.is_virtual:
            self._check_sources(name, dataset, depth)
            return
        self._seen.once([dataset], lambda: check_written(self.path, name, dataset))
        check_filters(self.path, name, dataset)

    def _check_sources(self, name: str, dataset: Any, depth: int) -> None:
        """Refuse a virtual dataset unless what it is made of is there."""
        sources = dataset.virtual_sources()
        parts: dict[tuple[str, str], Any] = {}
        for source in sources:
            key = file, held = source.file_name, source.dset_name
            if key not in parts:
                other = self if file == "." else self._other(file, moved=False)
                parts[key] = other._dataset(held)
                other._check_values(held, parts[key], depth + 1)
        self._seen.once(
            [dataset, *parts.values()],
            lambda: check_virtual(self.path, name, dataset, sources, parts),
        )

    # -- links -------------------------------------------------------------------------------

    def _find(self, name: str, depth: int = 0) -> Any:
        """Follow a path through groups and links; None where it leads nowhere."""
        import h5py

        parts = [part for part in name.split("/") if part and part != "."]
        found: Any = self._file
        for number, part in enumerate(parts):
            link = found.get(part, getlink=True) if isinstance(found, h5py.Group) else None
            if link is None:
                return None
            if isinstance(link, h5py.HardLink):
                found = found.get(part)
                continue
            if depth + self._depth >= DEEPEST:
                raise self._circle(repr(name))
            rest = "/".join(parts[number + 1 :])
            if isinstance(link, h5py.ExternalLink):
                return self._other(link.filename)._find(f"{link.path}/{rest}", depth + 1)
            start = "" if link.path.startswith("/") else found.name
            return self._find(f"{start}/{link.path}/{rest}", depth + 1)
        return found

    def _circle(self, what: str) -> InputFileError:
        return InputFileError(
            f"{self.path}: {what} is behind more than {DEEPEST} links. Expected fewer; they may "
            "lead in a circle. Write the files again without them."
        )

    def _other(self, name: str, moved: bool = True) -> Hdf5File:
        """Open another file that this one names, in its own folder or below."""
        place = place_of(self.path, name, moved)
        if place not in self._others:
            if self._depth >= DEEPEST:
                raise self._circle("the file")
            self._others[place] = Hdf5File(place, _depth=self._depth + 1, _seen=self._seen)
        return self._others[place]


@dataclass(frozen=True)
class Hdf5Stack:
    """The loader of patterns in a file.

    Attributes
    ----------
    path : Path
        The file.
    name : str
        The dataset.
    header : Header
        What it was when the scan was read.
    seen : Checked
        What was found written, so that not each range looks for it again.
    """

    path: Path
    name: str
    header: Header
    seen: Checked = field(default_factory=Checked, repr=False, compare=False)

    def __call__(self, ranges: Ranges, into: Array) -> None:
        """Fill an array with ranges of the patterns."""
        with (
            Hdf5File(self.path, _seen=self.seen) as file,
            reading(self.path, repr(self.name), KIND),
        ):
            fill_from(self._dataset(file), ranges, into)

    def mapped(self) -> MappedStack | None:
        """Map the dataset, if it lies in one piece."""
        with (
            Hdf5File(self.path, _seen=self.seen) as file,
            reading(self.path, repr(self.name), KIND),
        ):
            dataset = self._dataset(file)
            found = mapped_values(dataset)
            if found is None:
                return None
            flat = found.reshape(-1, *self.header.shape[-2:])
            return MappedStack.of(Path(dataset.file.filename), flat)

    def _dataset(self, file: Hdf5File) -> Any:
        if file.header(self.name) != self.header:
            raise InputFileError(
                f"{self.path}: {self.name!r} is another than when the scan was read. Expected the "
                "same file. Read the scan again."
            )
        dataset = file._dataset(self.name)
        file._check_values(self.name, dataset)
        return dataset
