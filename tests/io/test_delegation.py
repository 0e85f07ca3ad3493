"""Delegates: others write whole files of a store, and it comes out as if it had itself."""

import itertools
import os
import pickle
import sys

import numpy as np
import pytest
from dask_clusters import contents

from ptycho_engine.errors import ConfigurationError, OutputError
from ptycho_engine.io.delegation import Delegate, check_delegation
from ptycho_engine.io.objects.buckets import Bucket
from ptycho_engine.io.objects.claim import CLAIM, Claim
from ptycho_engine.io.objects.urls import location
from ptycho_engine.io.store import ArraySpec, Store

COUNT = 23
VALUES = np.random.default_rng(5).normal(size=(COUNT, 3, 3))
ARRAYS = {"patches": ArraySpec(VALUES.shape, VALUES.dtype, chunks=(2, 3, 3), shards=(4, 3, 3))}


def begin(path, **options):
    return Store.create(path, ARRAYS, configuration={"seed": 1}, **options)


def delegated(store, ranges):
    for start, stop in ranges:
        delegate = pickle.loads(pickle.dumps(store.delegate()))
        delegate.write(start, stop, {"patches": VALUES[start:stop]})
        store.note("patches", slice(start, stop))
        store.finish(slice(start, stop))


@pytest.fixture
def whole(tmp_path):
    with begin(tmp_path / "whole.zarr") as store:
        store.write("patches", (), VALUES)
        store.finish(())
    return contents(tmp_path / "whole.zarr")


def test_files_are_those_of_the_store(tmp_path, whole):
    with begin(tmp_path / "p.zarr") as store:
        assert store.delegate().step(["patches"]) == 4
        delegated(store, [(8, 16), (20, 23), (0, 8), (16, 20)])
    assert contents(tmp_path / "p.zarr") == whole


def test_what_a_delegate_wrote_is_resumed(tmp_path, whole):
    store = begin(tmp_path / "p.zarr")
    delegated(store, [(4, 12)])
    store._lease.release()  # as if its process had been killed
    with begin(tmp_path / "p.zarr", resume=True) as store:
        assert store.missing("patches") == [(0, 4), (12, 23)]
        delegated(store, [(0, 4), (12, 23)])
    assert contents(tmp_path / "p.zarr") == whole


def test_a_portion_may_hold_what_is_finished(tmp_path, whole):
    """Regions of the run before end amid files: those are written again, with the same bytes."""
    store = begin(tmp_path / "p.zarr")
    for start, stop in ((0, 3), (3, 9)):
        store.write("patches", slice(start, stop), VALUES[start:stop])
        store.finish(slice(start, stop))
    store._lease.release()
    with begin(tmp_path / "p.zarr", resume=True) as store:
        assert store.missing("patches") == [(3, 23)]
        store.delegate().write(0, 8, {"patches": VALUES[:8]})
        store.note("patches", slice(3, 8))
        store.finish(slice(3, 8))
        delegated(store, [(8, 23)])
    assert contents(tmp_path / "p.zarr") == whole


def test_what_a_lost_delegate_left_half_written_is_gone(tmp_path, whole, monkeypatch):
    """Another one did the same again, under the name that it drew itself."""
    with begin(tmp_path / "p.zarr") as store:
        with monkeypatch.context() as context:
            context.setattr(os, "replace", lambda *_: sys.exit("killed"))
            with pytest.raises(SystemExit):
                store.delegate().write(8, 16, {"patches": VALUES[8:16]})
        assert any(tmp_path.rglob("*.partial"))
        delegated(store, [(0, 16), (16, 23)])
        store.delegate().sweep()
    assert contents(tmp_path / "p.zarr") == whole


@pytest.mark.parametrize("region", [(2, 8), (0, 6)])
def test_a_range_that_cuts_a_file_is_refused(tmp_path, region):
    with pytest.raises(OutputError, match=r"cuts a file in two.*multiples of 4"):  # noqa: SIM117
        with begin(tmp_path / "p.zarr") as store:
            delegated(store, [region])
    assert list(tmp_path.iterdir()) == []


def test_a_region_comes_once(tmp_path):
    with pytest.raises(OutputError, match="was written already"):  # noqa: SIM117
        with begin(tmp_path / "p.zarr") as store:
            delegated(store, [(0, 8), (0, 8)])


