"""What a call really takes is what its plan says; each in a process of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from growth import KINDS

pytestmark = pytest.mark.slow

MEBI = 1024**2
SCRIPT = Path(__file__).with_name("growth.py")
ARRAYS = [kind for kind in KINDS if not kind.startswith("tensor")]
TENSORS = [kind for kind in KINDS if kind.startswith("tensor")]
FEW = ["few", "patches large", "channel large", "large", "tensor large", "tensor patches large"]
CASES = [
    *(("numba", kind) for kind in ARRAYS if kind != "fourier"),
    *(("numba", kind) for kind in ("tensor", "tensor channel", "tensor slices", "tensor large")),
    *((plugin, kind) for plugin in ("chunked_xla", "batched") for kind in ARRAYS + TENSORS),
    *(("iterative", kind) for kind in FEW),  # the others take it minutes
]


@pytest.mark.drawn
@pytest.mark.skipif(
    not Path("/proc/self/clear_refs").exists(), reason="the peak can be reset on Linux alone"
)
@pytest.mark.parametrize(("plugin", "kind"), CASES)
def test_growth_is_planned(plugin, kind):
    if plugin != "numba" or kind in TENSORS:
        pytest.importorskip("tensorflow")
    if psutil.virtual_memory().available < 4 * 1024 * MEBI:
        pytest.skip("less than 4 GiB are free: what is swapped out would not count")
    done = subprocess.run(
        [sys.executable, SCRIPT, plugin, kind],
        capture_output=True,
        text=True,
        check=False,
        # The C library would keep freed blocks of many MiB, and more or fewer from run to run.
        env={**os.environ, "MALLOC_MMAP_THRESHOLD_": "131072"},
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    grown, planned = found["grown"] / MEBI, found["planned"] / MEBI
    assert grown <= 1.15 * planned + 32
    if planned > 256:
        assert planned <= 1.3 * grown
