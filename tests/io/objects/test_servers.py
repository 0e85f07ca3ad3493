"""Against a real S3-compatible server, also one that fails: whole or absent, whoever is killed."""

import os
import random
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

pytest.importorskip("moto.server")

from object_servers import COUNT, CREDENTIALS, STEP, fill, serving, values, writer

from ptycho_engine import Scan, read_output, read_scan, write_scan
from ptycho_engine.errors import InputFileError, OutputError
from ptycho_engine.io.objects.buckets import Bucket
from ptycho_engine.io.objects.urls import location
from ptycho_engine.io.patterns import Patterns

pytestmark = pytest.mark.slow
RUNS, KILLS, RACES = 10, 12, 5


@pytest.fixture(params=[0.0, 0.5], ids=["sound", "failing"])
def server(request, monkeypatch):
    """A server, its share of failures, and the environment of its clients."""
    with serving(request.param) as (address, application):
        environment = CREDENTIALS | {"AWS_ENDPOINT": address}
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
        yield application


@pytest.fixture
def url(server):
    return location(f"s3://outputs/{random.SystemRandom().getrandbits(64)}/patches.zarr")


def calm(server):
    """Let the server fail no more, to look at what came of it."""
    server.share = 0.0


def objects(url):
    bucket = Bucket(url)
    return {key.removeprefix(f"{url.key}/"): bucket.get(key) for key in bucket.below(url.key)}


def check_whole(url, seed, folder):
    path = folder / f"{seed}.zarr"
    if not path.exists():
        fill(path, seed)
    files = (file for file in path.rglob("*") if file.is_file())
    local = {str(file.relative_to(path)): file.read_bytes() for file in files}
    assert objects(url) == local
    with read_output(url) as output:
        assert np.array_equal(output.patches[...], values(seed))


def test_outputs_are_whole_or_absent(server, tmp_path, scaled):
    whole = 0
    share = server.share
    for seed in range(scaled(RUNS)):
        server.share = share
        url = location(f"s3://outputs/run/{random.SystemRandom().getrandbits(64)}/p.zarr")
        try:
            fill(url, seed)
        except OutputError:
            calm(server)
            assert "zarr.json" not in objects(url)
        else:
            calm(server)
            found = objects(url)
            if ".ptycho-engine-claim.json" in found:  # giving it back may fail, too
                Bucket(url).delete([f"{url.key}/.ptycho-engine-claim.json"])
            check_whole(url, seed, tmp_path)
            whole += 1
    assert whole >= 1  # else nothing was shown
    assert server.failed or not share


def test_scans_are_read_from_a_server(server, tmp_path):
    rng = np.random.default_rng(0)
    scan = Scan(
        image=rng.normal(size=(64, 60)).astype("c8"),
        positions=rng.uniform(16, 40, (40, 2)),
        source="made",
        patterns=Patterns.of(rng.random((40, 64, 64), "f4"), "amplitude"),
    )
    write_scan(tmp_path / "scan.h5", scan)
    server.share /= 3  # few enough failures for each request to succeed in the end
    name = random.SystemRandom().getrandbits(64)
    place = location(f"s3://scans/{name}/a folder/scan.h5")
    bucket = Bucket(place)
    bucket.put(place.key, (tmp_path / "scan.h5").read_bytes())
    write_scan(f"s3://scans/{name}/scan.zarr", scan)
    for url in (str(place), f"s3://scans/{name}/scan.zarr"):
        found = read_scan("file", url)
        assert np.array_equal(found.image, scan.image)
        assert np.array_equal(found.patterns.read(3, 29), scan.patterns.read(3, 29))


def test_a_killed_run_leaves_no_store_and_the_next_run_sweeps(server, tmp_path, scaled):
    rng = random.Random(0)
    for seed in range(scaled(KILLS)):
        url = location(f"s3://outputs/kill/{random.SystemRandom().getrandbits(64)}/p.zarr")
        process = writer(url, seed, 0.01)
        for _ in range(rng.randrange(1, COUNT // STEP)):
            process.stdout.readline()
        time.sleep(rng.uniform(0, 0.02))
        process.kill()
        process.communicate()
        share = server.share
        calm(server)
        if "zarr.json" not in objects(url):
            with pytest.raises(InputFileError, match=r"a store whose run has not ended|no such"):
                read_output(url)
            server.share = share / 5  # few enough failures for it to succeed
            fill(url, seed)
            calm(server)
        Bucket(url).delete([f"{url.key}/.ptycho-engine-claim.json"])
        check_whole(url, seed, tmp_path)
        server.share = share


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_removes_what_it_put(server, url, number):
    calm(server)
    code = "import signal, sys; signal.signal(signal.SIGTERM, lambda *_: sys.exit(3))\n"
    process = subprocess.Popen(
        [sys.executable, "-c", f"{code}from object_servers import PROGRAM; exec(PROGRAM)",
         str(url), "1", "0.2"],
        stdout=subprocess.PIPE, text=True, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    for _ in range(3):
        assert process.stdout.readline().startswith("region")
    assert objects(url)
    process.send_signal(number)
    process.communicate(timeout=120)
    assert process.returncode
    assert objects(url) == {}


def test_of_processes_that_race_one_wins(server, tmp_path, scaled):
    calm(server)
    for _ in range(scaled(RACES)):
        url = location(f"s3://outputs/race/{random.SystemRandom().getrandbits(64)}/p.zarr")
        runs = [writer(url, seed, 0.02) for seed in range(3)]
        said = [run.communicate(timeout=300)[1] for run in runs]
        winners = [seed for seed, run in enumerate(runs) if run.returncode == 0]
        assert len(winners) == 1, said
        for seed, words in enumerate(said):
            if seed != winners[0]:
                assert "OutputError" in words
                assert "at this moment" in words or "exists already" in words or "began" in words
        check_whole(url, winners[0], tmp_path)


def test_no_server_is_a_clear_error_within_a_minute(monkeypatch):
    for name, value in (CREDENTIALS | {"AWS_ENDPOINT": "http://127.0.0.1:9"}).items():
        monkeypatch.setenv(name, value)
    begun = time.monotonic()
    with pytest.raises(InputFileError, match=r"the object store failed.*AWS_ENDPOINT") as caught:
        read_scan("file", "s3://scans/scan.h5")
    assert time.monotonic() - begun < 60
    assert CREDENTIALS["AWS_SECRET_ACCESS_KEY"] not in str(caught.value)


def test_no_credential_is_logged_or_said(server):
    calm(server)
    process = subprocess.run(
        [sys.executable, "-m", "ptycho_engine.app.command", "s3://scans/nothing.h5"],
        capture_output=True, text=True, check=False,
        env=os.environ | {"RUST_LOG": "trace"}, timeout=300,
    )  # fmt: skip
    said = process.stdout + process.stderr
    assert "no such object" in said
    assert CREDENTIALS["AWS_SECRET_ACCESS_KEY"] not in said
