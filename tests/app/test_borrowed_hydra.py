"""The command called from Python: in a thread, twice, inside of Hydra; nothing is left changed."""

import os
import signal
import sys
import threading
import warnings

import pytest
from hydra import compose, initialize
from hydra._internal.hydra import Hydra
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.core.plugins import Plugins
from hydra.version import getbase, setbase

from ptycho_engine import read_output
from ptycho_engine.app.command import main

QUICK = ["plugin=numba", "scan.points=4", "scan.object_size=48", "patch_size=8",
         "output.picture=false", "report=false"]  # fmt: skip


def state():
    return (
        sys.argv, warnings.formatwarning, os.environ.get("HYDRA_FULL_ERROR"),
        [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)], getbase(),
        GlobalHydra.instance().hydra, sorted(ConfigStore.instance().repo),
        hasattr(ConfigStore, "__deepcopy__"), Hydra.get_mode,
    )  # fmt: skip


def compositions(monkeypatch, arguments):
    """How often Hydra composes for some arguments."""
    composed = []
    compose = Hydra.compose_config
    with monkeypatch.context() as patch:
        patch.setattr(
            Hydra, "compose_config", lambda *a, **k: composed.append(a) or compose(*a, **k)
        )
        main(arguments)
    return len(composed)


def shape(path):
    with read_output(path) as output:
        return output.patches.shape


@pytest.fixture(autouse=True)
def version_base():
    setbase("1.3")


def test_twice_in_one_process(tmp_path):
    before = state()
    for number in range(2):
        main([*QUICK, f"output.path={tmp_path}/{number}.npz"])
        assert shape(tmp_path / f"{number}.npz") == (4, 8, 8)
    assert state() == before


def test_a_run_is_composed_once(tmp_path, monkeypatch):
    """Hydra composes all once more to find out whether it is a sweep."""
    arguments = [*QUICK, f"output.path={tmp_path}/p.npz"]
    assert compositions(monkeypatch, arguments) == 1


def test_a_configuration_of_the_users_makes_it_a_sweep(tmp_path, monkeypatch):
    (tmp_path / "mine.yaml").write_text(
        "defaults: [config, _self_]\npatch_size: 8\nhydra:\n  mode: MULTIRUN\n  sweep:\n"
        f"    dir: {tmp_path}/sweep\n  sweeper:\n    params:\n      scan.points: 4,5\n"
    )
    arguments = [*QUICK, "output.path=p.npz", "--config-dir", str(tmp_path), "-cn", "mine"]
    arguments.remove("scan.points=4")
    main(arguments)
    assert [shape(tmp_path / f"sweep/{job}/p.npz")[0] for job in (0, 1)] == [4, 5]


def test_inside_of_a_hydra_of_the_callers(tmp_path):
    with initialize(version_base="1.3", config_path=None):
        before = state()
        main([*QUICK, f"output.path={tmp_path}/p.npz"])
        assert state() == before
        assert GlobalHydra.instance().is_initialized()
        assert compose(overrides=["+x=1"]).x == 1
    assert shape(tmp_path / "p.npz") == (4, 8, 8)


@pytest.mark.parametrize("wrong", ["patchsize=3", "+patch_sizes=3", "fill=zero"])
def test_a_refusal_leaves_a_hydra_of_the_callers_open(tmp_path, wrong):
    with initialize(version_base="1.3", config_path=None):
        with pytest.raises(SystemExit):
            main([*QUICK, f"output.path={tmp_path}/p.npz", wrong])
        assert compose(overrides=["+x=1"]).x == 1


def test_in_threads_where_there_is_no_signal_to_take(tmp_path):
    before, faults = state(), []

    def work(number):
        try:
            main([*QUICK, f"output.path={tmp_path}/{number}.npz"])
        except BaseException as error:
            faults.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert faults == []
    assert [shape(tmp_path / f"{number}.npz") for number in range(3)] == [(4, 8, 8)] * 3
    assert state() == before


@pytest.mark.parametrize("wrong", ["fill=zero", "patchsize=3", "plugin=nunba", "nothing"])
def test_a_refusal_is_an_exit_that_changes_nothing(tmp_path, capsys, wrong):
    before = state()
    with pytest.raises(SystemExit) as caught:
        main([*QUICK, f"output.path={tmp_path}/p.npz", wrong])
    assert caught.value.code == 2
    assert "ptycho-engine: " in capsys.readouterr().err
    assert state() == before
    assert list(tmp_path.iterdir()) == []


def test_a_plugin_of_hydra_that_cannot_be_imported_is_named(tmp_path, capsys, monkeypatch):
    broken = tmp_path / "broken.py"
    broken.write_text("raise RuntimeError('not today')")

    def scan():
        exec(compile(broken.read_text(), broken, "exec"))

    monkeypatch.setattr(Plugins, "instance", scan)
    with pytest.raises(SystemExit) as caught:
        main([*QUICK, f"output.path={tmp_path}/p.npz"])
    assert caught.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert f"PluginError: {broken}: fails" in line
    assert "RuntimeError: not today" in line
