"""What is particular to the numba plugin: no TensorFlow, no second compilation."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from processes import run_python
from ptycho_engine.plugins import numba as plugin
from requests_built import build_request

from ptycho_engine import Engine
from ptycho_engine.errors import ConfigurationError
from ptycho_engine.request.windows import all_inside
from ptycho_engine.testing import assert_close, reference_patches

CUT = """
import sys
from pathlib import Path
sys.modules["tensorflow"] = None  # importing it would fail
import numpy as np
from ptycho_engine.plugins import numba as plugin

from ptycho_engine import Engine
image = np.ones((20, 30), np.complex64)
patches = Engine("numba").extract(image, np.full((3, 2), 10.25), 8)
assert patches.shape == (3, 8, 8) and np.allclose(patches, 1)
from ptycho_engine.native.kernels import cut
print(sum(cut.stats.cache_hits.values()), sum(cut.stats.cache_misses.values()))
"""


@pytest.mark.slow
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


@settings(max_examples=100)
@given(
    low=st.floats(-1, 8),
    high=st.floats(-1, 8),
    n=st.integers(1, 6),
    interpolation=st.sampled_from(["nearest", "bilinear", "bicubic"]),
    rounding=st.sampled_from(["exact", "legacy"]),
)
def test_object_that_needs_no_padding_is_used_as_it_is(low, high, n, interpolation, rounding):
    image = np.random.default_rng(0).standard_normal((2, 17, 19))
    # What lies beside the object in memory must not be read.
    beside = np.full((4, 17, 19), np.nan)
    beside[1:3] = image
    positions = [[low, low], [16 - high, 18 - high]]
    how = {"interpolation": interpolation, "rounding": rounding}
    expected = reference_patches(image, positions, n, **how)
    for source in (image, beside[1:3], np.asfortranarray(image)):
        assert_close(Engine("numba").extract(source, positions, n, **how), expected, image)


def test_windows_that_touch_the_border_are_padded():
    def inside(*position, **how):
        return all_inside(build_request(np.ones((10, 12)), [position], 4, **how))

    assert inside(2.0, 2.0)
    assert inside(7.75, 9.75)
    assert not inside(1.9, 5.0)
    assert not inside(5.0, 10.0)  # the neighbour beyond the border has no weight, and is not there
    assert not inside(2.9, 3.0, interpolation="bicubic")
    assert inside(3.0, 3.0, interpolation="bicubic")
    assert not inside(1.9, 5.0, rounding="legacy")
    assert inside(2.0 - 1e-9, 5.0, rounding="legacy")  # 2 in float32
    assert not inside(2.0 - 1e-9, 5.0)
    assert not all_inside(build_request(np.ones((10, 12)), np.empty((0, 2)), 4))


@pytest.mark.parametrize("layout", ["flat", "channel"])
@pytest.mark.parametrize("fill", ["zeros", "edge", "reflect"])
@pytest.mark.parametrize("how", [{}, {"interpolation": "bicubic"}, {"rounding": "legacy"}])
def test_large_objects_are_cut_as_they_are_bit_by_bit(layout, fill, how, monkeypatch):
    rng = np.random.default_rng(0)
    image = (rng.normal(size=(2, 40, 50)) + 1j * rng.normal(size=(2, 40, 50))).astype(np.complex64)
    positions = rng.uniform(-40, 90, (300, 2))
    positions[::2] = rng.uniform(12, 28, (150, 2))
    positions[7] = 1e9
    if layout == "channel":
        positions = positions.reshape(-1, 4, 2)
    for threads in 1, 3:
        engine = Engine("numba", options={"threads": threads})
        monkeypatch.setattr("ptycho_engine.native.bands.SERIAL", 0)
        monkeypatch.setattr(plugin, "STACK_BYTES", 5000)
        expected = engine.extract(image, positions, 8, fill=fill, layout=layout, **how)
        with monkeypatch.context() as patch:
            patch.setattr(plugin, "LARGE_OBJECT", 0)
            patch.setattr(plugin, "pad", None)  # would fail
            for source in image, engine.prepare(image):
                found = engine.extract(source, positions, 8, fill=fill, layout=layout, **how)
                np.testing.assert_array_equal(found, expected)


def test_large_objects_are_not_copied():
    image = np.zeros((6000, 6000), np.float32)  # 144 MB
    image[:9, :9] = 1
    engine = Engine("numba", memory_budget="1MB")
    for source in image, engine.prepare(image):
        patches = engine.extract(source, [[0.0, 0.0], [3000.0, 3000.0]], 8)
        assert patches[0].sum() == 16
        assert patches[1].sum() == 0


def is_open(folder):
    """Whether anybody may enter a folder."""
    return bool(folder.stat().st_mode & 0o001)


AS_NOBODY = """
import os, sys
import numba, numpy as np
numba.njit(nogil=True)(lambda x: x + 1)(np.ones(3))  # what numba imports when it compiles
import numba.core.caching, numba.misc.appdirs
import ptycho_engine.engine, ptycho_engine.logs, ptycho_engine.plugin  # nobody may read Python
if os.geteuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
from ptycho_engine import Engine
engine = Engine("numba")
assert not os.access(sys.modules["ptycho_engine.native.kernels"].__file__, os.W_OK)
for interpolation in "bilinear", "bicubic":
    how = {"interpolation": interpolation}
    patches = engine.extract(np.arange(25.0).reshape(5, 5), [[2, 2.5]], 2, **how)
