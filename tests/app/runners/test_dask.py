"""The Dask runner: the bytes of the local one, whoever dies meanwhile."""

import asyncio
import errno
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

pytest.importorskip("distributed")

from dask_clusters import ENVIRONMENT, children, contents, kill, to_be_lost
from distributed.comm import connect
from events import logged
from runner_jobs import JOBS, extraction, simulation, training

from ptycho_engine.app import work
from ptycho_engine.app.composition import cluster_settings
from ptycho_engine.app.jobs import extract, simulate, train
from ptycho_engine.app.runners import cluster, errands
from ptycho_engine.app.runners.dask import DaskRunner
from ptycho_engine.app.runners.dask_settings import DaskSettings
from ptycho_engine.app.runners.dispatch import is_loss
from ptycho_engine.app.runners.errands import Errand, run_errand, versions
from ptycho_engine.app.schema import DaskConfig, RunnerConfig
from ptycho_engine.errors import ClusterError, ClusterLostError, ConfigurationError, InputFileError
from ptycho_engine.io.catalogue import FormatSource


def same(one, other):
    found, expected = contents(Path(one)), contents(Path(other))
    assert len(expected) > 3
    assert sorted(found) == sorted(expected)
    assert [name for name in found if found[name] != expected[name]] == []


def three_jobs(runner):
    """Each job in this process, and by the runner: the same bytes."""
    for run, job in JOBS:
        names = [f"{number}.zarr" for number in (1, 2)]
        run(job(names[0]))
        run(job(names[1]), runner=runner)
        same(*names)
        for name in names:
            subprocess.run(["rm", "-r", name], check=True)


# -- without a cluster of processes ----------------------------------------------------------


def test_a_scheduler_that_does_not_answer_is_a_loss_and_an_error_of_a_task_is_none():
    """Whoever connects before the client has noticed meets the first."""

    async def meet():
        with pytest.raises(OSError, match="Timed out trying to connect") as met:
            await connect("tcp://127.0.0.1:1", timeout=0.2)
        return met.value

    assert is_loss(asyncio.run(meet()))
    assert not is_loss(OSError(errno.ENOSPC, "No space left on device"))
    assert not is_loss(OSError("a file of the scan is cut off"))


def test_settings_are_those_of_the_configuration():
    assert cluster_settings(RunnerConfig()) is None
    assert cluster_settings(DaskConfig(workers=3)) == DaskSettings(workers=3)
    with pytest.raises(ConfigurationError, match=r"runner.kind 'ray' is not known.*dask, local"):
        cluster_settings(RunnerConfig(kind="ray"))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"workers": 0}, "runner.workers: received 0. Expected 1 or more"),
        ({"threads": -1}, "runner.threads: received -1"),
        ({"retries": -1}, "runner.retries: received -1. Expected 0 or more"),
        ({"scheduler": "host:8786"}, "Expected an address such as tcp://"),
        ({"scheduler": "tcp://h:1", "workers": 2}, "Expected one of them"),
        ({"portion": "much"}, "much"),
    ],
)
def test_settings_that_cannot_be_used(wrong, message):
    with pytest.raises(ConfigurationError, match=message):
        DaskSettings(**wrong)


@pytest.mark.parametrize("run", ["extract", "train", "simulate"])
def test_single_files_are_refused_before_any_work(folder, run):
    job = {"extract": extraction, "train": training, "simulate": simulation}[run]("out.h5")
    module = {"extract": extract, "train": train, "simulate": simulate}[run]
    with pytest.raises(ConfigurationError, match=r"ends in \.zarr"):
        module.run(job, runner=DaskRunner())
    assert [entry.name for entry in folder.iterdir()] == ["scan.npz"]


def test_a_format_that_writes_by_itself_is_refused():
    other = FormatSource("lab", "lab.format", "lab", "1", lambda: None, (".zarr",))
    with pytest.raises(ConfigurationError, match=r"'lab'.*writes by itself"):
        DaskRunner().check(Path("out.zarr"), other)


