"""Each command and example of the README, in one folder, in order, as a reader would try them."""

import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from processes import run_python

README = (Path(__file__).parents[1] / "README.md").read_text()
MODULES = {
    "ptycho-engine": "ptycho_engine.app.command",
    "ptycho-migrate": "ptycho_engine.migrations.cli",
}
#: Run by tests of their own: what installs, and the benchmarks, which take long.
ELSEWHERE = ("python3 -m venv", "pip install", "python -m benchmarks")
OLD_CODE = """from ptycho.raw_data import get_image_patches
from ptycho.tf_helper import translate


def moved(images, offsets):
    return translate(images, offsets)
"""


def steps():
    """Language and text: an example of Python, or a line of a shell."""
    for language, block in re.findall(r"```(bash|python)\n(.*?)```", README, re.DOTALL):
        lines = block.splitlines() if language == "bash" else [block]
        yield from ((language, line) for line in lines if not line.startswith(ELSEWHERE))


@pytest.fixture
def folder(tmp_path):
    """What a reader has: a scan, and a project of PtychoPINN."""
    rng = np.random.default_rng(0)
    image = np.exp(1j * rng.normal(size=(160, 160))).astype(np.complex64)
    np.savez(
        tmp_path / "scan.npz", objectGuess=image, probeGuess=np.ones((64, 64), np.complex64),
        xcoords=rng.uniform(40, 120, 20), ycoords=rng.uniform(40, 120, 20),
        diff3d=np.ones((20, 64, 64), np.float32),
    )  # fmt: skip
    (tmp_path / "old.yaml").write_text("N: 64\ngridsize: 1\nuse_batched_patch_extraction: true\n")
    (tmp_path / "old.py").write_text(OLD_CODE)
    return tmp_path


@pytest.mark.slow
@pytest.mark.tensorflow
def test_every_command_runs_in_order(folder):
    run = []
    for language, text in steps():
        if language == "python":
            done = run_python("-c", text, cwd=folder)
        else:
            program, *arguments = shlex.split(text)
            done = run_python("-m", MODULES[program], *arguments, cwd=folder)
        assert done.returncode == 0, f"{text}\n{done.stderr}"
        assert "Traceback" not in done.stderr, text
        run.append(text)
    assert len(run) > 10
    assert {"first.h5", "second.zarr", "patches.npz", "multirun", "new.yaml", "compare.png"} <= {
        entry.name for entry in folder.iterdir()
    }
    assert len(list(folder.glob("multirun/*/*/*/patches.npz"))) == 4
    assert "ptycho_engine.compat" in (folder / "old.py").read_text()
