"""What a type checker says of a user's script: the choices are known, and so are the names."""

import subprocess
import sys

import pytest

import ptycho_engine

pytestmark = pytest.mark.slow  # mypy reads the whole package

SCRIPT = """\
import numpy as np

from ptycho_engine import Block, Engine, Plan, extract_patches, list_plugins

image = np.ones((32, 32), np.complex64)
positions = np.full((4, 2), 16.0)
engine = Engine("numba", options={"threads": 1}, memory_budget="1GiB")
plan: Plan = engine.plan(image, positions, 8, interpolation="bicubic")
total: int = plan.peak_bytes
prepared = engine.prepare(image)
patches = engine.extract(prepared, positions, 8, fill="edge", rounding="legacy", layout="flat")
again = extract_patches(image, positions, 8, plugin="numba", interpolation="nearest")
for block in engine.stream(image, positions, 8, block_size=2):
    first: Block = block
names: list[str] = [source.name for source in list_plugins()]
"""


def check(tmp_path, script):
    path = tmp_path / "script.py"
    path.write_text(script)
    command = [sys.executable, "-m", "mypy", "--strict", "--no-incremental", str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)


def test_a_script_that_calls_every_public_name_is_typed(tmp_path):
    done = check(tmp_path, SCRIPT)
    assert done.returncode == 0, done.stdout
    used = {"Block", "Engine", "Plan", "extract_patches", "list_plugins"}
    assert used <= set(ptycho_engine.__all__)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('engine.extract(image, positions, 8, interpolation="cubic")', "interpolation"),
        ("engine.extract(image, positions, patch_sizes=64)", "patch_sizes"),
        ('extract_patches(image, positions, 8, fill="zero")', "fill"),
        ('engine.stream(image, positions, 8, layout="channels")', "layout"),
        ('engine.plan(image, positions, 8, rounding="floor")', "rounding"),
    ],
)
def test_mistakes_are_refused(tmp_path, line, said):
    done = check(tmp_path, f"{SCRIPT}{line}\n")
    assert done.returncode == 1
    assert said in done.stdout