def test_without_dask_the_command_is_named(monkeypatch, folder):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ImportError, match=r'pip install "ptycho_engine\[dask\]"'):
        extract.run(extraction("out.zarr"), runner=DaskRunner())
    assert [entry.name for entry in folder.iterdir()] == ["scan.npz"]


@pytest.mark.parametrize("subcommand", ["inspect", "convert", "reassemble"])
def test_what_runs_in_this_process_refuses_a_cluster(subcommand):
    with pytest.raises(ConfigurationError, match=f"runner=dask: {subcommand} runs in this process"):
        getattr(work, subcommand)(SimpleNamespace(runner=DaskConfig()), None)


class Stub:
    """What a client of a cluster answers."""

    scheduler = SimpleNamespace(address="tcp://there:1")
    asynchronous = False

    def __init__(self, answer):
        self.answer = answer

    def wait_for_workers(self, count, timeout):
        if self.answer is None:
            raise TimeoutError

    def run(self, function, on_error):
        return {"tcp://worker:2": self.answer}


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (None, "tcp://there:1: has no worker after .* seconds.*dask worker"),
        (versions() | {"numpy": "1.0"}, "worker tcp://worker:2: numpy 1.0 in place of"),
        (
            ModuleNotFoundError("No module named 'ptycho_engine'"),
            "cannot run ptycho_engine: No mod",
        ),
    ],
)
def test_workers_that_do_not_fit(answer, message):
    with pytest.raises(ClusterError, match=message):
        cluster.check_workers(Stub(answer))


def test_a_worker_that_does_not_see_the_scan_names_itself(monkeypatch):
    """The file is there for the client, which refused it else."""

    def unseen(given):
        raise InputFileError(f"{given}: no such file.")

    errand = Errand(unseen, None, 1, versions())
    with pytest.raises(InputFileError, match=r"^/data/scan.h5: no such file\.$"):
        run_errand(errand, 0, 1, "/data/scan.h5")
    monkeypatch.setattr(errands, "prepare_process", lambda threads: None)
    monkeypatch.setattr(socket, "gethostname", lambda: "node7")
    with pytest.raises(InputFileError, match=r"such file\. A worker on node7.*see the file under"):
        run_errand(errand, 0, 1, "/data/scan.h5")


# -- with one --------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_callers_client_stays_open(folder):
    """Workers in threads of this process, which stays as it is."""
    from distributed import Client

    with Client(processes=False, dashboard_address="127.0.0.1:0") as client:
        three_jobs(DaskRunner(DaskSettings(portion="20KiB"), client=client))
        assert client.submit(len, "four").result() == 4
        assert "TF_NUM_INTRAOP_THREADS" not in os.environ


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2, 4])
def test_bytes_are_those_of_the_local_runner(folder, workers):
    settings = DaskSettings(workers=workers, portion="20KiB", threads=1)
    before = children()
    with DaskRunner(settings) as runner, logged() as events:
        three_jobs(runner)
        assert runner.client.status == "running"
    assert children() == before
    assert {"doubtful_positions", "unfinished_output_swept"}.isdisjoint(e["event"] for e in events)


@pytest.mark.slow
@pytest.mark.tensorflow
def test_tensorflow_cuts_in_workers(folder):
    """With the threads that it is given: it reads how many when it starts."""
    extract.run(extraction("whole.zarr", plugin="chunked_xla"))
    with DaskRunner(DaskSettings(workers=1, portion="20KiB", threads=1)) as runner:
        extract.run(extraction("p.zarr", plugin="chunked_xla"), runner=runner)
        (threads,) = runner.client.run(os.getenv, "TF_NUM_INTRAOP_THREADS").values()
        assert threads == "1"
    same("p.zarr", "whole.zarr")


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_a_killed_worker_changes_nothing(folder, workers):
    """Also the only one, with which the object is gone."""
    extract.run(extraction("whole.zarr"))
    killed = []
    with DaskRunner(DaskSettings(workers=workers, portion="1KiB")) as runner:
        pids = runner.client.run(os.getpid)

        def progress(blocks, count):
            for number, block in enumerate(blocks):
                if number == 3:
                    killed.append(next(iter(pids.values())))
                    kill(killed[0])
                    (array,) = folder.glob(".p.zarr.partial-*/p.zarr/patches/c")
                    (array / "0.partial").touch()  # as it may leave a file half written
                yield block

        extract.run(extraction("p.zarr"), runner=runner, progress=progress)
        assert killed[0] not in runner.client.run(os.getpid).values()
    same("p.zarr", "whole.zarr")