print(patches.ravel().tolist())
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="cannot become nobody")
def test_where_nothing_can_be_written_it_runs_uncached_and_says_so_once(tmp_path):
    above = [path for path in Path(plugin.__file__).resolve().parents if not is_open(path)]
    if above:
        pytest.skip(f"nobody may enter {above[0]}")
    home = tmp_path / "home"
    home.mkdir(mode=0o555)
    env = {k: v for k, v in os.environ.items() if not k.startswith(("NUMBA_", "XDG_"))}
    done = run_python("-c", AS_NOBODY, env={**env, "HOME": str(home)})
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [6.5, 7.5, 11.5, 12.5]
    assert done.stderr.count("compiled_code_not_kept") == 1
    assert "NUMBA_CACHE_DIR" in done.stderr
    assert "Traceback" not in done.stderr


def run_afresh(code, **env):
    """In a new process: numba reads its settings when it is imported."""
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True, text=True, check=False, env={**os.environ, **env},
    )  # fmt: skip


CUT_ONE = """
import numpy as np
from ptycho_engine import Engine
print(Engine("numba").extract(np.arange(25.0).reshape(5, 5), [[2, 2.5]], 2).ravel().tolist())
"""


@pytest.fixture
def small_disk(tmp_path):
    """A file system with room for nothing that is worth keeping."""
    mount = ["mount", "-t", "tmpfs", "-o", "size=8k", "tmpfs", str(tmp_path)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("cannot mount")
    yield tmp_path
    subprocess.run(["umount", str(tmp_path)], check=True)


@pytest.mark.slow
def test_a_disk_that_is_full_costs_no_run(small_disk):
    done = run_afresh(CUT_ONE, NUMBA_CACHE_DIR=str(small_disk))
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [6.5, 7.5, 11.5, 12.5]
    assert done.stderr.count("compiled_code_not_kept") == 1
    assert "No space left" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("ending", [".nbi", ".nbc"])
def test_files_that_were_cut_short_are_made_anew(tmp_path, ending):
    for _ in range(2):
        done = run_afresh(CUT_ONE, NUMBA_CACHE_DIR=str(tmp_path))
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout) == [6.5, 7.5, 11.5, 12.5]
        assert done.stderr == ""
        files = list(tmp_path.rglob(f"*{ending}"))
        assert files
        assert all(file.stat().st_size > 50 for file in files)
        for file in files:
            file.write_bytes(file.read_bytes()[:40])


SELECT = "from ptycho_engine import Engine; Engine('numba')"


def test_code_that_may_not_be_compiled_is_refused():
    last = run_afresh(SELECT, NUMBA_DISABLE_JIT="1").stderr.splitlines()[-1]
    assert "PluginLoadError: plugin 'numba'" in last
    assert "NUMBA_DISABLE_JIT" in last
    assert "Repair" not in last


def test_a_numba_that_does_not_load_is_blamed_itself(tmp_path):
    (tmp_path / "numba.py").write_text("raise ImportError('Numba needs NumPy 1.0 or less')\n")
    last = run_afresh(SELECT, PYTHONPATH=str(tmp_path)).stderr.splitlines()[-1]
    assert "numba is installed, but cannot be imported: ImportError: Numba needs NumPy 1.0" in last
    assert "Repair" not in last


@pytest.mark.parametrize("threads", [100_000, 10**400, 10**5000], ids=range(3))
def test_absurd_numbers_of_threads_are_refused_as_configuration(threads):
    with pytest.raises(ConfigurationError, match="threads: received more than 4096"):
        Engine("numba", options={"threads": threads})
