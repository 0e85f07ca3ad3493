"""Settings of the whole suite: quiet TensorFlow, one Hypothesis profile, a clean environment."""

import os
import signal

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # before TensorFlow is imported

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "ptycho_engine",
    deadline=None,  # XLA compiles inside examples
    derandomize=True,
    max_examples=75,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("ptycho_engine")

# Programs that a shell starts in the background ignore Ctrl-C, and so do the programs they start.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch):
    """No legacy variable of the surrounding shell reaches a test."""
    for name in ("USE_XLA_TRANSLATE", "USE_XLA_COMPILE", "TF_DISABLE_XLA_TRANSLATE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("PTYCHO_ENGINE_DEPRECATIONS", raising=False)
