"""The store at a URL: objects of a Zarr store, which is one as soon as its root metadata are there.

Nothing is kept on the local disk. Each chunk is an object that is created as soon as it is whole,
and never replaced; then come the metadata of the arrays; the root's, created where none are,
publish.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ...deferral import deferred_signals
from ...errors import PtychoEngineError
from ...logs import get_logger
from ..delegation import Delegate
from ..journal import Finished, Journal
from ..store import Store
from .claim import Claim
from .object_container import ObjectContainer
from .urls import ObjectUrl


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

    def delegate(self) -> Delegate:
        """Return what lets other processes write chunks under the claim of this one."""
        self._check_open()
        return Delegate(self._claim, self.arrays)

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


class _Unwritten(Journal):
    """The journal of an output that no run resumes."""

    def append(self, line: Finished) -> None:
        """Write nothing."""
