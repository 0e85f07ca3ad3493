"""No legacy variable of the surrounding shell reaches a test."""

import pytest


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch):
    for name in ("USE_XLA_TRANSLATE", "USE_XLA_COMPILE", "TF_DISABLE_XLA_TRANSLATE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("PTYCHO_ENGINE_DEPRECATIONS", raising=False)
