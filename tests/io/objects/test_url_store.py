"""Outputs at a URL, in a store of this process: whole or absent, and never replaced."""

import itertools
import json
import random
import threading
from dataclasses import asdict

import numpy as np
import pytest
from object_servers import ARRAYS, STEP, fill, values

from ptycho_engine import read_output
from ptycho_engine.errors import ConfigurationError, InputFileError, OutputError
from ptycho_engine.io.lease import Holder
from ptycho_engine.io.objects import buckets, claim
from ptycho_engine.io.objects.buckets import Bucket
from ptycho_engine.io.objects.urls import location
from ptycho_engine.io.store import Store

obstore = pytest.importorskip("obstore")
from obstore.exceptions import GenericError

NUMBERS = itertools.count()


@pytest.fixture
def url():
    return location(f"memory://outputs/{next(NUMBERS)}/patches.zarr")


def objects(url):
    """All objects below a URL, by their names there."""
    bucket = Bucket(url)
    return {key.removeprefix(f"{url.key}/"): bucket.get(key) for key in bucket.below(url.key)}


def files(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def check_whole(url, seed, folder):
    """Hold an output against a local one of the same run, byte for byte."""
    fill(folder / f"{seed}.zarr", seed)
    assert objects(url) == files(folder / f"{seed}.zarr")
    with read_output(url) as output:
        assert np.array_equal(output.patches[...], values(seed))
        assert output.configuration == {"seed": seed}


def test_an_output_has_the_bytes_of_a_local_one(url, tmp_path):
    fill(url, 1)
    check_whole(url, 1, tmp_path)


def test_root_metadata_come_last_and_nothing_is_a_store_before(url):
    with Store.create(url, ARRAYS) as store:
        store.write("positions", (), np.zeros((48, 2)))
        store.write("patches", (), values(0))
        found = objects(url)
        assert {"patches/c/0/0/0", "positions/c/0/0"} <= found.keys()
        assert "zarr.json" not in found
        with pytest.raises(InputFileError, match="a store whose run has not ended"):
            read_output(url)
    assert "zarr.json" in objects(url)


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_a_run_that_fails_leaves_nothing(url, error):
    beside = Bucket(url)
    beside.put(url.with_name("patches.zarr2").key, b"of others")

    def fail(start):
        if start == 2 * STEP:
            raise error

    with pytest.raises(error):
        fill(url, 1, fail)
    assert objects(url) == {}
    assert beside.get(url.with_name("patches.zarr2").key) == b"of others"
    fill(url, 2)  # the next one can


def test_what_is_missing_keeps_it_from_appearing(url):
    with pytest.raises(OutputError, match="Write the remaining regions"), Store.create(url, ARRAYS):
        pass
    assert objects(url) == {}


def test_nothing_is_replaced(url):
    fill(url, 1)
    before = objects(url)
    with pytest.raises(OutputError, match=r"exists already.*is ever replaced"):
        fill(url, 2)
    with pytest.raises(ConfigurationError, match=r"output\.overwrite=true"):
        Store.create(url, ARRAYS, overwrite=True)
    assert objects(url) == before


@pytest.mark.parametrize("name", ["patches.npz", "patches.h5", "patches"])
def test_other_suffixes_are_refused(url, name):
    with pytest.raises(ConfigurationError, match=r"Expected \.zarr|suffix"):
        Store.create(url.with_name(name), ARRAYS)


def test_objects_of_others_are_neither_replaced_nor_removed(url):
    Bucket(url).put(f"{url.key}/notes.txt", b"of others")
    with pytest.raises(OutputError, match=r"notes\.txt.*are no store"):
        fill(url, 1)
    Bucket(url).put(url.key, b"an object")
    with pytest.raises(OutputError, match="exists already"):
        fill(url, 1)
    assert objects(url) == {"notes.txt": b"of others"}


def test_a_run_is_kept_from_the_place_of_another(url, tmp_path):
    with Store.create(url, ARRAYS) as store:
        with pytest.raises(OutputError, match="is writing it at this moment"):
            fill(url, 2)
        store.discard()
    fill(url, 2)
    check_whole(url, 2, tmp_path)


def test_of_many_runs_that_race_one_wins(url, tmp_path):
    barrier, errors = threading.Barrier(5), []

    def run(seed):
        barrier.wait()
        try:
            fill(url, seed)
        except OutputError as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(seed,)) for seed in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(errors) == 4
    with read_output(url) as output:
        check_whole(url, output.configuration["seed"], tmp_path)


def left_by(url, **holder):
    """Leave what a run of some process leaves when it is killed."""
    found = {**asdict(Holder.own()), "machine": claim._machine(), **holder}
    bucket = Bucket(url)
    bucket.put(f"{url.key}/{claim.CLAIM}", json.dumps(found).encode())
    for name in ("patches/c/0/0/0", "positions/zarr.json"):
        bucket.put(f"{url.key}/{name}", b"of a dead run")


def test_what_a_dead_run_of_this_machine_left_is_swept(url, tmp_path):
    left_by(url, started=1.0)
    fill(url, 3)
    check_whole(url, 3, tmp_path)


