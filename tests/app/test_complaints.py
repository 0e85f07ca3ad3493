"""What is refused, and how it is said: each key with its nearest name, in one line."""

import json
import subprocess
import sys

import numpy as np
import pytest
from commands import call_command
from distributions import install, plugin
from processes import run_python

SMALL = ["scan.points=5", "scan.object_size=64", "patch_size=8", "plugin=numba"]

#: A plugin with an option, of which no YAML tells.
SLICES = """
from dataclasses import dataclass
from ptycho_engine.plugin import Capabilities, hookimpl
@dataclass
class Options:
    gain: float = 1.0
@hookimpl
def plugin_capabilities():
    return Capabilities(options=Options)
@hookimpl
def extract_patches(options, out):
    out[...] = options.gain
    return out
"""


def refused(folder, *arguments):
    """Run what must be refused without output; return what was said."""
    done = call_command(*SMALL, *arguments, cwd=folder)
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    assert list(folder.iterdir()) == []
    return done.stderr.splitlines()


@pytest.mark.parametrize(
    ("key", "nearest"),
    [
        ("patch_sizes=32", "patch_size"),
        ("patchsize=32", "patch_size"),
        ("interpolate=nearest", "interpolation"),
        ("overwrite=true", "output.overwrite"),
        ("output.overwite=true", "output.overwrite"),
        ("scan.pointss=3", "scan.points"),
        ("runner.loglevel=INFO", "runner.log_level"),
        ("plugin.thread=1", "plugin.threads"),
        ("plugin.seed=1", "scan.seed"),
    ],
)
def test_a_key_that_nobody_knows_is_refused_with_the_nearest(tmp_path, key, nearest):
    (line,) = refused(tmp_path, key)
    name = key.partition("=")[0]
    assert f"ConfigurationError: key '{name}' is not known. Did you mean '{nearest}'?" in line
    assert "Available: " in line
    assert "+" not in line  # no advice to add it


@pytest.mark.parametrize("plus", ["+", "++"])
@pytest.mark.parametrize(
    ("key", "nearest"),
    [
        ("patch_sizes=32", "patch_size"),
        ("output.overwite=true", "output.overwrite"),
        ("scan.stepp=3", "scan.step"),
        ("runner.log.level=INFO", "runner.log_level"),
        ("compat.value.N=3", "compat.values"),
    ],
)
def test_so_is_one_that_is_added(tmp_path, plus, key, nearest):
    assert any(f"Did you mean '{nearest}'?" in line for line in refused(tmp_path, plus + key))


def test_an_option_that_is_added_is_the_plugins_to_refuse(tmp_path):
    assert "'thread'" in refused(tmp_path, "+plugin.thread=1")[-1]


@pytest.mark.parametrize(
    ("command", "key"),
    [
        (["simulate", "out.h5"], "exposure.options.spread"),
        (["train", "gridsize=2"], "groups.options.spread"),
        (["extract"], "compat.values.N"),
    ],
)
def test_a_key_that_no_list_could_hold_is_shown_as_it_is_added(tmp_path, command, key):
    """And once it is added, it is not complained of beside what is."""
    done = call_command(*command, f"{key}=2", cwd=tmp_path)
    assert done.returncode == 2
    assert f"key '{key}' is in no list" in done.stderr
    assert f"Write +{key}=2." in done.stderr
    done = call_command(*command, f"+{key}=2", "patchsize=3", cwd=tmp_path)
    (line,) = done.stderr.splitlines()
    assert "key 'patchsize' is not known" in line
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_so_is_an_option_of_a_plugin_without_a_file(tmp_path, monkeypatch):
    """One that has a file is told the nearest key, above."""
    install(tmp_path / "site", "theirs", points=plugin("slices", "slices"), slices=SLICES)
    (tmp_path / "run").mkdir()
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"))

    def run(*arguments):
        code = "from ptycho_engine.app.command import main; main()"
        return subprocess.run(
            [sys.executable, "-c", code, *SMALL[:-1], "plugin=slices", *arguments],
            capture_output=True, text=True, check=False, cwd=tmp_path / "run",
        )  # fmt: skip

    refusal = run("plugin.gain=2").stderr
    assert "key 'plugin.gain' is in no list: what plugin takes" in refusal
    assert "Write +plugin.gain=2." in refusal
    done = run("+plugin.gain=2", "output.picture=false", "report=false")
    assert done.returncode == 0, done.stderr
    with np.load(tmp_path / "run/patches.npz") as patches:
        assert any((patches[name] == 2).all() for name in patches.files if patches[name].ndim > 2)


def test_it_is_refused_in_a_sweep_too(tmp_path):
    done = run_python(
        "-m", "ptycho_engine.app.command", *SMALL, "-m", "+patch_sizes=8,16", cwd=tmp_path
    )
    assert done.returncode == 2
    said = [line for line in done.stderr.splitlines() if "Did you mean 'patch_size'" in line]
    assert sum(line.startswith("ptycho-engine: ConfigurationError:") for line in said) == 2
    assert sum(line.startswith("ptycho-engine: job ") for line in said) == 2
    assert not list(tmp_path.rglob("patches.*"))


@pytest.mark.parametrize(
    ("argument", "words"),
    [
        ("plugin=nunba", ["plugin 'nunba' is not known. Did you mean 'numba'?", "batched"]),
        ("scan=npy", ["scan 'npy' is not known. Did you mean 'npz'?"]),
        ("patch_size=6.5", ["6.5", "Integer", "(patch_size)"]),
        ("runner.progress=maybe", ["maybe", "always"]),
        ("memory_budget=a(b", ["cannot be read", "\"memory_budget='a(b'\""]),
        ("wrappers=a,b", ["--multirun", '"wrappers=[a,b]"']),
    ],
)
def test_what_hydra_refuses_is_one_line(tmp_path, argument, words):
    (line,) = refused(tmp_path, argument)
    assert line.startswith("ptycho-engine: ConfigurationError: ")
    for word in words:
        assert word in line


