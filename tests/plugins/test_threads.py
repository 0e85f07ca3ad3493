"""Several threads at once, from the first call on."""

import subprocess
import sys

import pytest

FIRST = """
import sys, threading, warnings
import numpy as np
from ptycho_engine import Engine
from ptycho_engine.testing import reference_patches
warnings.simplefilter("ignore")
rng = np.random.default_rng(0)
image = rng.normal(size=(90, 80)) + 1j * rng.normal(size=(90, 80))
image = image.astype(np.complex64)
positions = rng.uniform(-5, 95, (40, 2))
expected = reference_patches(image, positions, 8)
together, errors, started = threading.Barrier(8), [], []

def cut(plugin):
    try:
        together.wait()
        for how in {}, {"fill": "edge"}:
            found = Engine(plugin).extract(image, positions, 8, **how)
        found = Engine(plugin).extract(image, positions, 8)
        assert np.abs(found - expected).max() < 1e-5
    except BaseException as error:
        errors.append(repr(error))

threads = [threading.Thread(target=cut, args=(plugin,)) for plugin in PLUGINS]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
assert not errors, errors
"""

IMPORTING = """
import sys, threading, types
import numpy as np
half = types.ModuleType("tensorflow")
sys.modules["tensorflow"] = half
from ptycho_engine import Engine
patches = Engine("numba").extract(np.ones((20, 30), np.complex64), [[10.25, 9.5]], 8)
assert np.allclose(patches, 1)
assert list(Engine("numba").stream([[1.0, 2.0]], [[0, 0.5]], 1))[0].patches == 1.5
del sys.modules["tensorflow"]
importing = threading.Thread(target=lambda: __import__("tensorflow"))
importing.start()
while "tensorflow" not in sys.modules:
    pass
for plugin in "numba", "chunked_xla", "batched":
    patches = Engine(plugin).extract(np.ones((20, 30), np.complex64), [[10.25, 9.5]], 8)
    assert np.allclose(patches, 1)
importing.join()
"""


def run(code):
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
@pytest.mark.tensorflow
@pytest.mark.parametrize("plugins", [
    8 * ["chunked_xla"], 2 * ["numba", "chunked_xla", "batched", "iterative"],
])  # fmt: skip
def test_first_calls_from_eight_threads(plugins):
    run(f"PLUGINS = {plugins}\n{FIRST}")


@pytest.mark.slow
@pytest.mark.tensorflow
def test_another_thread_in_the_midst_of_importing_tensorflow():
    run(IMPORTING)
