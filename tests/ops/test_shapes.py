"""Few shapes for many objects: bit-equal patches, few compilations, no copy of a large object."""

import math
from functools import cache
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from requests_built import build_request

tf = pytest.importorskip("tensorflow")

from ptycho_engine import Engine
from ptycho_engine.ops import shapes
from ptycho_engine.ops.chunks import ChunkKind, chunk_function
from ptycho_engine.ops.translate import translation
from ptycho_engine.testing import assert_close, reference_patches


@cache
def room_side(side, axis):
    return shapes.room_for((side, side))[axis]


@given(st.integers(1, 9000), st.integers(1, 9000))
def test_there_is_room_and_not_too_much(height, width):
    rows, columns = shapes.room_for((height, width))
    assert height <= rows <= max(80, 2 * height + shapes.SPARE)
    assert width <= columns <= max(80, 1.5 * width + shapes.SPARE)


def test_rooms_are_few():
    rooms = {shapes.room_for((side, side)) for side in range(1, 2900)}
    assert len(rooms) <= 13
    every = {shapes.room_for((h, w)) for h in range(1, 2900, 7) for w in range(1, 2900, 7)}
    assert len(every) <= 100 <= shapes.ROOMS


def test_rooms_of_all_objects_that_are_not_tiled_are_bounded():
    # Float32, of which most samples fit.
    sides = np.unique(np.geomspace(1, 2**24, 2000).astype(int))
    small = (s for s in product(sides, sides) if 4 * s[0] * s[1] <= shapes.TILED_BYTES)
    ends = {(room_side(h, 0), room_side(w, 1)) for h, w in small}
    assert len(ends) <= shapes.ROOMS


def compilations(plugin):
    """The functions that a plugin traces, or compiles, for patches of 9 x 9."""
    kind = ChunkKind(9, "bilinear", "exact", interleave=1, compiled=plugin != "batched")
    if plugin == "iterative":
        return translation(kind.interpolation, kind.rounding, kind.interleave)
    return chunk_function(kind)


@pytest.mark.slow_cases("tensor", "array", "iterative", "chunked_xla-10")
@pytest.mark.filterwarnings("ignore:The plugin 'iterative':FutureWarning")
@pytest.mark.parametrize("source", ["array", "shared", "tensor"])
@pytest.mark.parametrize(
    ("plugin", "most"), [("chunked_xla", 10), ("batched", 3), ("iterative", 1)]
)
def test_a_hundred_objects_share_a_few_compilations(plugin, most, source):
    # A chunk size and patch size that no other test uses.
    option = {"chunked_xla": "chunk_size", "batched": "batch_size"}
    engine = Engine(plugin, options={option[plugin]: 4001} if plugin in option else None)
    before = compilations(plugin).experimental_get_tracing_count()
    made = {"array": np.asarray, "shared": engine.prepare, "tensor": tf.constant}[source]
    rng = np.random.default_rng(0)
    for side in rng.choice(np.arange(20, 700), 100, replace=False):
        image = rng.normal(size=(side, side + 3)).astype(np.float32)
        positions = rng.uniform(-5, side + 5, (3, 2))
        found = engine.extract(made(image), positions, 9)
        assert_close(np.asarray(found), reference_patches(image, positions, 9), image)
    assert compilations(plugin).experimental_get_tracing_count() - before <= most


@pytest.fixture
def small_tiles(monkeypatch):
    monkeypatch.setattr(shapes, "TILED_BYTES", 0)
    monkeypatch.setattr(shapes, "TILE_SIDE", 30)


CASES = [
    ("flat", {}),
    ("flat", {"fill": "edge"}),
    ("flat", {"fill": "reflect"}),
    ("flat", {"interpolation": "bicubic", "fill": "reflect"}),
    ("flat", {"rounding": "legacy"}),
    ("channel", {"fill": "edge"}),
    ("channel", {"interpolation": "nearest"}),
    ("grid", {}),
]


@pytest.mark.slow_cases(  # what is left holds every layout, fill and rounding
    "how3", "how6", "how0-auto", "how1-7", "how2-auto", "how4-7", "how5-auto", "how7-auto"
)
@pytest.mark.parametrize("chunk_size", ["auto", 7])
@pytest.mark.parametrize(("layout", "how"), CASES)
def test_tiles_give_the_same_bits(layout, how, chunk_size, monkeypatch, request):
    rng = np.random.default_rng(0)
    image = (rng.normal(size=(2, 150, 200)) + 1j * rng.normal(size=(2, 150, 200))).astype("c8")
    positions = rng.uniform(-30, 230, (120, 2))
    positions[5] = 1e9
    if layout != "flat":
        positions = positions.reshape(-1, 4, 2)
    engine = Engine("chunked_xla", options={"chunk_size": chunk_size})
    expected = engine.extract(image, positions, 6, layout=layout, **how)
    request.getfixturevalue("small_tiles")
    for source in image, engine.prepare(image):
        for _ in range(2):
            found = engine.extract(source, positions, 6, layout=layout, **how)
            if "rounding" in how:  # XLA contracts the legacy sums by their place in a chunk
                assert_close(found, expected, image)
            else:
                np.testing.assert_array_equal(found, expected)


@pytest.mark.usefixtures("small_tiles")
def test_tiles_of_a_shared_object_are_kept_within_its_bound():
    image = np.ones((500, 500), np.float32)
    engine = Engine("chunked_xla", memory_budget="1GiB")
    prepared = engine.prepare(image)
    positions = np.random.default_rng(0).uniform(0, 500, (50, 2))
    found = engine.extract(prepared, positions, 4)
    kept = prepared.bytes_with()
    assert 0 < kept <= prepared.limit_bytes
    assert kept <= engine.plan(prepared, positions, 4).workspace_bytes
    np.testing.assert_array_equal(engine.extract(prepared, positions, 4), found)
    assert prepared.bytes_with() == kept


def test_a_large_object_is_not_copied():
    image = np.broadcast_to(np.complex64(2), (20_000, 20_000))
    positions = np.linspace(-3, 20_003, 10)[:, None] + np.zeros(2)
    engine = Engine("chunked_xla", memory_budget="200MB")
    found = engine.extract(image, positions, 16)
    np.testing.assert_allclose(found[1:-1], 2, rtol=1e-6)
    assert engine.plan(image, positions, 16).peak_bytes < 120e6
    tile = math.prod(shapes.tile_shape(build_request(image, positions, 16))) * 8
    assert tile < 64 * 1024**2