@pytest.mark.parametrize("holder", [{"host": "elsewhere"}, {"machine": "a container"}])
def test_what_another_machine_began_is_kept(url, holder):
    left_by(url, started=1.0, **holder)
    before = objects(url)
    with pytest.raises(OutputError, match=r"only that machine knows.*remove all objects below"):
        fill(url, 3)
    assert objects(url) == before


def test_a_run_that_was_killed_once_its_output_had_appeared_hides_nothing(url, tmp_path):
    fill(url, 1)
    whole = objects(url)
    left = {**asdict(Holder.own()), "machine": claim._machine(), "started": 1.0}
    Bucket(url).put(f"{url.key}/{claim.CLAIM}", json.dumps(left).encode())
    with pytest.raises(OutputError, match="exists already"):
        fill(url, 2)
    assert objects(url).items() >= whole.items()


def test_chunks_of_two_runs_never_mix_even_if_a_claim_is_removed_by_hand(url):
    first = Store.create(url, ARRAYS)
    first.write("patches", slice(24, 30), values(1)[24:30])
    Bucket(url).delete([f"{url.key}/{claim.CLAIM}", f"{url.key}/patches/c/4/0/0"])
    fill(url, 2)
    with pytest.raises(OutputError, match="another run has written"):
        first.write("patches", slice(0, 24), values(1)[:24])
    first.discard()
    with read_output(url) as output:
        assert np.array_equal(output.patches[...], values(2))


def test_a_chunk_that_is_missing_is_an_error_when_it_is_read(url):
    fill(url, 1)
    Bucket(url).delete([f"{url.key}/patches/c/1/0/0"])
    with read_output(url) as output:
        assert np.array_equal(output.patches[:6], values(1)[:6])
        with pytest.raises(InputFileError, match="'patches/c/1/0/0' is missing"):
            _ = output.patches[6:12]


def test_a_server_that_ignores_conditions_is_refused(url, monkeypatch):
    put = obstore.put
    monkeypatch.setattr(
        obstore, "put", lambda store, key, data, mode=None, **named: put(store, key, data, **named)
    )
    with pytest.raises(OutputError, match="If-None-Match"):
        fill(url, 1)
    assert objects(url) == {}


# -- a store that fails ------------------------------------------------------------------------


def failing(monkeypatch, share, seed):
    """Let a share of the requests fail, before or after they are carried out."""
    rng, lock = random.Random(seed), threading.Lock()

    def broken(call):
        def ask(*arguments, **named):
            with lock:
                fails, after = rng.random() < share, rng.random() < 0.5
            if fails and not after:
                raise GenericError("lost")
            found = call(*arguments, **named)
            if fails:
                raise GenericError("answer lost")
            return found

        return ask

    for name in ("put", "get", "head", "delete", "list", "list_with_delimiter"):
        monkeypatch.setattr(obstore, name, broken(getattr(obstore, name)))
    monkeypatch.setattr(buckets.time, "sleep", lambda seconds: None)


@pytest.mark.parametrize(("share", "seed"), [(0.5, s) for s in range(6)] + [(0.25, 1), (0.25, 2)])
def test_an_output_is_whole_or_absent_where_requests_fail(url, tmp_path, monkeypatch, share, seed):
    with monkeypatch.context() as patch:
        failing(patch, share, seed)
        said = ""
        try:
            fill(url, 1)
        except OutputError as error:
            said = str(error)
    found = objects(url)
    if not said:
        found.pop(claim.CLAIM, None)  # giving it back may have failed; the store is whole
        Bucket(url).delete([f"{url.key}/{claim.CLAIM}"])
        check_whole(url, 1, tmp_path)
    else:
        assert str(url) in said
        assert "zarr.json" not in found


def test_a_store_that_never_answers_is_a_clear_error(url, monkeypatch):
    failing(monkeypatch, 1.0, 0)
    with pytest.raises(OutputError, match="the object store failed: lost"):
        fill(url, 1)
    with pytest.raises(InputFileError, match="the object store failed"):
        read_output(url)


def test_if_nobody_knows_whether_it_appeared_all_is_left(url, monkeypatch, tmp_path):
    put, get = obstore.put, obstore.get

    def lost(store, key, *arguments, **named):
        found = put(store, key, *arguments, **named)
        if key == f"{url.key}/zarr.json":
            monkeypatch.setattr(obstore, "get", lambda *a, **n: (_ for _ in ()).throw(
                GenericError("no network")))  # fmt: skip
            raise GenericError("no network")
        return found

    monkeypatch.setattr(buckets.time, "sleep", lambda seconds: None)
    monkeypatch.setattr(obstore, "put", lost)
    with pytest.raises(OutputError, match="no network"):
        fill(url, 1)
    monkeypatch.setattr(obstore, "put", put)
    monkeypatch.setattr(obstore, "get", get)
    assert objects(url).keys() >= {"zarr.json", claim.CLAIM}
    Bucket(url).delete([f"{url.key}/{claim.CLAIM}"])
    check_whole(url, 1, tmp_path)
