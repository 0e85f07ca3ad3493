"""Placement has the same bits for 1, 2 and 8 threads of TensorFlow and of jax; numba: test_placing.

A framework reads how many it may have before it begins: each count has a process of its own.
"""

import os
import subprocess
import sys

import pytest

PROGRAM = """
import hashlib, sys
import numpy as np
plugin, threads = sys.argv[1], int(sys.argv[2])
if plugin == "jax":
    import jax
    convert = jax.numpy.asarray
else:
    import tensorflow as tf
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    convert = tf.constant
from ptycho_engine import Engine
engine, rng = Engine(plugin), np.random.default_rng(0)
positions = rng.uniform(-5, 130, (300, 4, 2))
patches = np.moveaxis(rng.normal(size=(300, 4, 33, 33, 2)).astype(np.float32), 1, 3)
patches = np.ascontiguousarray(patches).view(np.complex64)[..., 0]
total = hashlib.sha256()
for values, interpolation in ((patches, "bilinear"), (patches.real.copy(), "bicubic")):
    how = {"layout": "channel", "interpolation": interpolation, "fill": "reflect"}
    for given in (values, convert(values)):
        placed = np.asarray(engine.place(given, positions, (131, 120), **how))
        assert placed.any()
        total.update(placed.tobytes())
print(total.hexdigest())
"""


@pytest.mark.slow
@pytest.mark.parametrize("plugin", ["batched", "chunked_xla", "jax"])
def test_bits_do_not_depend_on_the_threads_of_a_framework(plugin):
    pytest.importorskip("jax" if plugin == "jax" else "tensorflow")

    def bits(threads):
        environment = {**os.environ, "NPROC": str(threads), "JAX_PLATFORMS": "cpu"}  # jax asks it
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, plugin, str(threads)],
            env=environment, capture_output=True, text=True, check=False, timeout=300,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert bits(1) == bits(2) == bits(8)
