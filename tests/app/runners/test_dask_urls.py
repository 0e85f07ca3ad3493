"""The Dask runner with outputs at a URL: the objects of the local one, whoever dies meanwhile."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("distributed")
pytest.importorskip("moto.server")

from dask_clusters import contents, kill, to_be_lost
from object_servers import CREDENTIALS, serving
from runner_jobs import JOBS, extraction, training

from ptycho_engine import read_output
from ptycho_engine.app.jobs import extract, train
from ptycho_engine.app.runners.dask import DaskRunner
from ptycho_engine.app.runners.dask_settings import DaskSettings
from ptycho_engine.errors import ClusterLostError, ConfigurationError, OutputError
from ptycho_engine.io.objects import copies
from ptycho_engine.io.objects.buckets import Bucket
from ptycho_engine.io.objects.claim import CLAIM
from ptycho_engine.io.objects.urls import location
from ptycho_engine.io.scan_files import ScanSource

SECRET = CREDENTIALS["AWS_SECRET_ACCESS_KEY"]
RUNS = 3


@pytest.fixture
def server(folder, monkeypatch):
    """A server, and the environment of its clients, which workers inherit."""
    with serving() as (address, application):
        for name, value in (CREDENTIALS | {"AWS_ENDPOINT": address}).items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
        yield application


def a_url():
    return location(f"s3://outputs/{random.SystemRandom().getrandbits(64)}/p.zarr")


def objects(url):
    bucket = Bucket(url)
    return {key.removeprefix(f"{url.key}/"): bucket.get(key) for key in bucket.below(url.key)}


def check_same(url, path):
    found, expected = objects(url), contents(Path(path))
    assert read_output(url).provenance
    del found["zarr.json"]
    assert len(expected) > 3
    assert sorted(found) == sorted(expected)
    assert [name for name in found if found[name] != expected[name]] == []


@pytest.mark.parametrize("number", [0, 1, 3])
def test_a_store_in_memory_is_refused_before_any_work(folder, number):
    run, job = JOBS[number]
    with pytest.raises(ConfigurationError, match=r"memory://b/out\.zarr.*do not see"):
        run(job("memory://b/out.zarr"), runner=DaskRunner())


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_objects_are_those_of_the_local_runner(server, workers):
    with DaskRunner(DaskSettings(workers=workers, portion="20KiB", threads=1)) as runner:
        for number, (run, job) in enumerate(JOBS):
            run(job(f"{number}.zarr"))
            run(job(url := a_url()), runner=runner)
            check_same(url, f"{number}.zarr")


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_a_killed_worker_changes_nothing(server, workers):
    extract.run(extraction("whole.zarr"))
    with DaskRunner(DaskSettings(workers=workers, portion="1KiB", threads=1)) as runner:
        pids = runner.client.run(os.getpid)

        def progress(blocks, count):
            for number, block in enumerate(blocks):
                if number == 3:
                    kill(next(iter(pids.values())))
                yield block

        extract.run(extraction(url := a_url()), runner=runner, progress=progress)
        assert not set(pids.values()) <= set(runner.client.run(os.getpid).values())
    check_same(url, "whole.zarr")


@pytest.mark.slow
def test_outputs_are_whole_or_absent_where_half_of_all_requests_fail(server, scaled):
    extract.run(extraction("whole.zarr"))
    whole = 0
    with DaskRunner(DaskSettings(workers=2, portion="20KiB", threads=1)) as runner:
        for _ in range(scaled(RUNS)):
            server.share = 0.5
            try:
                with runner:  # a cluster whose job has failed is left
                    extract.run(extraction(url := a_url()), runner=runner)
            except OutputError:
                server.share = 0.0
                assert "zarr.json" not in objects(url)
                continue
            server.share = 0.0
            Bucket(url).delete([f"{url.key}/{CLAIM}"])  # giving it back may fail, too
            check_same(url, "whole.zarr")
            whole += 1
    assert whole >= 1  # else nothing was shown
    assert server.failed > 10


@pytest.mark.slow
def test_an_error_leaves_no_object_though_the_workers_stay(server, monkeypatch):
    """Workers in threads of a cluster that stays: each is amid a portion."""
    from distributed import Client

    create = Bucket.create

    def slow(bucket, key, data):
        time.sleep(0.2)
        return create(bucket, key, data)

    monkeypatch.setattr(Bucket, "create", slow)
    with Client(processes=False, dashboard_address="127.0.0.1:0") as client:
        runner = DaskRunner(DaskSettings(portion="20KiB"), client=client)

        def progress(blocks, count):
            yield next(blocks)
            raise RuntimeError("stop")

        with pytest.raises(RuntimeError, match="stop"):
            train.run(training(url := a_url()), runner=runner, progress=progress)
        assert objects(url) == {}
        time.sleep(1)
        assert objects(url) == {}


@pytest.mark.slow
def test_a_lost_scheduler_leaves_no_object(server):
    with to_be_lost() as (settings, progress):
        runner = DaskRunner(settings)
        with pytest.raises(ClusterLostError, match=r"scheduler was lost.*run again\.$"):
            extract.run(extraction(url := a_url()), runner=runner, progress=progress)
    assert objects(url) == {}


@pytest.mark.slow
def test_an_interrupt_leaves_no_object(server):
    """Ctrl-C at a terminal: all processes of the group get it."""
    url = a_url()
    process = subprocess.Popen(
        [sys.executable, "-m", "ptycho_engine.app.command", "runner=dask", "runner.workers=2",
         "plugin=numba", "scan.points=40000", "scan.object_size=2600", f"output.path={url}",
         "runner.portion=100KiB", "output.picture=false", "report=false"],
        stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    deadline = time.monotonic() + 120
    while not any("patches/c/1" in name for name in objects(url)):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 130, said
    assert "Traceback" not in said
    assert objects(url) == {}


@pytest.mark.slow
def test_workers_fetch_the_scan_where_its_copy_is_not(server):
    """As on other machines: the copy of this process is gone when they read patterns."""
    train.run(training("whole.zarr"))
    place = location(f"s3://scans/{random.SystemRandom().getrandbits(64)}/scan.npz")
    Bucket(place).put(place.key, Path("scan.npz").read_bytes())

    class Elsewhere(DaskRunner):
        def fill_groups(self, filling, progress):
            shutil.rmtree(copies.own().folder)
            return super().fill_groups(filling, progress)

    with Elsewhere(DaskSettings(workers=2, portion="20KiB", threads=1)) as runner:
        job = training(url := a_url(), scan=ScanSource("npz", place))
        train.run(job, runner=runner)
    check_same(url, "whole.zarr")


@pytest.mark.slow
def test_no_credential_is_logged_or_recorded(server):
    url = a_url()
    process = subprocess.run(
        [sys.executable, "-m", "ptycho_engine.app.command", "runner=dask", "runner.workers=1",
         "plugin=numba", f"output.path={url}", "scan.points=300", "runner.log_format=json"],
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert process.returncode == 0, process.stderr
    assert '"cluster"' in process.stderr
    bucket = Bucket(url)
    found = {key: bucket.get(key) for key in bucket.below(str(Path(url.key).parent))}
    assert {Path(key).name for key in found} > {"p.zarr.png", "p.zarr.report.html"}
    assert json.loads(found[f"{url.key}/zarr.json"])["attributes"]["provenance"]
    for text in (process.stdout.encode(), process.stderr.encode(), *found.values()):
        assert SECRET.encode() not in text
