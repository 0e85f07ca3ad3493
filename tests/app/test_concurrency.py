"""Runs that share a machine: how many at once, and which cores each is told to have."""

import os
import re
import sys
from types import ModuleType

import pytest
from processes import run_python

from ptycho_engine.app.concurrency import (
    VARIABLES,
    limit_workers,
    part_of_the_cores,
    runs_at_once,
    told_cores,
)
from ptycho_engine.errors import ConfigurationError
from ptycho_engine.workers import allocated_cores, core_count


@pytest.fixture(autouse=True)
def nothing_told(monkeypatch):
    for name in (*VARIABLES, "SLURM_CPUS_PER_TASK", "SLURM_CPUS_ON_NODE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)


def launcher(name, **values):
    return type(name, (), values)()


@pytest.mark.parametrize(
    ("jobs", "runs", "at_once"), [(4, 9, 4), (4, 3, 3), (-1, 99, 16), (1, 9, 1)]
)
def test_joblib_has_as_many_as_it_is_told(monkeypatch, jobs, runs, at_once):
    joblib = ModuleType("joblib")
    joblib.effective_n_jobs = lambda n: 16 if n == -1 else n
    monkeypatch.setitem(sys.modules, "joblib", joblib)
    assert runs_at_once(launcher("JoblibLauncher", joblib={"n_jobs": jobs}), runs) == at_once


@pytest.mark.parametrize(
    ("told", "runs", "limited"),
    [(100_000, 9, 9), (100_000, 1, 2), (4, 9, 4), (-1, 9, -1), (None, 9, None)],
)
def test_joblib_starts_no_more_processes_than_there_are_runs(told, runs, limited):
    of_joblib = launcher("JoblibLauncher", joblib={"n_jobs": told})
    limit_workers(of_joblib, runs)
    assert of_joblib.joblib["n_jobs"] == limited
    limit_workers(launcher("BasicLauncher"), runs)  # of which nothing is known


def test_submitit_starts_all_here_or_each_where_slurm_says():
    assert runs_at_once(launcher("LocalLauncher"), 5) == 5
    assert runs_at_once(launcher("SlurmLauncher"), 5) == 1
    assert runs_at_once(launcher("BasicLauncher"), 5) == 1


def test_the_cores_are_divided(monkeypatch):
    assert [part_of_the_cores(n) for n in (1, 2, 3, 8, 20)] == [None, 4, 2, 1, 1]
    monkeypatch.setenv("PTYCHO_ENGINE_THREADS", "3")  # somebody has said it
    assert [part_of_the_cores(n) for n in (1, 2, 20)] == [None, 3, 3]


def test_what_is_told_is_taken_back_and_what_is_set_stays(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    before = dict(os.environ)
    with told_cores(2):
        told = {name: os.environ[name] for name in VARIABLES}
    assert told.pop("OMP_NUM_THREADS") == "7"
    assert set(told.values()) == {"2"}
    assert dict(os.environ) == before
    with told_cores(None):
        assert dict(os.environ) == before


def test_cores_are_those_told_or_bound_or_allocated():
    assert core_count({}) == 8
    assert core_count({}, allocated=4) == 4
    assert core_count({}, allocated=64) == 8
    assert core_count({"PTYCHO_ENGINE_THREADS": "12"}, allocated=2) == 12
    assert core_count({"PTYCHO_ENGINE_THREADS": ""}) == 8


def test_a_task_of_slurm_has_its_own_cores_and_a_job_those_of_the_node():
    assert allocated_cores({}) is None
    assert allocated_cores({"SLURM_CPUS_ON_NODE": "4"}) == 4
    assert allocated_cores({"SLURM_CPUS_ON_NODE": "4", "SLURM_CPUS_PER_TASK": "2"}) == 2
    assert allocated_cores({"SLURM_CPUS_ON_NODE": "many"}) is None


@pytest.mark.parametrize("told", ["0", "-1", "two", "1.5"])
def test_what_is_no_number_of_cores_is_refused(told):
    with pytest.raises(ConfigurationError, match=f"PTYCHO_ENGINE_THREADS: received '{told}'"):
        core_count({"PTYCHO_ENGINE_THREADS": told})


def test_the_command_says_so_before_any_work(tmp_path, monkeypatch):
    monkeypatch.setenv("PTYCHO_ENGINE_THREADS", "two")
    for arguments in (["plugin=numba"], ["-m", "plugin=numba", "patch_size=8,9"]):
        done = run_python("-m", "ptycho_engine.app.command", *arguments, cwd=tmp_path)
        assert done.returncode == 2
        assert re.fullmatch(
            r"ptycho-engine: ConfigurationError: PTYCHO_ENGINE_THREADS: received 'two'\..*\n",
            done.stderr,
        )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["joblib", "submitit"])
def test_processes_of_launchers_have_what_they_are_told(tmp_path, kind):
    pytest.importorskip(kind)

    def what_a_process_has():  # within: it travels as code, since no process finds this module
        import os

        import numba

        from ptycho_engine.workers import POOL_SIZE, core_count

        return core_count(), POOL_SIZE, numba.config.NUMBA_NUM_THREADS, os.environ["NPROC"]

    with told_cores(3):
        if kind == "joblib":
            from joblib import Parallel, delayed

            found = Parallel(n_jobs=2, backend="loky")(delayed(what_a_process_has)() for _ in "ab")
        else:
            import submitit

            executor = submitit.LocalExecutor(tmp_path)
            found = [executor.submit(what_a_process_has).result() for _ in "ab"]
    assert found == [(3, 3, 3, "3")] * 2
