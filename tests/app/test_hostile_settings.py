"""Hostile files and overrides through the commands: no traceback, no wait, and their exit codes."""

import os

import pytest
from hostile_settings import CONFIGURATIONS, JSON, OVERRIDES, YAML
from many_runs import Runner

pytestmark = pytest.mark.slow

ENGINE, MIGRATE = "ptycho_engine.app.command", "ptycho_engine.migrations.cli"
SCAN = ["scan.points=5", "scan.object_size=64"]
QUIET = ["output.picture=false", "report=false", "output.overwrite=true", "output.path=patches.npz"]
SMALL = [*SCAN, "plugin=numba", "patch_size=8", *QUIET]

#: Overrides that mean something, however odd: the default, no configuration, or a scan on a point.
TAKEN = [["~patch_size"], ["scan.step=1e-320"], ["hydra.searchpath=[file:///nobody]"],
         ["hydra.verbose=nobody"]]  # fmt: skip
#: Files in which the engine finds nothing that it knows, and says so.
WITHOUT_PARAMETERS = {"nothing", "a lone surrogate for a key", "as many keys as there may be"}


@pytest.fixture(scope="module")
def runner(tmp_path_factory):
    with Runner(tmp_path_factory.mktemp("runs"), ENGINE, *SMALL) as runner:
        yield runner


def ends(runner, module, *arguments, cwd, code=2):
    """Run it, again in a fresh process should it go wrong, and say how it ended."""
    for run in (runner.run, runner.run_afresh):
        done = run(module, *arguments, cwd=cwd)
        good = done.code == code and "Traceback" not in done.err and done.seconds < 5
        if good and done.grown < 100e6:
            break
    else:
        pytest.fail(f"{done.code} after {done.seconds} s, {done.grown} bytes: {done.err[-600:]}")
    assert code == 0 or "ptycho-" in done.err or "error: " in done.err
    return done.err


def write(path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path.name


def beside(given):
    """What a small run needs, as far as these overrides say nothing of it."""
    keys = {argument.lstrip("+~").partition("=")[0] for argument in given}
    gone = "scan." if keys & {"scan", "scan@scan.scan"} else "none"
    return [a for a in SMALL if a.partition("=")[0] not in keys and not a.startswith(gone)]


@pytest.mark.parametrize("number", range(len(OVERRIDES)))
def test_hostile_overrides_are_refused(runner, tmp_path, number):
    given = OVERRIDES[number]
    code = 0 if given in TAKEN else 2
    ends(runner, ENGINE, *given, *beside(given), cwd=tmp_path, code=code)
    assert (tmp_path / "patches.npz").exists() == (code == 0)


@pytest.mark.parametrize("name", YAML)
def test_hostile_yaml_is_refused_by_both_commands(runner, tmp_path, name):
    file = write(tmp_path / "old.yaml", YAML[name])
    legacy = [*SCAN, *QUIET, "plugin=numba", "compat=legacy", f"compat.params={file}"]
    code = 0 if name in WITHOUT_PARAMETERS else 2
    ends(runner, ENGINE, *legacy, cwd=tmp_path, code=code)
    ends(runner, MIGRATE, "config", file, "-o", "new.yaml", cwd=tmp_path)
    assert not (tmp_path / "new.yaml").exists()
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("name", JSON)
def test_hostile_json_is_refused_by_both_commands(runner, tmp_path, name):
    file = write(tmp_path / "old.json", JSON[name])
    legacy = [*SCAN, *QUIET, "plugin=numba", "compat=legacy", f"compat.params={file}"]
    code = 0 if name in WITHOUT_PARAMETERS else 2
    ends(runner, ENGINE, *legacy, cwd=tmp_path, code=code)
    ends(runner, MIGRATE, "config", file, "-o", "new.yaml", cwd=tmp_path)
    assert not (tmp_path / "new.yaml").exists()


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_hostile_configurations_are_refused(runner, tmp_path, name):
    write(tmp_path / "mine.yaml", CONFIGURATIONS[name])
    ends(runner, ENGINE, "--config-dir", ".", "--config-name", "mine", *SMALL, cwd=tmp_path)
    assert not (tmp_path / "patches.npz").exists()
    assert not (tmp_path / "ran").exists()


def test_a_pipe_is_no_settings(runner, tmp_path):
    for name in ("old.yaml", "old.json", "mine.yaml"):
        os.mkfifo(tmp_path / name)
    for name in ("old.yaml", "old.json"):
        legacy = ["compat=legacy", f"compat.params={name}", *SMALL]
        assert "no regular file" in ends(runner, ENGINE, *legacy, cwd=tmp_path)
        assert "no regular file" in ends(runner, MIGRATE, "config", name, cwd=tmp_path)
    ends(runner, ENGINE, "--config-dir", ".", "--config-name", "mine", *SMALL, cwd=tmp_path)


def test_there_are_enough_of_them():
    assert len(YAML) + len(JSON) + len(OVERRIDES) >= 120