def test_a_discarded_store_is_not_brought_back(tmp_path, monkeypatch):
    """Neither by a task that begins late, nor by one that is at it."""
    store = begin(tmp_path / "p.zarr")
    delegate = store.delegate()
    store.discard()
    with pytest.raises(OutputError, match="is not seen on"):
        delegate.write(0, 4, {"patches": VALUES[:4]})
    monkeypatch.setattr("pathlib.Path.is_file", lambda path: True)
    with pytest.raises(FileNotFoundError):
        delegate.write(0, 4, {"patches": VALUES[:4]})
    assert list(tmp_path.iterdir()) == []


def test_a_store_in_memory_is_refused():
    with pytest.raises(ConfigurationError, match=r"do not see.*s3://.*runner=local"):
        check_delegation(location("memory://bucket/p.zarr"))
    check_delegation(location("s3://bucket/p.zarr"))


@pytest.mark.parametrize("suffix", [".npz", ".h5"])
def test_files_of_one_writer_are_refused(tmp_path, suffix):
    with pytest.raises(ConfigurationError, match=r"Expected a Zarr store.*ends in \.zarr"):
        check_delegation(tmp_path / f"p{suffix}")


# -- objects ---------------------------------------------------------------------------------

NUMBERS = itertools.count()


@pytest.fixture
def url():
    """A place in a store of this process, which a pickled delegate sees in it, too."""
    pytest.importorskip("obstore")
    return location(f"memory://delegated/{next(NUMBERS)}/p.zarr")


def objects(url):
    """The bytes of each object of a store, but of the document with times and paths."""
    bucket = Bucket(url)
    found = {key.removeprefix(f"{url.key}/"): bucket.get(key) for key in bucket.below(url.key)}
    return {name: data for name, data in found.items() if name != "zarr.json"}


def test_objects_are_those_of_the_store(url, whole):
    """Also where a task was done twice, since its worker was lost behind it."""
    with begin(url) as store:
        store.delegate().write(8, 16, {"patches": VALUES[8:16]})
        delegated(store, [(8, 16), (20, 23), (0, 8), (16, 20)])
        store.delegate().write(0, 8, {"patches": VALUES[:8]})
    assert objects(url) == whole
    assert Bucket(url).get(f"{url.key}/zarr.json") is not None


def test_an_object_of_other_bytes_is_an_error_and_nothing_is_left(url):
    store = begin(url)
    delegated(store, [(8, 16)])
    with pytest.raises(OutputError, match=r"another run has written 'patches/c/[23]/0/0'"):
        store.delegate().write(8, 16, {"patches": VALUES[8:16] + 1})
    store.discard()
    assert objects(url) == {}


def test_what_delegates_put_is_removed_with_the_store_and_does_not_come_back(url):
    """Also what no receipt came for."""
    store = begin(url)
    delegate = store.delegate()
    delegate.write(0, 8, {"patches": VALUES[:8]})
    Bucket(url).put(f"{url.key}/notes.txt", b"of others")
    store.discard()
    with pytest.raises(OutputError, match=r"is not seen on .*AWS_ENDPOINT"):
        delegate.write(8, 16, {"patches": VALUES[8:16]})
    assert objects(url) == {"notes.txt": b"of others"}


def test_without_its_claim_a_run_neither_publishes_nor_removes(url):
    store = begin(url)
    delegated(store, [(0, 23)])
    Bucket(url).delete([f"{url.key}/{CLAIM}"])
    before = objects(url)
    with pytest.raises(OutputError, match="the claim was removed"):
        store.publish()
    store.discard()
    assert objects(url).items() >= before.items()
    assert Bucket(url).get(f"{url.key}/zarr.json") is None


def test_credentials_are_not_handed_on(monkeypatch):
    pytest.importorskip("obstore")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "of-a-test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "never-to-be-seen")
    claim = Claim(location("s3://outputs/p.zarr"), b"{}")
    assert claim.bucket.store is not None  # with them
    handed = pickle.dumps(Delegate(claim, ARRAYS))
    assert b"never-to-be-seen" not in handed
    assert b"obstore" not in handed  # each process opens the bucket itself