@pytest.mark.slow
def test_a_lost_scheduler_is_an_error_and_the_run_resumes(folder, monkeypatch):
    extract.run(extraction("whole.zarr"))
    with to_be_lost() as (settings, progress):
        runner = DaskRunner(settings)
        with pytest.raises(ClusterLostError, match=r"scheduler was lost.*output\.resume"):
            extract.run(extraction("p.zarr"), runner=runner, progress=progress)
    (left,) = (entry for entry in folder.iterdir() if ".partial-" in entry.name)
    assert left.is_dir()
    with logged() as events:
        extract.run(extraction("p.zarr", resume=True), runner=DaskRunner(DaskSettings(workers=1)))
    (resumed,) = (event for event in events if event["event"] == "output_resumed")
    assert resumed["finished_regions"] > 3
    same("p.zarr", "whole.zarr")
    assert not left.exists()


@pytest.mark.slow
def test_no_scheduler_is_a_clear_error(folder):
    import dask

    with dask.config.set({"distributed.comm.timeouts.connect": "0.3s"}):
        runner = DaskRunner(DaskSettings(scheduler="tcp://127.0.0.1:1"))
        with pytest.raises(ClusterError, match=r"no scheduler answers.*dask scheduler"):
            extract.run(extraction("p.zarr"), runner=runner)
    assert [entry.name for entry in folder.iterdir()] == ["scan.npz"]


@pytest.mark.slow
def test_what_a_worker_refuses_is_said_here(folder):
    """A scan that changes under the run; nothing is left of the output."""
    from distributed import Client

    with Client(processes=False, dashboard_address="127.0.0.1:0") as client:
        runner = DaskRunner(DaskSettings(portion="1KiB", retries=0), client=client)

        def progress(blocks, count):
            Path("scan.npz").unlink()
            yield from blocks

        with pytest.raises(InputFileError, match=r"scan\.npz"):
            train.run(training("t.zarr"), runner=runner, progress=progress)
    assert list(folder.iterdir()) == []


@pytest.mark.slow
def test_an_interrupt_leaves_nothing(folder):
    """Ctrl-C at a terminal: all processes of the group get it."""
    command = [
        sys.executable, "-m", "ptycho_engine.app.command", "runner=dask", "runner.workers=2",
        "plugin=numba", "scan.points=40000", "scan.object_size=2600", "output.path=p.zarr",
        "runner.portion=100KiB", "output.picture=false", "report=false", "runner.log_format=json",
    ]  # fmt: skip
    process = subprocess.Popen(
        command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        start_new_session=True, env={**os.environ, **ENVIRONMENT},
    )  # fmt: skip
    for line in process.stderr:
        if '"cluster"' in line:
            break
    while not any((p / "p.zarr/patches/c/1").exists() for p in folder.glob(".p.zarr.partial-*")):
        time.sleep(0.05)
        assert process.poll() is None
    below = [child.pid for child in psutil.Process(process.pid).children(recursive=True)]
    os.killpg(process.pid, signal.SIGINT)
    _, rest = process.communicate(timeout=60)
    assert process.returncode == 130, rest
    assert "Traceback" not in rest, rest
    assert [entry.name for entry in folder.iterdir()] == ["scan.npz"]
    assert len(below) >= 2
    deadline = time.monotonic() + 20
    while any(os.path.exists(f"/proc/{pid}") for pid in below) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not any(os.path.exists(f"/proc/{pid}") for pid in below)
