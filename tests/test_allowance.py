"""What this process may have: limits as the system states them, on copies of its files."""

import subprocess
import sys
from contextlib import suppress

import psutil
import pytest

from ptycho_engine import allowance
from ptycho_engine.allowance import address_space, cgroup_memory, free_memory, slurm_memory

GIB = 1024**3
UNLIMITED = 9223372036854771712  # how version 1 says so


def system(tmp_path, lines, files):
    """A copy of the files of a system."""
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/cgroup").write_text("\n".join(lines) + "\n")
    for name, content in files.items():
        path = tmp_path / "sys/fs/cgroup" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{content}\n")
    return tmp_path


def test_version_2_counts_the_groups_around(tmp_path):
    files = {
        "job/memory.max": 8 * GIB,
        "job/memory.current": 3 * GIB,
        "job/memory.stat": f"anon {GIB}\ninactive_file {GIB}\nactive_file 7",
        "job/step/memory.max": "max",
        "job/step/memory.current": GIB,
    }
    assert cgroup_memory(system(tmp_path, ["0::/job/step"], files)) == 6 * GIB
    (tmp_path / "sys/fs/cgroup/job/step/memory.max").write_text(f"{2 * GIB}\n")
    assert cgroup_memory(tmp_path) == GIB


def test_version_1_beside_version_2(tmp_path):
    lines = ["5:cpu,cpuacct:/other", "4:memory:/slurm/job_7", "0::/"]
    files = {
        "memory/memory.limit_in_bytes": UNLIMITED,
        "memory/memory.usage_in_bytes": 50 * GIB,
        "memory/slurm/job_7/memory.limit_in_bytes": 4 * GIB,
        "memory/slurm/job_7/memory.usage_in_bytes": 2 * GIB,
        "memory/slurm/job_7/memory.stat": f"inactive_file 5\ntotal_inactive_file {GIB // 2}",
        "cpu/other/memory.limit_in_bytes": 1,
        "cpu/other/memory.usage_in_bytes": 1,
    }
    assert cgroup_memory(system(tmp_path, lines, files)) == 2 * GIB + GIB // 2


@pytest.mark.parametrize("line", ["4:memory:/docker/abc", "0::/docker/abc"])
def test_a_container_sees_its_own_group_at_the_top(tmp_path, line):
    files = {
        "memory/memory.limit_in_bytes": 3 * GIB,
        "memory/memory.usage_in_bytes": GIB,
        "memory.max": 3 * GIB,
        "memory.current": GIB,
    }
    assert cgroup_memory(system(tmp_path, [line], files)) == 2 * GIB


def test_more_use_than_the_limit_leaves_nothing(tmp_path, monkeypatch):
    files = {"memory.max": GIB, "memory.current": 2 * GIB}
    assert cgroup_memory(system(tmp_path, ["0::/"], files)) == -GIB
    monkeypatch.setattr(allowance, "cgroup_memory", lambda: -GIB)
    assert free_memory() == 0


def test_without_groups_there_is_no_limit(tmp_path):
    assert cgroup_memory(tmp_path) is None
    assert cgroup_memory(system(tmp_path, ["0::/a"], {"a/memory.max": "max"})) is None


@pytest.mark.parametrize(
    ("environ", "mebibytes"),
    [
        ({"SLURM_MEM_PER_NODE": "4096"}, 4096),
        ({"SLURM_MEM_PER_CPU": "1000", "SLURM_CPUS_ON_NODE": "6"}, 6000),
        ({"SLURM_MEM_PER_CPU": "1000"}, 1000),
        ({"SLURM_MEM_PER_NODE": "0"}, None),
        ({"SLURM_MEM_PER_NODE": "unclear"}, None),
        ({}, None),
    ],
)
def test_allocation_by_slurm(environ, mebibytes):
    left, used = slurm_memory(environ), psutil.Process().memory_info().rss
    if mebibytes is None:
        assert left is None
    else:
        assert left == pytest.approx(mebibytes * 1024**2 - used, abs=64 * 1024**2)


@pytest.mark.parametrize("smallest", ["cgroup_memory", "address_space", "slurm_memory", None])
def test_the_smallest_counts(monkeypatch, smallest):
    for name in ("cgroup_memory", "address_space", "slurm_memory"):
        monkeypatch.setattr(allowance, name, lambda left=3 if name == smallest else None: left)
    expected = 3 if smallest else psutil.virtual_memory().available
    assert free_memory() == pytest.approx(expected, rel=0.5)


def test_no_limit_of_address_space_here():
    resource = pytest.importorskip("resource")
    if resource.getrlimit(resource.RLIMIT_AS)[0] == resource.RLIM_INFINITY:
        assert address_space() is None
    else:
        assert address_space() < resource.getrlimit(resource.RLIMIT_AS)[0]


LIMITED = """
import sys
import numpy as np, psutil
from ptycho_engine import Engine
from ptycho_engine.errors import MemoryBudgetError
from ptycho_engine.memory import parse_bytes
limit, used = 3 * 1024**3, getattr(psutil.Process().memory_info(), sys.argv[1])
assert 0 < parse_bytes(None) <= (limit - used) / 2 + 2**24
engine, image = Engine("numba"), np.ones((300, 300), np.complex64)
engine.extract(image, np.full((1000, 2), 150.0), 64)
try:
    engine.extract(image, np.full((60_000, 2), 150.0), 64)
except MemoryBudgetError as error:
    print("refused", error)
"""


def refused(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout.startswith("refused")


@pytest.mark.slow
def test_a_limited_process_has_a_budget_below_its_limit():
    pytest.importorskip("resource")
    limit = "import resource; resource.setrlimit(resource.RLIMIT_AS, (3 * 1024**3, -1))"
    assert refused(sys.executable, "-c", limit + LIMITED, "vms")


def test_a_process_in_a_control_group_has_a_budget_below_its_limit():
    for whose in ("--user", "--system"):
        scope = (
            "systemd-run",
            whose,
            "--no-ask-password",
            "--scope",
            "--quiet",
            "-p",
            "MemoryMax=3G",
        )
        with suppress(OSError, subprocess.TimeoutExpired):
            if not subprocess.run((*scope, "true"), capture_output=True, timeout=20).returncode:
                assert refused(*scope, sys.executable, "-c", LIMITED, "rss")
                return
    pytest.skip("no control group can be made here")
