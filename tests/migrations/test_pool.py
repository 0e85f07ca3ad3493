"""Many files at once, and what an interrupt leaves."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from ptycho_engine.migrations import cli, exit_codes
from ptycho_engine.migrations.codemod import pool
from ptycho_engine.migrations.codemod.job import Outcome, Settings, migrate_files
from ptycho_engine.migrations.codemod.pool import migrate_all

OLD = b"from ptycho.raw_data import get_image_patches\n"
NEW = b"from ptycho_engine.compat import get_image_patches\n"


def test_processes_give_what_one_process_gives(tmp_path, monkeypatch):
    monkeypatch.setattr(pool, "WORTH_A_POOL", 2)
    paths = [tmp_path / f"{n}.py" for n in range(20)]
    for n, path in enumerate(paths):
        path.write_bytes(OLD if n % 3 else b"def (:\n")
    together = {o.path: o for o in migrate_all(paths, Settings(), 2)}
    alone = {o.path: o for o in migrate_all(paths, Settings(), 1)}
    assert together == alone
    assert len(together) == len(paths)


def die(*arguments):
    os._exit(1)


@pytest.mark.slow
def test_process_that_dies_costs_its_file_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(pool, "WORTH_A_POOL", 2)
    monkeypatch.setattr(pool, "migrate_files", die)
    paths = [tmp_path / f"{n}.py" for n in range(3)]
    for path in paths:
        path.write_bytes(OLD)
    outcomes = list(migrate_all(paths, Settings(), 2))
    assert [o.path for o in outcomes if o.changed] == paths
    monkeypatch.setattr(pool, "migrate_file", die)
    outcomes = list(migrate_all(paths, Settings(), 2))
    assert all("died" in o.error for o in outcomes)


def slowly(paths, settings):
    for path in paths:
        path.with_suffix(".begun").touch()
    time.sleep(0.3)
    return migrate_files(paths, settings)


def test_what_has_not_begun_does_not_begin_after_an_interrupt(tmp_path, monkeypatch):
    monkeypatch.setattr(pool, "WORTH_A_POOL", 2)
    monkeypatch.setattr(pool, "BATCH", 1)
    monkeypatch.setattr(pool, "_pool", ThreadPoolExecutor)
    monkeypatch.setattr(pool, "migrate_files", slowly)
    paths = [tmp_path / f"{n}.py" for n in range(20)]
    for path in paths:
        path.write_bytes(OLD)
    outcomes = migrate_all(paths, Settings(write=True), 2)
    next(outcomes)
    outcomes.close()
    begun = [path for path in paths if path.with_suffix(".begun").exists()]
    assert 1 <= len(begun) < len(paths)
    for path in paths:
        assert path.read_bytes() == (NEW if path in begun else OLD)
    assert not list(tmp_path.glob("*.part"))


def test_interrupt_leaves_no_traceback(tmp_path):
    for n in range(200):
        (tmp_path / f"{n}.py").write_bytes(OLD * 40)
    command = [sys.executable, "-m", "ptycho_engine.migrations.cli", "code", str(tmp_path)]
    process = subprocess.Popen(
        [*command, "--write", "--jobs", "2"], stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip
    while (tmp_path / "0.py").read_bytes() == OLD * 40 and process.poll() is None:
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGINT)
    err = process.communicate()[1]
    assert process.returncode in (exit_codes.INTERRUPTED, exit_codes.DONE)
    assert "Traceback" not in err
    assert "InvalidStateError" not in err


def test_interrupt_is_said(tmp_path, monkeypatch, capsys):
    closed = []

    def outcomes(*arguments):
        try:
            yield Outcome(tmp_path / "a.py")
            raise KeyboardInterrupt
        finally:
            closed.append(True)

    monkeypatch.setattr("ptycho_engine.migrations.commands.tree.migrate_all", outcomes)
    with pytest.raises(SystemExit) as stop:
        cli.main(["code", str(tmp_path), "--write"])
    assert stop.value.code == exit_codes.INTERRUPTED
    assert "interrupted" in capsys.readouterr().err
    assert closed
