"""Who may write below a name in a bucket: one run, by an object that only one can create.

Objects have no locks and cannot be moved, so an output grows in its place: chunks first, its root
metadata last. Until that is there nothing is a store. A claim, created only where none is, keeps
two runs apart meanwhile; and as every object of an output is created in the same way, none of
another run is ever replaced, whatever became of the claims. Who holds the claim no more neither
publishes nor removes anything.
"""

from __future__ import annotations

import json
import os
import secrets
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ...errors import ConfigurationError, OutputError
from ...kept import kept
from ...logs import get_logger
from ..lease import Holder
from .buckets import Bucket
from .single_objects import taken
from .urls import ObjectUrl

#: The claim and the root metadata, by their names below that of the output.
CLAIM, ROOT = ".ptycho-engine-claim.json", "zarr.json"


def check_url_output(url: ObjectUrl, overwrite: bool) -> None:
    """Refuse, before any work, an output that could not be written to a URL in the end.

    Parameters
    ----------
    url : ObjectUrl
        Where it shall appear.
    overwrite : bool
        Refused: what readers may hold open cannot be replaced in one step.

    Raises
    ------
    ConfigurationError
        If it is no Zarr store, or was to replace one.
    MissingExtraError
        If obstore is not installed.
    OutputError
        If something is there, or another run is writing it.
    """
    if url.suffix.lower() != ".zarr":
        raise ConfigurationError(
            f"{url}: has the suffix {url.suffix!r}. Expected .zarr, which alone is written to a "
            "URL. Choose s3://BUCKET/NAME.zarr, or write a file and copy it there."
        )
    if overwrite:
        raise ConfigurationError(
            f"{url}: received output.overwrite=true. Expected false: an object store cannot "
            "replace a Zarr store in one step, so none is ever replaced. Choose another name, or "
            "remove the earlier one first."
        )
    bucket = Bucket(url, writes=True)
    for key in (url.key, f"{url.key}/{ROOT}"):
        if bucket.facts(key) is not None:
            raise taken(url)
    found = bucket.get(f"{url.key}/{CLAIM}")
    if found is not None:
        _refuse_running(url, found)


class Claim:
    """The right to write below a name, from `take` to `release`.

    It may be pickled: another process opens the bucket by what its own environment says.

    Attributes
    ----------
    url : ObjectUrl
        The output.
    """

    def __init__(self, url: ObjectUrl, content: bytes) -> None:
        self.url = url
        self._key, self._content = f"{url.key}/{CLAIM}", content

    def __reduce__(self) -> tuple[Any, ...]:
        return Claim, (self.url, self._content)

    @property
    @kept
    def bucket(self) -> Bucket:
        """Where the output is written."""
        return Bucket(self.url, writes=True)

    @classmethod
    def take(cls, url: ObjectUrl) -> Claim:
        """Claim a name; what a run left there that has ended on this machine is removed.

        Raises
        ------
        OutputError
            If something is there, if another run writes it, or one of another machine did.
        """
        about = {**asdict(Holder.own()), "machine": _machine(), "token": secrets.token_hex(16)}
        claim = cls(url, json.dumps(about).encode())
        try:
            claim._clear_place(inherited=claim._take())
        except BaseException:
            with suppress(OutputError):  # it would hide the first error
                claim.release()
            raise
        return claim

    def _take(self) -> bool:
        """Create the claim; return whether that of a dead run was taken over."""
        for _ in range(3):
            if self.bucket.create(self._key, self._content):
                self._check_conditions()
                return False
            facts, found = self.bucket.facts(self._key), self.bucket.get(self._key)
            if facts is None or found is None:  # given back in this very moment
                continue
            _refuse_running(self.url, found)
            if self.bucket.replace(facts, self._content):
                return True
        raise OutputError(
            f"{self.url}: another run began to write it in this very moment. Expected one run for "
            "one output. Wait for it, or choose another name."
        )

    def _check_conditions(self) -> None:
        """Refuse a server that creates an object a second time, whatever it is asked."""
        if self.bucket.create(self._key, b"{}"):
            self.bucket.delete([self._key])
            raise OutputError(
                f"{self.url}: this object store ignores that an object is to be created only where "
                "none is (If-None-Match), so that two runs could mix. Expected one that heeds it. "
                "Write a local .zarr, and copy it there."
            )

    def _clear_place(self, *, inherited: bool) -> None:
        """Refuse what is there; remove what the run left whose claim was taken over."""
        base = f"{self.url.key}/"
        found = [key for key in self.bucket.below(self.url.key) if key != self._key]
        if f"{base}{ROOT}" in found:
            raise taken(self.url)
        if not found:
            return
        ours = all(_is_of_store(key.removeprefix(base)) for key in found)
        if not (inherited and ours):
            raise OutputError(
                f"{self.url}: {len(found)} objects lie below this name, such as {found[0]!r}, and "
                "are no store and none of a run of this machine. Expected nothing there. Remove "
                "them, or choose another name."
            )
        get_logger().warning(
            "unfinished_output_swept",
            path=str(self.url),
            objects=len(found),
            reason="its run ended before it was published",
        )
        self.bucket.delete(found)

    def is_held(self) -> bool:
        """Whether the claim is still this one."""
        return self.bucket.get(self._key) == self._content

    def objects(self) -> list[str]:
        """Return the keys of all that `Store` has put below the name, whichever process did."""
        base = f"{self.url.key}/"
        found = self.bucket.below(self.url.key)
        return [key for key in found if _is_of_store(key.removeprefix(base))]

    def release(self) -> None:
        """Give it back, if it is this one."""
        if self.is_held():
            self.bucket.delete([self._key])


def _is_of_store(name: str) -> bool:
    """Whether a name below that of an output is one that `Store` gives: a chunk, or metadata."""
    parts = name.split("/")
    return len(parts) > 1 and (parts[1] == "c" or parts[1:] == [ROOT])


def _refuse_running(url: ObjectUrl, claim: bytes) -> None:
    """Refuse a name that a run has claimed, unless that run has ended on this machine."""
    try:
        found = json.loads(claim)
        holder = Holder(found["host"], found["process"], found["started"])
        here = found["machine"] == _machine() and holder.is_here()
    except (ValueError, KeyError, TypeError):
        holder, here = None, False
    if here and holder is not None and not holder.is_alive():
        return
    if here:
        raise OutputError(
            f"{url}: {holder} is writing it at this moment. Expected one run for one output. Wait "
            "for it, or choose another name."
        )
    raise OutputError(
        f"{url}: {holder or 'a run'} began to write it, and only that machine knows whether it "
        f"still runs. Wait for it, or, if it has ended, remove all objects below {url}/, the last "
        f"of them {CLAIM}."
    )


def _machine() -> str:
    """Tell apart where numbers of processes are: each start of a machine, each container."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot}/{os.stat('/proc/self/ns/pid').st_ino}"
    except OSError:  # not Linux: the name of the machine has to do
        return ""