def test_a_scan_without_a_file_is_one_line(tmp_path):
    done = run_python("-m", "ptycho_engine.app.command", "scan=npz", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr == (
        "ptycho-engine: ConfigurationError: scan.path: received nothing. Expected a value. "
        "Add scan.path=VALUE.\n"
    )


@pytest.mark.parametrize(
    "argument", ["patchsize=3", "+patch_sizes=3", "fill=zero", "nix.npz", "scan.path=nix.npz"]
)
def test_errors_are_json_when_it_is_asked_for(tmp_path, argument):
    events = [json.loads(line) for line in refused(tmp_path, argument, "runner.log_format=json")]
    assert events[-1]["level"] == "error"
    assert events[-1]["event"].endswith("Error")
    assert argument.lstrip("+").rpartition("=")[2] or argument in events[-1]["message"]


def test_and_key_values(tmp_path):
    line = refused(tmp_path, "fill=zero", "runner.log_format=text")[-1]
    assert "[error" in line
    assert "RequestError" in line
    assert "message=" in line


@pytest.mark.parametrize(
    ("wrong", "word"),
    [
        ("fill=zero", "'zero'"),
        ("patch_size=0", "patch_size"),
        ("memory_budget=lots", "lots"),
        ("plugin.threads=0", "threads"),
        ("wrappers=[audit]", "audit"),
        ("scan.points=0", "points"),
        ("interpolation=fourier", "fourier"),
        ("memory_budget=1kB", "budget"),
        ("+patch_sizes=3", "patch_sizes"),
    ],
)
def test_all_that_is_wrong_is_said_before_what_exists(tmp_path, wrong, word):
    """Whoever is told that something exists may remove it, for nothing."""
    for name in ("patches.npz", "patches.png"):
        (tmp_path / name).write_text("mine")
    done = call_command(*SMALL, wrong, cwd=tmp_path)
    assert done.returncode == 2
    assert word in done.stderr.splitlines()[-1]
    assert "exists" not in done.stderr
    assert (tmp_path / "patches.png").read_text() == "mine"


@pytest.mark.parametrize(
    ("wrong", "word"),
    [
        (["train", "gridsize=2", "groups.count=2", "groups.strategy=nearst"], "'nearst'"),
        (["train", "gridsize=2", "groups.count=2", "groups.neighbours=1"], "neighbours"),
        (["train", "gridsize=2", "groups.count=2", "groups.seed=-1"], "seed"),
        (["reassemble", "in.npz", "fill=zero"], "'zero'"),
        (["reassemble", "in.npz", "interpolation=fourier"], "fourier"),
        (["reassemble", "nix.npz"], "nix.npz"),
        (["reassemble", "in.npz", "patches.positions_path=nix.npz"], "nix.npz"),
    ],
)
def test_so_it_is_by_every_subcommand(tmp_path, wrong, word):
    made = call_command(*SMALL, "output.path=in.npz", "output.picture=false", "report=false",
                        cwd=tmp_path)  # fmt: skip
    assert made.returncode == 0
    (tmp_path / "out.npz").write_text("mine")
    scan = ["scan=synthetic", "patch_size=8"] if wrong[0] == "train" else []
    done = call_command(*wrong, *scan, "plugin=numba", "output.path=out.npz", cwd=tmp_path)
    assert done.returncode == 2
    assert word in done.stderr.splitlines()[-1]
    assert "exists already" not in done.stderr


@pytest.mark.parametrize("argument", ["+hydra.foo=1", "+hydra.job.nmae=x"])
def test_keys_of_hydra_that_nobody_knows_are_refused_too(tmp_path, argument):
    done = call_command(*SMALL, argument, cwd=tmp_path)
    assert done.returncode == 2
    assert argument[1:].partition("=")[0] in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_so_is_a_scan_that_is_not_there(tmp_path):
    (tmp_path / "patches.npz").write_text("mine")
    arguments = ["plugin=numba", "scan.path=nix.npz"]
    done = call_command(*arguments, cwd=tmp_path)
    assert "nix.npz: no such file" in done.stderr
    assert "exists" not in done.stderr


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("defaults: [config, _self_]", "scan.path: the scan that the configuration chooses takes"),
        ("defaults: [config, _self_]\nfoo: [", "mine.yaml: cannot be read as a configuration"),
        ("defaults: [config, _self_]\npatch_sze: 3", "'patch_sze'"),
        ("patch_size: 3", "plugin: the configuration has no such group among its defaults"),
        ("- 1", "must be a DictConfig"),
    ],
)
def test_a_configuration_of_the_users_is_blamed_for_what_is_wrong_in_it(tmp_path, content, words):
    (tmp_path / "mine.yaml").write_text(content)
    (tmp_path / "scan.npz").write_bytes(b"")
    own = ["--config-dir", ".", "--config-name", "mine", "scan.npz", "plugin=numba"]
    done = call_command(*own, cwd=tmp_path)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert words in line
    assert "use +" not in line


def test_a_folder_that_a_sweep_cannot_make_is_named(tmp_path):
    (tmp_path / "file").write_text("mine")
    done = call_command("-m", "patch_size=8,16", *SMALL, "hydra.sweep.dir=file/x", cwd=tmp_path)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert "file/x: cannot be used: Not a directory" in line
    assert "hydra.sweep.dir=FOLDER" in line
