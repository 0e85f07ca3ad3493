"""A sweep's exit code is that of its worst job, whatever process the jobs run in."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from contextlib import nullcontext

import pytest
from commands import call_command
from hydra.core.utils import JobReturn, JobStatus
from processes import run_python

from ptycho_engine.app.outcomes import Outcome, Outcomes
from ptycho_engine.app.sweeps import (
    WatchedLauncher,
    outcome_of,
    refuse_shared_output,
    what_varies,
)
from ptycho_engine.errors import ConfigurationError
from ptycho_engine.workers import core_count

JOB = [
    "scan.points=10",
    "scan.object_size=64",
    "plugin=numba",
    "output.picture=false",
    "report=false",
    "runner.log_level=ERROR",
]

#: A launcher that runs each job in a process of its own, as those for clusters do.
FORKED = """
import os, pickle
from pathlib import Path
from hydra.core.utils import JobReturn, run_job
from hydra.plugins.launcher import Launcher
from omegaconf import open_dict

class ForkedLauncher(Launcher):
    def setup(self, *, hydra_context, task_function, config):
        self.context, self.task, self.config = hydra_context, task_function, config

    def launch(self, job_overrides, initial_job_idx):
        return [self.run(initial_job_idx + i, o) for i, o in enumerate(job_overrides)]

    def run(self, number, overrides):
        reader, writer = os.pipe()
        if os.fork() == 0:
            config = self.context.config_loader.load_sweep_config(self.config, list(overrides))
            with open_dict(config):
                config.hydra.job.id = config.hydra.job.num = number
            result = run_job(
                task_function=self.task, config=config, job_dir_key="hydra.sweep.dir",
                job_subdir_key="hydra.sweep.subdir", hydra_context=self.context,
            )
            kept = JobReturn(status=result.status, _return_value=result._return_value)
            os.write(writer, pickle.dumps(kept))
            os._exit(0)
        os.close(writer)
        os.wait()
        with os.fdopen(reader, "rb") as stream:
            return pickle.loads(stream.read())

