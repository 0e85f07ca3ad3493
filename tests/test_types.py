"""What a type checker says of a user's script: the choices are known, and so are the names."""

import os
import subprocess
import sys
from pathlib import Path

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


MISTAKES = {
    'engine.extract(image, positions, 8, interpolation="cubic")': "interpolation",
    "engine.extract(image, positions, patch_sizes=64)": "patch_sizes",
    'extract_patches(image, positions, 8, fill="zero")': "fill",
    'engine.stream(image, positions, 8, layout="channels")': "layout",
    'engine.plan(image, positions, 8, rounding="floor")': "rounding",
}


def check(tmp_path, script):
    path = tmp_path / "script.py"
    path.write_text(script)
    source = {"MYPYPATH": str(Path(ptycho_engine.__file__).parents[1])}
    return subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent",
         "--cache-dir", str(tmp_path), str(path)],
        capture_output=True, text=True, check=False, cwd=tmp_path, env=os.environ | source,
    )  # fmt: skip


def test_a_script_of_public_names_is_typed(tmp_path):
    done = check(tmp_path, SCRIPT)
    assert done.returncode == 0, done.stdout


def test_mistakes_are_refused(tmp_path):
    done = check(tmp_path, SCRIPT + "\n".join(MISTAKES))
    assert done.returncode == 1
    first = SCRIPT.count("\n") + 1
    for number, (line, said) in enumerate(MISTAKES.items(), first):
        errors = [e for e in done.stdout.splitlines() if e.startswith(f"script.py:{number}: error")]
        assert any(said in e or "incompatible type" in e for e in errors), (line, done.stdout)
