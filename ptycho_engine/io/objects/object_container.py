"""The chunks and metadata of a Zarr store, created as objects under a claim."""

from __future__ import annotations

import json
from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import ClassVar

from ...errors import OutputError
from ..containers.shards import file_parts
from ..containers.zarr import ZarrContainer, chunk_shape, file_shape
from ..containers.zarr_metadata import group_metadata, to_text
from ..regions import Box
from ..specs import Array, ArraySpec
from .claim import ROOT, Claim

#: Chunks that are on their way at a time, and bytes of them: each is a copy.
THREADS, IN_FLIGHT = 8, 64 * 1024**2


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
        self._root, self._is_unsure, self._has_appeared = b"", False, False

    def create(self) -> None:
        """Do nothing: the first objects are chunks."""

    def _put(self, name: str, item: tuple[Box, Array]) -> None:
        chunk, values = item
        spec = self.arrays[name]
        parts = file_parts(values, spec, chunk_shape(spec))
        self._add("/".join(self._parts(name, chunk)), b"".join(parts))

    def _add(self, name: str, data: bytes) -> None:
        """Create an object; one with these bytes may be there, of a task that is done again."""
        if not self._bucket.create(f"{self._claim.url.key}/{name}", data):
            raise OutputError(
                f"{self._claim.url}: another run has written {name!r} there. Expected one run for "
                "one output. Choose another name."
            )

    def sync(self, name: str, box: Box) -> None:
        """Do nothing: an object that was created lasts."""

    def sweep(self) -> None:
        """Do nothing: an object appears whole."""

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
            If the claim is this run's no more, if the metadata of another run are there, or the
            object store fails; if it cannot be told whether they are there, all is left as it is.
        """
        url, key = self._claim.url, self._root_key
        if not self._claim.is_held():
            raise OutputError(
                f"{url}: the claim was removed while this output was written, so nobody knows "
                "whether all of it is there. Expected it to stay. Remove what lies below the name "
                "if no other run is at work there, and run again."
            )
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
        self._has_appeared = True

    def remove(self) -> None:
        """Remove what was written, by whichever process, and not published.

        Raises
        ------
        OutputError
            If the claim is this run's no more, if nobody knows whether it is published, or if the
            object store fails. All is left then.
        """
        if self._is_unsure:
            raise OutputError(
                "all objects were left, since the object store did not tell whether the last of "
                f"them is there. It is a whole store if {ROOT} is."
            )
        if self._has_appeared:
            return
        if not self._claim.is_held() or self._bucket.facts(self._root_key) is not None:
            raise OutputError(
                "what was written was left, since another run has taken the name. Expected one "
                "run for one output."
            )
        self._bucket.delete(self._claim.objects())

    @property
    def _root_key(self) -> str:
        return f"{self._claim.url.key}/{ROOT}"
