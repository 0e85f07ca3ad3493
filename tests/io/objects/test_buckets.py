"""What is said of a failure, what is never repeated, and what the environment changes."""

import numpy as np
import pytest

obstore = pytest.importorskip("obstore")
from obstore.exceptions import GenericError, PermissionDeniedError, PreconditionError

from ptycho_engine import read_output
from ptycho_engine.errors import InputFileError, OutputError
from ptycho_engine.io.objects import buckets
from ptycho_engine.io.objects.buckets import Bucket
from ptycho_engine.io.objects.urls import location
from ptycho_engine.io.store import ArraySpec, Store

URL = location("memory://buckets/file")
SAID = "Server returned 403 <Error><AWSAccessKeyId>AKIA123</AWSAccessKeyId></Error>\n\nDebug source"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (PermissionDeniedError(SAID), "AWS_ACCESS_KEY_ID"),
        (PreconditionError(SAID), "changed while it was read"),
        (GenericError(SAID), "the object store failed: Server returned 403"),
        (GenericError("HTTP error: builder error"), "AWS_ALLOW_HTTP=true"),
        (RuntimeError("of any kind"), "the object store failed: of any kind"),
        (
            GenericError("HEAD http://u:AKIA@h:9/x?t=AKIA/b/k%402 in 2s: ftp://AKIA@h/?AKIA#AKIA"),
            r"failed: HEAD http://h:9/x in 2s: ftp://h/\.",
        ),
    ],
)
@pytest.mark.parametrize(("writes", "kind"), [(False, InputFileError), (True, OutputError)])
def test_failures_are_ours_and_repeat_nothing_of_a_server(monkeypatch, error, words, writes, kind):
    def fail(*arguments, **named):
        raise error

    monkeypatch.setattr(obstore, "head", fail)
    monkeypatch.setattr(buckets.time, "sleep", lambda seconds: None)
    with pytest.raises(kind, match=words) as caught:
        Bucket(URL, writes=writes).facts("file")
    assert str(caught.value).startswith(str(URL))
    assert "AKIA" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_tries_end_in_time(monkeypatch):
    now = [0.0]

    def fail(*arguments, **named):
        now[0] += buckets.PATIENCE
        raise GenericError("no answer")

    monkeypatch.setattr(obstore, "head", fail)
    monkeypatch.setattr(buckets.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(buckets.time, "sleep", lambda seconds: now.append(seconds))
    with pytest.raises(InputFileError, match="no answer"):
        Bucket(URL).facts("file")
    assert now[0] + sum(now[1:]) <= buckets.LONGEST


def test_an_object_is_created_replaced_and_deleted():
    bucket = Bucket(URL, writes=True)
    assert bucket.create("a/1", b"1")
    assert bucket.create("a/1", memoryview(b"1"))  # as a request that was carried out before
    assert not bucket.create("a/1", b"2")
    facts = bucket.facts("a/1")
    assert bucket.replace(facts, b"3")
    assert not bucket.replace(facts, b"4")
    assert bucket.get("a/1") == b"3"
    assert (list(bucket.below("a")), bucket.holds_any("a")) == (["a/1"], True)
    bucket.delete(["a/0", "a/1", "a/2"])
    assert bucket.get("a/1") is None
    assert not bucket.holds_any("a")


def test_a_bucket_is_opened_anew_where_the_environment_says_other(monkeypatch):
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    first = Bucket(location("s3://bucket/key")).store
    assert Bucket(location("s3://bucket/other")).store is first
    monkeypatch.setenv("AWS_ENDPOINT", "http://127.0.0.1:9")
    assert Bucket(location("s3://bucket/key")).store is not first


def test_a_chunk_that_cannot_be_read_is_an_error_of_ours(monkeypatch):
    url = location("memory://buckets/a.zarr")
    with Store.create(url, {"a": ArraySpec((3,), "f8")}) as store:
        store.write("a", (), np.arange(3.0))

    async def fail(*arguments, **named):
        raise GenericError("no network")

    with read_output(url) as output:
        from zarr.storage import ObjectStore

        monkeypatch.setattr(ObjectStore, "get", fail)
        with pytest.raises(InputFileError, match="the object store failed: no network"):
            _ = output.arrays["a"][...]
