"""TensorFlow before its first operation: GPU memory grows, unless the user said otherwise."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow")

from tensorflow.python.client import device_lib

from ptycho_engine import Engine
from ptycho_engine.errors import MemoryBudgetError
from ptycho_engine.ops import runtime


@pytest.fixture
def grown(monkeypatch):
    """Names of the GPUs whose memory was let grow, of two that are pretended."""
    names = []
    monkeypatch.delenv("TF_FORCE_GPU_ALLOW_GROWTH", raising=False)
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [f"{kind}:0", f"{kind}:1"])
    monkeypatch.setattr(
        tf.config.experimental, "set_memory_growth", lambda gpu, grows: names.append((gpu, grows))
    )
    runtime._let_memory_grow.cache_clear()
    yield names
    runtime._let_memory_grow.cache_clear()


def test_memory_of_every_gpu_grows_and_once(grown):
    for _ in range(2):
        runtime.prepare_tensorflow()
    assert grown == [("GPU:0", True), ("GPU:1", True)]


def test_the_word_of_the_user_counts(grown, monkeypatch):
    monkeypatch.setenv("TF_FORCE_GPU_ALLOW_GROWTH", "false")
    runtime.prepare_tensorflow()
    assert grown == []


@pytest.mark.parametrize("error", [RuntimeError, ValueError])
def test_too_late_is_no_error(grown, monkeypatch, error):
    def refuse(gpu, grows):
        grown.append(gpu)
        raise error("Physical devices cannot be modified after being initialized")

    monkeypatch.setattr(tf.config.experimental, "set_memory_growth", refuse)
    runtime.prepare_tensorflow()
    assert grown == ["GPU:0"]


# -- memory of a GPU -------------------------------------------------------------------------


@pytest.fixture
def gpu(monkeypatch, grown):
    """A GPU of 1000 bytes that is pretended; returns what TensorFlow uses of it."""
    used = {"current": 300, "peak": 900}
    devices = [SimpleNamespace(device_type=kind, memory_limit=1000) for kind in ("CPU", "GPU")]
    monkeypatch.setattr(runtime, "GPU_NODES", ("/dev/null",))
    monkeypatch.setattr(tf.config, "list_logical_devices", lambda kind: [f"{kind}:0"])
    monkeypatch.setattr(device_lib, "list_local_devices", lambda: devices)
    monkeypatch.setattr(tf.config.experimental, "get_memory_info", lambda device: used)
    runtime._device_limit.cache_clear()
    yield used
    runtime._device_limit.cache_clear()


def test_free_memory_of_a_gpu(gpu, grown):
    assert runtime.device_memory() == 700
    assert grown  # before the first operation
    gpu["current"] = 1200
    assert runtime.device_memory() == 0


def test_without_a_gpu_there_is_no_limit(gpu, monkeypatch):
    monkeypatch.setattr(tf.config, "list_logical_devices", lambda kind: [])
    assert runtime.device_memory() is None
    monkeypatch.setattr(runtime, "GPU_NODES", ("/nothing/there",))
    monkeypatch.setattr(runtime, "prepare_tensorflow", lambda: pytest.fail("TensorFlow imported"))
    assert runtime.device_memory() is None


@pytest.mark.filterwarnings("ignore:The plugin 'iterative':FutureWarning")
@pytest.mark.parametrize("plugin", ["chunked_xla", "batched", "iterative"])
def test_what_is_held_on_the_gpu_has_to_fit_there(plugin, monkeypatch):
    image, positions = np.ones((60, 50), np.float32), np.full((2000, 2), 25.0)
    engine = Engine(plugin, memory_budget="1GB")
    module = sys.modules[engine.source.target]
    plan = engine.plan(image, positions, 16)
    tensors = engine.plan(tf.constant(image), positions, 16)
    for free, fits, tensors_fit in (
        (tensors.peak_bytes, True, True),
        (plan.output_bytes * 3 // 2, True, False),
        (1000, False, False),
    ):
        monkeypatch.setattr(module, "device_memory", lambda free=free: free)
        for source, expected in (image, fits), (tf.constant(image), tensors_fit):
            found = engine.plan(source, positions, 16)
            assert (found.peak_bytes <= found.memory_budget) is expected
            assert found.memory_budget == (10**9 if expected else free)
    with pytest.raises(MemoryBudgetError, match="budget is 1000 B"):
        engine.extract(image, positions, 16, out=np.empty((2000, 16, 16), np.float32))
    assert plan.memory_budget == 10**9
