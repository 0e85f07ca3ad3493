"""What importing the layers imports, and when Keras cannot serve."""

import os
import subprocess
import sys

import pytest

from ptycho_engine import layers
from ptycho_engine.extras import is_installed

HEAVY = "print([m for m in ('keras', 'tensorflow', 'torch') if m in __import__('sys').modules])"


def run(code, **environment):
    env = {**os.environ, **environment}
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, env=env
    )


def test_the_room_itself_imports_no_framework():
    """Whoever wants the torch twins has no TensorFlow."""
    code = (
        "from ptycho_engine import layers; dir(layers); import ptycho_engine.layers.layer_settings"
    )
    assert run(f"{code}\n{HEAVY}").stdout == "[]\n"


def test_a_name_that_is_none_is_refused():
    with pytest.raises(AttributeError, match="Transition"):
        _ = layers.Transition


@pytest.mark.tensorflow
def test_every_name_is_registered_with_keras():
    layers.register()
    keras = sys.modules["keras"]
    for name in set(layers.__all__) - {"register"}:
        kind = getattr(layers, name)
        assert keras.saving.get_registered_object(f"ptycho_engine>{name}") is kind


@pytest.mark.tensorflow
@pytest.mark.slow
def test_another_backend_is_refused_before_it_is_imported():
    done = run("from ptycho_engine import layers; layers.register()", KERAS_BACKEND="torch")
    said = done.stderr.splitlines()[-1]
    assert "ConfigurationError: ptycho_engine.layers: Keras runs on the backend 'torch'" in said
    assert "KERAS_BACKEND=tensorflow" in said
    assert "ptycho_engine.layers.torch" in said


@pytest.mark.slow
@pytest.mark.skipif(not is_installed("jax"), reason="needs jax, as the backend of Keras")
@pytest.mark.tensorflow
def test_a_backend_that_is_already_chosen_is_refused():
    code = "import keras\nfrom ptycho_engine import layers\nlayers.PoissonNLL"
    done = run(code, KERAS_BACKEND="jax")
    assert "ConfigurationError: ptycho_engine.layers: Keras runs on" in done.stderr
