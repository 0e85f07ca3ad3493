"""What is particular to the numba plugin: no TensorFlow, no second compilation."""

import subprocess
import sys

import pytest

from ptycho_engine import Engine
from ptycho_engine.errors import ConfigurationError

CUT = """
import sys
sys.modules["tensorflow"] = None  # importing it would fail
import numpy as np
from ptycho_engine import Engine
image = np.ones((20, 30), np.complex64)
patches = Engine("numba").extract(image, np.full((3, 2), 10.25), 8)
assert patches.shape == (3, 8, 8) and np.allclose(patches, 1)
from ptycho_engine.plugins.numba_kernels import cut
print(sum(cut.stats.cache_hits.values()), sum(cut.stats.cache_misses.values()))
"""


def test_second_process_neither_imports_tensorflow_nor_compiles():
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-c", CUT], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["1", "0"]


def test_threads_are_checked():
    assert Engine("numba", options={"threads": 3}).options == {"threads": 3}
    with pytest.raises(ConfigurationError, match="threads: received 0"):
        Engine("numba", options={"threads": 0})
