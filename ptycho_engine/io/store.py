"""The store: arrays with names, written region by region, that appear whole or not at all."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext, suppress
from pathlib import Path
from typing import Any

import numpy as np

from ..deferral import deferred_signals
from ..errors import ClusterLostError, OutputError
from ..logs import get_logger
from . import partials
from .containers import format_of, make_container
from .containers.base import Container
from .delegation import Delegate, check_delegation
from .disk import as_bytes, checksum_of, is_full_disk, sync, sync_tree, writing
from .journal import Journal
from .lease import Lease
from .ledger import Ledger
from .objects.urls import Location, ObjectUrl, location
from .outputs import is_replaceable
from .publishing import check_exchange, publish
from .regions import Box, Key, Region, box_of, box_shape, region_key
from .resumption import reopen
from .specs import RECORDS, Array, ArraySpec, check_names, to_json
from .targets import check_output, check_space, resolve


class Store:
    """An output that is being written; made by `create`.

    Everything lies in ``.NAME.partial-HASH/`` beside the target until `publish`. A context that is
    left without an error publishes; after any exception, ``KeyboardInterrupt`` included, nothing
    is left and an earlier output is as it was. A killed process leaves the folder, which the next
    run resumes or sweeps; so does one that resumes and fills the disk, or whose cluster is lost.

    Regions are tuples of slices along the first axes of an array. Zarr and HDF5 without chunks
    take them in any order and from several threads; npz takes them in the order of the array.

    Attributes
    ----------
    path : Path or ObjectUrl
        Where the output will appear.
    arrays : dict of str to ArraySpec
        What it will hold.

    Examples
    --------
    >>> import numpy as np, tempfile
    >>> arrays = {"patches": ArraySpec((4, 2, 2), np.dtype("f4"), ("point", "y", "x"))}
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with Store.create(f"{folder}/patches.npz", arrays) as store:
    ...         for start in (0, 2):
    ...             region = slice(start, start + 2)
    ...             store.write("patches", region, np.ones((2, 2, 2), "f4"))
    ...             store.finish(region)
    ...     np.load(f"{folder}/patches.npz")["patches"].shape
    (4, 2, 2)
    """

    def __init__(
        self,
        path: Location,
        arrays: Mapping[str, ArraySpec],
        overwrite: bool,
        records: dict[str, dict[str, Any]],
        resume: bool,
    ) -> None:
        self.path = path
        self.arrays = dict(arrays)
        self._overwrite = overwrite
        self._records = records
        self._resume = resume
        self._ledger = Ledger(path, arrays)
        self._is_open = False
        self._target: Path
        self._folder: Path
        self._lease: Lease
        self._container: Container

    @classmethod
    def create(
        cls,
        path: str | os.PathLike[str] | ObjectUrl,
        arrays: Mapping[str, ArraySpec],
        *,
        overwrite: bool = False,
        resume: bool = False,
        geometry: Mapping[str, Any] | None = None,
        configuration: Mapping[str, Any] | None = None,
        provenance: Mapping[str, Any] | None = None,
        more: Mapping[str, Mapping[str, Any]] | None = None,
        identity: Mapping[str, Any] | None = None,
    ) -> Store:
        """Begin an output, or go on with one.

        Parameters
        ----------
        path : path-like or URL
            Where it shall appear; the suffix names its format; a symbolic link is followed. At a
            URL of an object store, ``.zarr`` alone, chunks are written where they will be read,
            and the root metadata, without which there is no store, last.
        arrays : mapping of str to ArraySpec
            What it will hold. The first array is what viewers show.
        overwrite : bool
            Whether an earlier output may be replaced.
        resume : bool
            Whether to go on with what a killed run left, and to leave what is finished where the
            disk fills. Its finished regions are read back and
            compared with their checksums; `is_finished` tells which need not come again. Where
            the format cannot, the output starts anew and a log line says so.
        geometry, configuration, provenance : mapping, optional
            What the numbers mean, how the run was set, and where everything came from. They may
            hold what JSON holds, NumPy numbers and arrays, paths and dtypes.
        more : mapping of str to mapping, optional
            Further records by name, as other programs expect them.
        identity : mapping, optional
            What decides whether two runs write the same, besides the arrays: configuration,
            a hash of the input, versions. Geometry and configuration if it is not given.

        Returns
        -------
        Store
            Use it in a ``with`` statement, or call `publish` or `discard`.

        Raises
        ------
        ConfigurationError
            If the suffix names no format, or the path is a URL that is to be replaced.
        OutputError
            If the output could not be written in the end, if another run is writing the same, or
            if a run is to be resumed that wrote something else: what differs is said.
        """
        path = location(path)
        check_output(path, overwrite)
        records = dict(zip(RECORDS, (geometry, configuration, provenance), strict=True))
        records |= dict(more or {})
        check_names(arrays, records)
        plain = {name: json.loads(to_json(name, record or {})) for name, record in records.items()}
        kind = cls
        if isinstance(path, ObjectUrl):
            from .objects.url_store import UrlStore as kind  # made of this class
        store = kind(path, arrays, overwrite, plain, resume)
        if identity is None:
            identity = {name: plain[name] for name in RECORDS[:2]}
        whole = {
            "format": format_of(path),
            "arrays": {name: spec.plain() for name, spec in arrays.items()},
            **json.loads(to_json("identity", identity)),
        }
        try:
            store._begin(whole)
        except BaseException:
            store.discard()
            raise
        return store

    def _begin(self, identity: dict[str, Any]) -> None:
        assert isinstance(self.path, Path)
        self._target = resolve(self.path)
        folder = partials.partial_folder(self._target, identity)
        with writing(self.path):
            if self._resume and not folder.is_dir():
                partials.refuse_changed(self.path, self._target, folder, identity)
            partials.sweep(self._target, folder)
            check_space(self.path, self._target.parent, self.arrays, folder / self._target.name)
            with deferred_signals():  # no folder without its name here
                self._lease = partials.take(self.path, folder)
                self._folder, self._is_open = folder, True
            if self._target.exists() and not self._target.stat().st_mode & 0o077:
                folder.chmod(0o700)  # what replaces a private output is private from the beginning
            if self._overwrite and self._target.is_dir():
                check_exchange(folder, self._target)
            self._container = make_container(self.path, self._content, self.arrays)
            if not self._continue():
                self._start_anew(identity)

    @property
    def _content(self) -> Path:
        return self._folder / self._target.name

    def _start_anew(self, identity: dict[str, Any]) -> None:
        self._ledger.begin(Journal.begin(self._folder, identity))
        self._container.create()

    def _continue(self) -> bool:
        """Go on with what lies in the folder; False if there is nothing to go on with."""
        journal = Journal.load(self._folder)
        if journal is None and not os.path.lexists(self._content):
            return False
        reason = reopen(self._container, journal) if self._resume else "output.resume is false"
        if reason or journal is None:
            partials.report_loss(self._folder, reason)
            partials.remove(self._content)
            return False
        self._ledger.begin(journal)
        return True

    def is_finished(self, name: str, region: Region) -> bool:
        """Whether a region of an array has been written, by this run or the one before."""
        return self._ledger.has(name, box_of(region_key(region), self.arrays[name].shape))

    def missing(self, name: str) -> list[tuple[int, int]]:
        """Return the ranges along the first axis of an array of which values are still to come."""
        return self._ledger.missing(name)

    def write(self, name: str, region: Region, values: Array) -> None:
        """Write a region of an array.

        Parameters
        ----------
        name : str
            Which array.
        region : slice or tuple of slices
            Which part of it, along the first axes; ``()`` is the whole.
        values : ndarray, shape of the region
            In the array's dtype. It is the caller's again on return.

        Raises
        ------
        OutputError
            If the region or the values do not fit the array, or come a second time, or not in
            order where the format asks for one; if they cannot be written, for instance because
            the disk is full.
        """
        key, box = self._locate(name, region)
        spec = self.arrays[name]
        if values.shape != box_shape(box) or values.dtype != spec.dtype:
            raise OutputError(
                f"{self.path}: region {box} of {name!r} has shape {values.shape}, dtype "
                f"{values.dtype}. Expected shape {box_shape(box)}, dtype {spec.dtype}."
            )
        self._ledger.refuse_second(name, box)
        with writing(self.path):
            # ascontiguousarray would give an array of no axes one.
            values = values if values.flags.c_contiguous else np.ascontiguousarray(values)
            if values.size:
                self._container.write(name, box, values)
        asked = self._container.resumes and not self._container.checks
        checksum = checksum_of(as_bytes(values)) if asked else None
        self._ledger.add(key, name, box, checksum)

    def _locate(self, name: str, region: Region) -> tuple[Key, Box]:
        self._check_open()
        if name not in self.arrays:
            raise OutputError(
                f"{self.path}: received array {name!r}. Expected one of {', '.join(self.arrays)}."
            )
        try:
            key = region_key(region)
            return key, box_of(key, self.arrays[name].shape)
        except ValueError as error:
            raise OutputError(f"{self.path}: region of {name!r}: {error}") from None

    def finish(self, region: Region) -> None:
        """Note that a region is finished, in every array that it was written to.

        A resumed run need not write it again. Where a chunk of the format holds a part of it that
        others complete, the note is made when they have.

        Raises
        ------
        OutputError
            If nothing was written for the region since it was last finished.
        """
        self._check_open()
        try:
            key = region_key(region)
        except ValueError as error:
            raise OutputError(f"{self.path}: {error}") from None
        with writing(self.path):
            self._ledger.finish(key, self._container.holds)

    def delegate(self) -> Delegate:
        """Return what lets other processes write whole files, if the format can; see `note`."""
        self._check_open()
        check_delegation(self.path)
        return Delegate(self._content, self.arrays)

    def note(self, name: str, region: Region) -> None:
        """Note that a delegate has written a region of an array; then `finish` it.

        Raises
        ------
        OutputError
            If the region does not fit the array, or came before.
        """
        key, box = self._locate(name, region)
        self._ledger.refuse_second(name, box)
        self._ledger.add(key, name, box, None)  # the files have checksums of their own

    def publish(
        self,
        provenance: Mapping[str, Any] | None = None,
        *,
        together: AbstractContextManager[Any] | None = None,
    ) -> None:
        """Complete the output and let it appear.

        Parameters
        ----------
        provenance : mapping, optional
            What is known only now, such as seconds and peak memory; added to the record.
        together : context manager, optional
            Entered right before the output appears, left when it stands there or with the error
            that kept it from it: for what changes with it. Signals wait as long.

        Raises
        ------
        OutputError
            If values are missing, if the rest cannot be written, or if something stands at the
            path that may not be replaced. Nothing has appeared then.
        KeyboardInterrupt
            As ever; one that comes while the output appears is raised when it stands there whole.
        """
        self._check_open()
        self._ledger.check_whole()
        records = dict(self._records)
        records["provenance"] = records["provenance"] | dict(provenance or {})
        texts = {name: to_json(name, record) for name, record in records.items()}
        with writing(self.path):
            self._container.finish(texts)
            self._sync()
            with deferred_signals(), together or nullcontext():
                self._appear()
                self._leave()

    def _sync(self) -> None:
        """Wait until all of it lasts."""
        sync_tree(self._content)

    def _appear(self) -> None:
        """Let it appear in one step."""
        publish(self._content, self._target, is_replaceable if self._overwrite else None)
        # It stands in its place: what fails from here on is no failure of the output.
        with suppress(OSError):
            sync(self._target.parent)

    def discard(self) -> None:
        """Remove all that was written; an earlier output stays. Does nothing after `publish`."""
        with deferred_signals():
            if not self._is_open:
                return
            try:
                # A close that fails, say on a full disk, must hide neither the first error nor the
                # removal.
                with suppress(Exception):
                    self._container.close()
            finally:
                self._leave()

    def _leave(self) -> None:
        self._is_open = False
        partials.clear(self._folder, self._lease)

    def _check_open(self) -> None:
        if not self._is_open:
            raise OutputError(
                f"{self.path}: was published or discarded before. Create another store."
            )

    def __enter__(self) -> Store:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, *_: object) -> None:
        try:
            if kind is None and self._is_open:
                self.publish()
        except BaseException as raised:
            self._end(raised)
            raise
        self._end(error)

    def _end(self, error: object) -> None:
        """Leave nothing behind, unless room on the disk, or workers, are all that is wanting."""
        lost = isinstance(error, ClusterLostError)
        wanting = lost or (self._resume and is_full_disk(error))
        if wanting and self._is_open and self._container.resumes:
            self._suspend("the cluster is lost" if lost else "the disk is full")
        else:
            self.discard()

    def _suspend(self, reason: str) -> None:
        """Let go of what is finished, for a run that resumes."""
        with deferred_signals():
            self._is_open = False
            with suppress(Exception):  # it does not fit, either
                self._container.close()
            self._lease.release()
        get_logger().warning(
            "unfinished_output_kept",
            path=str(self._folder),
            reason=reason,
            then="mend that and run again with output.resume=true",
        )
