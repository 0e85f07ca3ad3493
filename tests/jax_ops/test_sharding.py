"""Inside jax.shard_map, over two devices of a CPU, which only a process of its own has."""

import os
import textwrap

import pytest
from processes import run_python

pytest.importorskip("jax")

BEGIN = """
from functools import partial
import jax, jax.numpy as jnp, numpy as np
from jax.sharding import Mesh, PartitionSpec as P
from ptycho_engine import Engine

engine, rng = Engine("jax"), np.random.default_rng(0)
positions = rng.uniform(4, 16, (6, 2)).astype(np.float32)
patches = rng.normal(size=(6, 4, 4)).astype(np.float32)
weights = rng.normal(size=(20, 22)).astype(np.float32)
place = partial(engine.place, shape=(20, 22))
close = partial(np.testing.assert_allclose, rtol=0, atol=1e-5)

def sharded(work, *specs, out=P()):
    mesh = Mesh(np.array(jax.devices()), ("d",))
    return jax.jit(jax.shard_map(work, mesh=mesh, in_specs=specs, out_specs=out))
"""


def run(code):
    more = {"XLA_FLAGS": "--xla_force_host_platform_device_count=2", "JAX_PLATFORMS": "cpu"}
    done = run_python("-c", BEGIN + textwrap.dedent(code), env={**os.environ, **more})
    assert done.returncode == 0, done.stderr[-3000:]


def test_placements_of_shards_add_up_to_that_of_all():
    run("""
    def total(*what):
        return jax.lax.psum(place(*what), "d")

    close(sharded(total, P("d"), P("d"))(patches, positions), place(patches, positions))
    """)


@pytest.mark.slow
def test_what_is_placed_may_be_the_same_for_all_shards_in_part():
    run("""
    def total(*what):
        return jax.lax.psum(place(*what), "d")

    some, twice = positions[:3], np.concatenate([positions[:3]] * 2)
    close(sharded(total, P("d"), P())(patches, some), place(patches, twice))
    known = sharded(lambda patches: total(patches, some), P("d"))
    close(known(patches), place(patches, twice))
    again = np.concatenate([patches[:3]] * 2)
    close(sharded(total, P(), P("d"))(patches[:3], positions), place(again, positions))
    """)


@pytest.mark.slow
def test_gradients_of_shards_are_those_of_all():
    run("""
    def loss(patches, positions):
        return (weights * place(patches, positions)).sum()

    def misfit(image, positions):
        return (engine.extract(image, positions, 4) ** 2).sum()

    both = P("d"), P("d")
    found = sharded(jax.grad(loss, (0, 1)), *both, out=both)(patches, positions)
    for one, other in zip(found, jax.grad(loss, (0, 1))(patches, positions), strict=True):
        close(one, other)
    found = sharded(jax.grad(misfit), P(), P("d"))(weights, positions)  # jax sums over shards
    close(found, jax.grad(misfit)(weights, positions))
    """)
