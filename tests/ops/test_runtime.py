"""TensorFlow before its first operation: GPU memory grows, unless the user said otherwise."""

import pytest

tf = pytest.importorskip("tensorflow")

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
