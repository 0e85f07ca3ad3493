"""``ptycho-engine info``: what a report of a bug needs, and nothing that is private."""

import json
import os
import platform

import pytest
from processes import run_python

from ptycho_engine import __version__
from ptycho_engine.app import info
from ptycho_engine.app.info import collect, shown
from ptycho_engine.discovery import discover


@pytest.fixture
def no_devices(monkeypatch):
    """TensorFlow takes seconds to say that there are none."""
    monkeypatch.setattr(info, "tensorflow_devices", lambda: {"GPU:0": "a card"})


def test_versions_plugins_devices_and_limits_are_collected(no_devices):
    found = collect({})
    assert found["versions"]["ptycho_engine"] == __version__
    assert found["versions"]["python"] == platform.python_version()
    assert {"numpy", "numba", "hydra-core"} <= set(found["versions"])
    assert set(found["plugins"]) == {source.name for source in discover()}
    assert "synthetic" in found["formats"]
    assert found["devices"]["cpu"].endswith(f"of {os.cpu_count()} cores")
    assert found["devices"]["GPU:0"] == "a card"
    assert 0 < found["limits"]["memory_budget"] < found["limits"]["free_memory"]


def test_of_the_environment_only_what_changes_a_run_is_shown(no_devices):
    environ = {
        "AWS_SECRET": "x", "HOME": "y", "TF_CLI_CONFIG_FILE": "z",
        "XLA_FLAGS": "1", "OMP_NUM_THREADS": "2",
    }  # fmt: skip
    assert collect(environ)["environment"] == {"OMP_NUM_THREADS": "2", "XLA_FLAGS": "1"}


def test_sizes_are_written_in_words():
    assert (shown(None), shown(2 * 1024**3), shown("text")) == ("no limit", "2.00 GiB", "text")


@pytest.mark.tensorflow
def test_it_is_printed_for_a_reader_and_as_json(tmp_path):
    done = run_python("-m", "ptycho_engine.app.command", "info", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    found = json.loads(done.stdout)
    assert list(found)[:2] == ["versions", "system"]
    assert {"plugins", "devices", "limits"} <= set(found)
    done = run_python("-m", "ptycho_engine.app.command", "info", cwd=tmp_path)
    assert done.stderr == ""
    for word in ("versions\n", "devices\n", "limits\n", f"  ptycho_engine          {__version__}"):
        assert word in done.stdout
