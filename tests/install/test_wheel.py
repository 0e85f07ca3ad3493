"""The wheel, installed elsewhere, does the job of the checkout."""

import json
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.slow


def test_command_runs_outside_the_checkout(installed, tmp_path):
    done = installed.run("ptycho-engine", "patch_size=32", "scan.points=50", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    with np.load(tmp_path / "patches.npz", allow_pickle=False) as output:
        assert output["patches"].shape == (50, 32, 32)
        assert json.loads(str(output["provenance"]))["plugin"] == "chunked_xla"
    assert (tmp_path / "patches.npz.png").read_bytes().startswith(b"\x89PNG")
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "patches.npz", "patches.npz.png", "patches.npz.report.html",
    ]  # fmt: skip


def test_package_is_the_installed_one(installed, tmp_path):
    code = (
        "import ptycho_engine, ptycho_engine.conf, ptycho_engine.migrations as m; print(m.__path__)"
    )
    done = installed.run("python", "-c", code, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert str(installed.folder) in done.stdout


def test_no_generic_import_name_reaches_site_packages(installed, tmp_path):
    for name in ("plugins", "conf", "migrations"):
        done = installed.run("python", "-c", f"import {name}", cwd=tmp_path)
        assert "ModuleNotFoundError" in done.stderr


def test_migration_command_runs_outside_the_checkout(installed, tmp_path):
    old, code = tmp_path / "old.yaml", tmp_path / "old.py"
    old.write_text("N: 32\nuse_batched_patch_extraction: true\n")
    code.write_text("from ptycho.raw_data import get_image_patches\n")
    done = installed.run("ptycho-migrate", "config", "old.yaml", "-o", "new.yaml", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "patch_size: 32" in (tmp_path / "new.yaml").read_text()
    done = installed.run("ptycho-migrate", "code", ".", "--write", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert code.read_text() == "from ptycho_engine.compat import get_image_patches\n"
    status = installed.run("ptycho-migrate", "status", ".", cwd=tmp_path).stdout.splitlines()
    folder = Path(status[-1].partition("ptycho_engine/migrations is ")[2])
    assert {"rules", "0006-parameters.md"} <= {page.name for page in folder.iterdir()}
    assert (folder / "rules" / "PE007.md").is_file()
    pages = "from ptycho_engine import migrations as m; import os; print(os.listdir(*m.__path__))"
    done = installed.run("python", "-c", pages, cwd=tmp_path)
    assert "cleanup-plan.md" in done.stdout
    assert "README.md" in done.stdout
