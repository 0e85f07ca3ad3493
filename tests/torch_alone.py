"""torch for the tests that need it: in one process with TensorFlow, it has crashed."""

import sys

import pytest

if "tensorflow" in sys.modules:
    pytest.skip("TensorFlow lives here: run tests/with_torch alone", allow_module_level=True)
torch = pytest.importorskip("torch")
