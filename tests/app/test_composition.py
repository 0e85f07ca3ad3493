"""Configurations that cannot be meant: one clear line each."""

import pytest
from commands import call_command

FILES = {
    "bare.yaml": "patch_size: 4\nfill: edge\n",
    "whole.yaml": "defaults: [config, _self_]\npatch_size: 4\nfill: edge\n",
    "plugin/nameless.yaml": "threads: 2\n",
    "plugin/numbered.yaml": "name: 3\n",
}


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "conf" / "plugin").mkdir(parents=True)
    for name, text in FILES.items():
        (tmp_path / "conf" / name).write_text(text)
    return tmp_path


def run(folder, *arguments):
    return call_command(*arguments, "--config-dir", "conf", cwd=folder)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--config-name", "bare"], "holds patch_size, fill, and none of the command's defaults"),
        (["plugin=nameless"], "has no name, but threads. Expected the line `name: PLUGIN`"),
        (["plugin=numbered"], "has the name 3, but name"),
    ],
)
def test_configurations_that_are_not_whole_are_refused(folder, arguments, words):
    done = run(folder, *arguments)
    assert done.returncode == 2, done.stderr
    (line,) = done.stderr.splitlines()
    assert line.startswith("ptycho-engine: ConfigurationError: ")
    assert words in line
    assert not list(folder.rglob("patches.*"))


def test_a_configuration_that_begins_with_the_defaults_runs(folder):
    done = run(
        folder, "--config-name", "whole", "plugin=numba", "scan.points=3", "scan.object_size=32",
        "output.picture=false",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert (folder / "patches.npz").exists()
