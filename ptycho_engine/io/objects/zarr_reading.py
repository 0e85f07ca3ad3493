"""Zarr stores at a URL, read where they lie: what is asked for, and nothing else.

Imported by who opens one, since zarr is slow to import.
"""

from __future__ import annotations

from typing import Any

from ...metadata import import_despite_metadata
from .buckets import Bucket
from .urls import ObjectUrl

import_despite_metadata("zarr")
import zarr  # noqa: E402
from zarr.abc.store import ByteRequest  # noqa: E402
from zarr.core.buffer import Buffer, BufferPrototype  # noqa: E402
from zarr.storage import ObjectStore  # noqa: E402

from ...errors import InputFileError, PtychoEngineError  # noqa: E402


class WholeStore(ObjectStore):  # type: ignore[misc]  # zarr is not checked here
    """The objects of a store of ours; zarr takes zeros for a chunk that is missing, this raises."""

    def __init__(self, url: ObjectUrl) -> None:
        self._bucket, self._url = Bucket(url), url
        super().__init__(self._bucket.store, read_only=True)

    async def get(
        self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None = None
    ) -> Buffer | None:
        """Read an object, or bytes of it.

        Raises
        ------
        InputFileError
            If it cannot be read, or is a chunk that is missing.
        """
        try:
            found = await super().get(key, prototype, byte_range)
        except PtychoEngineError:
            raise
        except Exception as error:
            raise self._bucket.failure(error) from None
        name = key.removeprefix(f"{self._url.key}/")
        if found is None and "c" in name.split("/")[1:2]:
            raise InputFileError(
                f"{self._url}: chunk {name!r} is missing. Expected a whole store. Copy or write it "
                "again."
            )
        return found


def open_group(url: ObjectUrl) -> Any:
    """Open the root group of a store; of its arrays nothing is read."""
    return zarr.open_group(WholeStore(url), path=url.key, mode="r")