from hydra.core.config_store import ConfigStore
ConfigStore.instance().store(
    group="hydra/launcher", name="forked",
    node={"_target_": "hydra_plugins.forked.ForkedLauncher"}, provider="a test",
)
"""
LAUNCHERS = {
    "basic": ["hydra/launcher=basic"],
    "forked": ["hydra/launcher=forked"],
    "joblib": ["hydra/launcher=joblib"],
    "submitit": ["hydra/launcher=submitit_local"],
}


@pytest.fixture(params=LAUNCHERS)
def launcher(request, tmp_path):
    """The arguments that choose a launcher, and the environment that it needs."""
    name, folder = request.param, tmp_path / "path"
    if name == "forked":
        (folder / "hydra_plugins").mkdir(parents=True)
        (folder / "hydra_plugins" / "forked.py").write_text(FORKED)
    elif name != "basic":
        pytest.importorskip(f"hydra_plugins.hydra_{name}_launcher")
    return LAUNCHERS[name], {**os.environ, "PYTHONPATH": str(folder)}


def sweep(folder, launcher, *overrides):
    arguments, environment = launcher
    work = folder / "work"
    work.mkdir(exist_ok=True)
    return run_python(
        "-m", "ptycho_engine.app.command", "--multirun", *arguments, *JOB, *overrides,
        cwd=work, env=environment,
    )  # fmt: skip


def summary(done):
    """The lines that say how each job ended."""
    return [line for line in done.stderr.splitlines() if re.match(r"ptycho-engine: job \d", line)]


@pytest.mark.slow_cases("joblib", "submitit", "forked")
def test_the_worst_code_comes_through(tmp_path, launcher):
    done = sweep(tmp_path, launcher, "patch_size=8,0,16", "hydra.sweep.dir=out")
    assert done.returncode == 2, done.stderr
    first, second, third = summary(done)
    work = tmp_path / "work"
    assert first == f"ptycho-engine: job 0 patch_size=8: done: {work}/out/0/patches.npz"
    assert second == (
        "ptycho-engine: job 1 patch_size=0: refused: RequestError: patch_size: received 0. "
        "Expected an integer above zero."
    )
    assert third == f"ptycho-engine: job 2 patch_size=16: done: {work}/out/2/patches.npz"
    assert [p.parent.name for p in sorted(work.glob("out/*/patches.npz"))] == ["0", "2"]
    assert "Traceback" not in done.stderr
    assert "3 runs, 1 failed" in done.stderr
    assert done.stderr.splitlines()[-1] == f"ptycho-engine: summary: {work}/out/sweep.html"
    check_summary(work / "out", launcher)


def check_summary(folder, launcher):
    """What the runs told of themselves came back from whatever process they ran in."""
    kept = json.loads((folder / "sweep.json").read_text())
    assert kept["varying"] == ["patch_size"]
    assert [run["outcome"] for run in kept["runs"]] == ["done", "refused", "done"]
    for number, run in enumerate(kept["runs"]):
        if run["outcome"] == "done":
            assert run["output"] == str(folder / str(number) / "patches.npz")
            assert (run["plugin"], run["patches"]) == ("numba", 10)
            assert run["seconds"] > 0
            assert run["peak_bytes"] > 10 * 1024**2
    assert kept["launcher"] == launcher[0][0].partition("=")[2]
    at_once = {"joblib": min(3, core_count()), "submitit_local": 3}.get(kept["launcher"], 1)
    assert kept["runs_at_once"] == at_once
    assert kept["cores_of_a_run"] == (None if at_once == 1 else max(1, core_count() // at_once))
    assert 'href="2/patches.npz"' in (folder / "sweep.html").read_text()


@pytest.mark.slow
@pytest.mark.parametrize("launcher", ["basic", "forked"], indirect=True)
def test_batches_of_a_sweep_all_count(tmp_path, launcher):
    """The one that is refused stands in the first batch; the second is run all the same."""
    done = sweep(tmp_path, launcher, "patch_size=0,8", "hydra.sweeper.max_batch_size=1")
    assert done.returncode == 2, done.stderr
    first, second = summary(done)
    assert " patch_size=0: refused: " in first
    assert " patch_size=8: done: " in second


@pytest.mark.slow
@pytest.mark.parametrize("launcher", ["basic", "forked"], indirect=True)
def test_a_sweep_without_faults_exits_with_zero(tmp_path, launcher):
    done = sweep(tmp_path, launcher, "patch_size=8,9")
    assert done.returncode == 0, done.stderr
    assert len(summary(done)) == 2


def test_a_fault_is_told_from_a_refusal(tmp_path):
    code = (
        "import sys; from ptycho_engine.app.jobs import prerequisites\n"
        "def broken(*_, **__): raise RuntimeError('a fault\\nof two lines')\n"
        "prerequisites.read_scan = broken\n"
        "from ptycho_engine.app.command import main; sys.argv[0] = 'ptycho-engine'; main()"
    )
    done = run_python("-c", code, "--multirun", *JOB, "patch_size=8,9", cwd=tmp_path, ours=True)
    assert done.returncode == 1, done.stderr
    expected = "a fault: RuntimeError: a fault of two lines; nothing was written."
    assert summary(done)[1] == f"ptycho-engine: job 1 patch_size=9: {expected}"


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_ends_a_sweep(tmp_path, number):
    command = [sys.executable, "-m", "ptycho_engine.app.command", "--multirun", "plugin=numba"]
    command += ["scan.points=100000", "scan.step=1", "patch_size=64,65", "hydra.sweep.dir=out"]
    process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob("out/0/.patches.npz.partial-*")):
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(number)
    _, message = process.communicate(timeout=60)
    assert process.returncode == 130, message
    assert "interrupted; nothing was written." in message
    assert not (tmp_path / "out" / "1").exists()
    first, second = json.loads((tmp_path / "out" / "sweep.json").read_text())["runs"]
    assert (first["outcome"], first["words"]) == ("interrupted", "nothing was written.")
    assert (second["outcome"], second["words"]) == ("interrupted", "its end is not known")


def test_what_is_no_outcome_is_a_fault():
    class Return:
        _return_value = ValueError("lost")

    assert outcome_of(Return()) == Outcome(1, "ValueError: lost")
    assert str(outcome_of(Return())) == "a fault: ValueError: lost"


@pytest.mark.parametrize(
    ("paths", "shared"),
    [
        ("/out/p.npz", True),
        ("'~/p.npz'", True),
        ("s3://results/p.zarr", True),
        ("p.npz", False),
        ("/out/${patch_size}.npz", False),
    ],
)
def test_runs_that_would_write_to_one_place_are_refused_before_the_first(paths, shared):
    jobs, known = [["a=1", f"output.path={paths}"], ["a=2", f"output.path={paths}"]], set()
    for batch in (jobs, jobs[:1]):  # a later one, too
        expected = pytest.raises(ConfigurationError, match=r"output\.path: received .* for several")
        with expected if shared else nullcontext():
            refuse_shared_output(batch, known)


def test_a_sweep_into_one_file_begins_no_run(tmp_path):
    done = call_command(
        "-m", *JOB, "patch_size=8,16", f"output.path={tmp_path}/p.npz", "output.overwrite=true",
        "hydra.sweep.dir=out", cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert "output.path: received" in line
    assert not (tmp_path / "p.npz").exists()


class Broken:
    """A launcher whose cluster ends a job."""

    def launch(self, job_overrides, initial_job_idx):
        raise RuntimeError("Job 7 (task: 0) was killed")


def test_a_launcher_that_fails_loses_its_batch_alone(capsys):
    outcomes = Outcomes()
    launcher = WatchedLauncher(Broken(), outcomes)
    results = launcher.launch([["a=1"], ["a=2"]], 4)
    said = "a fault: the launcher failed, RuntimeError: Job 7 (task: 0) was killed"
    assert [str(outcome_of(result)) for result in results] == [said, said]
    assert [str(outcome) for outcome in outcomes.ended] == [said, said]
    assert outcomes.worst == 1
    lines = capsys.readouterr().err.splitlines()
    assert lines == [f"ptycho-engine: job {n} a={n - 3}: {said}" for n in (4, 5)]


@pytest.mark.slow
def test_a_job_that_its_cluster_ends_is_lost_alone(tmp_path, capsys):
    submitit = pytest.importorskip("submitit")

    def ended_from_outside():
        os.kill(os.getpid(), signal.SIGKILL)

    def a_return():
        return JobReturn(status=JobStatus.COMPLETED, _return_value=Outcome(0, "here.npz"))

    class Launcher:
        def launch(self, job_overrides, initial_job_idx):
            executor = submitit.LocalExecutor(tmp_path)
            jobs = [executor.submit(work) for work in (ended_from_outside, a_return)]
            return [job.results()[0] for job in jobs]

    Launcher.__module__ = "hydra_plugins.hydra_submitit_launcher.submitit_launcher"
    outcomes, before = Outcomes(), submitit.Job.results
    WatchedLauncher(Launcher(), outcomes).launch([["a=1"], ["a=2"]], 0)
    lost, kept = outcomes.ended
    assert lost.code == 1
    assert lost.words.startswith("the job was lost, UncompletedJobError: Job ")
    assert kept == Outcome(0, "here.npz")
    assert submitit.Job.results is before


def test_what_ended_in_this_process_is_known_after_an_interrupt():
    class Interrupted:
        def launch(self, job_overrides, initial_job_idx):
            outcomes.here[0] = Outcome(0, "here.npz")
            raise KeyboardInterrupt

    outcomes = Outcomes()
    with pytest.raises(KeyboardInterrupt):
        WatchedLauncher(Interrupted(), outcomes).launch([["a=1"], ["a=2"]], 0)
    assert outcomes.ended == [Outcome(0, "here.npz"), Outcome(130, "its end is not known")]


def test_only_what_varies_is_named():
    jobs = [["a=1", "b=2", "hydra.sweep.dir=x"], ["a=1", "b=3"]]
    assert what_varies(jobs) == ["b=2", "b=3"]
    assert what_varies(jobs[:1]) == ["a=1 b=2"]
    assert what_varies([]) == []
