"""The store at a URL: objects of a Zarr store, which is one as soon as its root metadata are there.

Nothing is kept on the local disk. Each chunk is an object that is created as soon as it is whole,
and never replaced; then come the metadata of the arrays; the root's, created where none are,
publish.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import Any, ClassVar

from ...deferral import deferred_signals
from ...errors import OutputError, PtychoEngineError
from ...logs import get_logger
from ..containers.shards import file_parts
from ..containers.zarr import ZarrContainer, chunk_shape, file_shape
from ..containers.zarr_metadata import group_metadata, to_text
from ..journal import Finished, Journal
from ..regions import Box
from ..specs import Array, ArraySpec
from ..store import Store
from .claim import ROOT, Claim
from .urls import ObjectUrl

#: Chunks that are on their way at a time, and bytes of them: each is a copy.
THREADS, IN_FLIGHT = 8, 64 * 1024**2


class UrlStore(Store):
    """A `Store` whose `path` is an `ObjectUrl`; `Store.create` makes it. It cannot be resumed."""

    _claim: Claim
    _container: ObjectContainer

    def _begin(self, identity: dict[str, Any]) -> None:
        assert isinstance(self.path, ObjectUrl)
        if self._resume:
            get_logger().info(
                "starts_anew", path=str(self.path), reason="an output at a URL cannot be resumed"
            )
        with deferred_signals():
            self._claim = Claim.take(self.path)
            self._is_open = True
        self._container = ObjectContainer(self._claim, self.arrays)
        self._ledger.begin(_Unwritten(Path(), identity))

    def _sync(self) -> None:
        """Do nothing: an object that was created lasts."""

    def _appear(self) -> None:
        self._container.publish()

    def _leave(self) -> None:
        """Remove the objects of an output that has not appeared, and the claim at last."""
        self._is_open = False
        try:
            self._container.remove()
            self._claim.release()
        except PtychoEngineError as error:
            get_logger().warning("objects_left", path=str(self.path), reason=str(error))


class ObjectContainer(ZarrContainer):
    """Creates chunks as objects.

    Parameters
    ----------
    claim : Claim
        The right to write them.
    arrays : mapping of str to ArraySpec
        What will come.
    """

    resumes: ClassVar[bool] = False

    def __init__(self, claim: Claim, arrays: Mapping[str, ArraySpec]) -> None:
        super().__init__(Path(claim.url.name), arrays)
        largest = max(prod(file_shape(spec)) * spec.dtype.itemsize for spec in arrays.values())
        self.threads = max(1, min(THREADS, IN_FLIGHT // max(1, largest)))
        self._claim, self._bucket = claim, claim.bucket
        self._noting = threading.Lock()
        self._written: list[str] = []
        self._root, self._is_unsure = b"", False

    def create(self) -> None:
        """Do nothing: the first objects are chunks."""

    def _put(self, name: str, item: tuple[Box, Array]) -> None:
        chunk, values = item
        spec = self.arrays[name]
        parts = file_parts(values, spec, chunk_shape(spec))
        self._add("/".join(self._parts(name, chunk)), b"".join(parts))

    def _add(self, name: str, data: bytes) -> None:
        key = f"{self._claim.url.key}/{name}"
        with self._noting:
            self._written.append(key)  # before: a request that fails may have been carried out
        if not self._bucket.create(key, data):
            with self._noting:
                self._written.remove(key)
            raise OutputError(
                f"{self._claim.url}: another run has written {name!r} there. Expected one run for "
                "one output. Choose another name."
            )

    def finish(self, records: Mapping[str, str]) -> None:
        """Create the metadata of the arrays, and make those of the root."""
        attributes = {name: json.loads(text) for name, text in records.items()}
        documents = self._documents()
        self._root = to_text(group_metadata(attributes, documents)).encode()
        for name, document in documents.items():
            self._add(f"{name}/{ROOT}", to_text(document).encode())

    def publish(self) -> None:
        """Create the root metadata: from then on it is a store.

        Raises
        ------
        OutputError
            If those of another run are there, or the object store fails; if it cannot be told
            whether they are there, all is left as it is.
        """
        url, key = self._claim.url, self._root_key
        try:
            created = self._bucket.create(key, self._root)
        except OutputError as failure:
            self._is_unsure = True
            created = self._bucket.get(key) == self._root  # if this fails, too, nobody knows
            self._is_unsure = False
            if not created:
                raise failure from None
        if not created:
            raise OutputError(
                f"{url}: something appeared there while this output was written, and was kept. "
                "Expected nothing there. Choose another name."
            )
        self._written = []

    def remove(self) -> None:
        """Remove what was written and not published.

        Raises
        ------
        OutputError
            If it has come to be another's, if nobody knows whether it is published, or if the
            object store fails. It is left then.
        """
        if self._is_unsure:
            raise OutputError(
                "all objects were left, since the object store did not tell whether the last of "
                f"them is there. It is a whole store if {ROOT} is."
            )
        if not self._written:
            return
        if not self._claim.is_held() or self._bucket.facts(self._root_key) is not None:
            raise OutputError(
                f"{len(self._written)} objects were left, since another run has taken the name. "
                "Expected one run for one output."
            )
        self._bucket.delete(self._written)
        self._written = []

    @property
    def _root_key(self) -> str:
        return f"{self._claim.url.key}/{ROOT}"


class _Unwritten(Journal):
    """The journal of an output that no run resumes."""

    def append(self, line: Finished) -> None:
        """Write nothing."""
