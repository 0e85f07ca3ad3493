"""The scripts for SLURM: shells read them, and they say what the package knows. See tests/slurm."""

import re
import subprocess
from pathlib import Path

import pytest
from hydra import compose, initialize_config_module

from ptycho_engine.app.concurrency import VARIABLES
from ptycho_engine.app.overrides import hydra_arguments, sort_arguments
from ptycho_engine.app.schema import register_schemas

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "examples" / "slurm"
BIG = (FOLDER / "one_big_job.sbatch").read_text()


@pytest.mark.parametrize(
    "script", [*FOLDER.iterdir(), ROOT / "tests/slurm/run"], ids=lambda path: path.name
)
def test_a_shell_reads_it(script):
    done = subprocess.run(["bash", "-n", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_workers_are_told_their_cores_in_every_way():
    assert set(re.findall(r"([A-Z_]+)=\$cores", BIG)) == set(VARIABLES)


def test_the_big_job_has_keys_that_are_known():
    command = BIG.splitlines()[-1].replace('"$@" ', "").replace('"$address"', "tls://host:1")
    words = command.replace('"$cores"', "4").split()[1:]
    register_schemas()
    with initialize_config_module("ptycho_engine.conf", version_base="1.3"):
        runner = compose("config", overrides=hydra_arguments(sort_arguments(words), ())).runner
    assert (runner.kind, runner.scheduler, runner.threads) == ("dask", "tls://host:1", 4)


def test_the_sweep_has_keys_that_are_known():
    pytest.importorskip("hydra_plugins.hydra_submitit_launcher")
    text = (FOLDER / "sweep.sh").read_text()
    words = re.findall(r"^    (hydra[^ ]+?)(?: \\)?$", text, re.MULTILINE)
    filled = [re.sub(r'"\$\{\w+:-(\w+)\}"', r"\1", word) for word in words]
    assert len(filled) == 6
    with initialize_config_module("ptycho_engine.conf", version_base="1.3"):
        launcher = compose("config", overrides=filled, return_hydra_config=True).hydra.launcher
    assert launcher.cpus_per_task == 4
    assert launcher.partition is None
