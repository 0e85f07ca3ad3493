"""Memory: reading budgets, choosing chunks, and refusing before work starts."""

import numpy as np
import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st
from requests_built import build_request

from ptycho_engine import Engine, Plan
from ptycho_engine.errors import ConfigurationError, MemoryBudgetError
from ptycho_engine.memory import format_bytes, parse_bytes
from ptycho_engine.request.planning import PREFERRED_CHUNK_BYTES, check_budget, make_plan

IMAGE = np.zeros((100, 120), np.complex64)


def request(count=1000, size=64, channels=None):
    shape = (count, 2) if channels is None else (count, channels, 2)
    layout = "flat" if channels is None else "channel"
    return build_request(IMAGE, np.zeros(shape), size, layout=layout)


# -- budgets ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("500", 500),
        ("500B", 500),
        ("1k", 1000),
        ("1kB", 1000),
        ("2MB", 2_000_000),
        ("2 MiB", 2 * 1024**2),
        ("2mib", 2 * 1024**2),
        ("1.5GiB", 1_610_612_736),
        (" 3 GB ", 3_000_000_000),
        ("1TiB", 1024**4),
        ("1.K", 1000),
        (4096, 4096),
    ],
)
def test_budgets_read(text, count):
    assert parse_bytes(text) == count


@pytest.mark.parametrize(
    "text",
    ["", "GiB", "two GiB", "-1GB", "1e9", "1PB", "1 GiBs", "1iB", "0", 0, -5, 0.5, True, 1.0],
)
def test_budgets_refused(text):
    with pytest.raises(ConfigurationError, match="memory_budget"):
        parse_bytes(text)


def test_no_budget_is_half_of_what_is_free():
    assert 0 < parse_bytes(None) <= psutil.virtual_memory().total / 2


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (1023, "1023 B"), (1024, "1.00 KiB"), (1536, "1.50 KiB"),
     (5 * 1024**2, "5.00 MiB"), (2 * 1024**3, "2.00 GiB"), (3 * 1024**4, "3072.00 GiB")],
)  # fmt: skip
def test_bytes_for_readers(count, text):
    assert format_bytes(count) == text


@given(st.integers(1, 2**50))
def test_readers_text_is_read_back(count):
    assert parse_bytes(format_bytes(count)) == pytest.approx(count, rel=0.005, abs=1)


# -- plans -----------------------------------------------------------------------------------


def plan_for(req, budget=10**9, **more):
    more = {"fixed_bytes": 1000, "bytes_per_patch": 3 * req.patch_size**2 * 8} | more
    return make_plan(req, "some_plugin", budget, **more)


def test_plan_counts_everything():
    plan = plan_for(request(), chunk_size=100)
    assert plan == Plan(
        plugin="some_plugin",
        chunk_size=100,
        chunk_count=10,
        output_bytes=1000 * 64 * 64 * 8,
        workspace_bytes=1000 + 100 * 3 * 64 * 64 * 8,
        memory_budget=10**9,
    )
    assert plan.peak_bytes == plan.output_bytes + plan.workspace_bytes


@pytest.mark.parametrize("size", [1, 8, 64, 300, 3000])
def test_chunks_fill_the_preferred_bytes(size):
    plan = plan_for(request(size=size), 2**40)
    patch_bytes = size**2 * 8
    assert plan.chunk_size & (plan.chunk_size - 1) == 0  # a power of two
    assert plan.chunk_size * patch_bytes <= max(PREFERRED_CHUNK_BYTES, patch_bytes)
    assert 2 * plan.chunk_size * patch_bytes > PREFERRED_CHUNK_BYTES


def test_chunks_shrink_with_the_budget():
    sizes = [plan_for(request(), budget).chunk_size for budget in (10**9, 10**7, 10**6, 1)]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] == 256
    assert sizes[-1] == 1
    plan = plan_for(request(), 10**7)
    assert plan.workspace_bytes <= 10**7 / 4 + 1000


def test_chunks_are_whole_groups():
    plan = plan_for(request(50, channels=9), chunk_size=100)
    assert plan.chunk_size == 99
    assert plan.chunk_count == 5  # of 11 groups
    assert plan_for(request(50, channels=9), chunk_size=4).chunk_size == 9  # at least one group


def test_no_positions():
    plan = plan_for(request(0))
    assert plan.chunk_count == 0
    assert plan.output_bytes == 0


@given(st.integers(0, 2000), st.sampled_from([None, 1, 4, 9]), st.integers(1, 100))
def test_chunks_cover_the_patches(count, channels, size):
    req = request(count, channels=channels)
    plan = plan_for(req, chunk_size=size)
    assert plan.chunk_size * plan.chunk_count >= req.patch_count
    assert plan.chunk_size * max(0, plan.chunk_count - 1) <= req.patch_count
    assert plan.chunk_size % req.channels == 0


# -- refusals --------------------------------------------------------------------------------


def test_refusal_gives_the_numbers_and_the_knob():
    plan = Plan("some_plugin", 1, 1, 3 * 1024**3, 1024**2, 1024**3)
    with pytest.raises(MemoryBudgetError) as caught:
        check_budget(plan, held_bytes=plan.output_bytes, advice="Use engine.stream")
    message = str(caught.value)
    assert message.startswith("some_plugin: needs 3.00 GiB (patches 3.00 GiB, workspace 1.00 MiB)")
    assert "the memory budget is 1.00 GiB" in message
    assert "engine.stream" in message
    assert isinstance(caught.value, MemoryError)
    check_budget(plan, held_bytes=0, advice="")  # without the patches it fits
    with pytest.raises(MemoryBudgetError, match="Choose a smaller chunk, or raise"):
        check_budget(Plan("p", 1, 1, 0, 2, 1), held_bytes=0, advice="Choose a smaller chunk")
    check_budget(Plan("p", 1, 1, 1, 1, 2), held_bytes=1, advice="")  # exactly


def test_engine_refuses_before_any_work():
    image, positions = np.zeros((100, 100), np.float32), np.zeros((10**6, 2))
    for plugin in ("chunked_xla", "batched"):
        engine = Engine(plugin, memory_budget="100MB")
        with pytest.raises(MemoryBudgetError, match=r"patches 15\.26 GiB"):
            engine.extract(image, positions, 64)
        assert engine.plan(image, positions, 64).peak_bytes > 10**8
        engine.stream(image, positions, 64)  # fits, and nothing is computed yet
        with pytest.raises(MemoryBudgetError, match="smaller chunk"):
            Engine(plugin, memory_budget="10kB").stream(image, positions, 64)


def test_workspace_is_checked_for_a_given_output_too():
    positions = np.zeros((4, 2))
    out = np.empty((4, 64, 64), np.complex64)
    with pytest.raises(MemoryBudgetError, match="workspace"):
        Engine("batched", memory_budget="10kB").extract(IMAGE, positions, 64, out=out)


def test_blocks_of_a_stream_keep_to_the_budget():
    budget, positions = 8 * 1024**2, np.zeros((3000, 2))
    engine = Engine("batched", memory_budget=budget)
    plan = engine.plan(IMAGE, positions, 64)
    block = next(engine.stream(IMAGE, positions, 64))
    assert block.patches.nbytes + plan.workspace_bytes <= budget


def test_engine_refuses_an_unreadable_budget_at_once():
    with pytest.raises(ConfigurationError, match="lots"):
        Engine("batched", memory_budget="lots")


def test_chunks_that_are_held_together_count_each():
    assert plan_for(request(1000), chunk_size=100, chunks_at_once=2).workspace_bytes == (
        1000 + 2 * 100 * 3 * 64 * 64 * 8
    )
    assert plan_for(request(90), chunk_size=100, chunks_at_once=2).workspace_bytes == (
        1000 + 100 * 3 * 64 * 64 * 8
    )


def test_chunks_of_an_object_that_is_shared_follow_a_few_patches():
    engine = Engine("numba")  # any: the plan is made by hand
    prepared = engine.prepare(IMAGE)
    sizes = {
        count: plan_for(build_request(prepared, np.zeros((count, 2)), 64)).chunk_size
        for count in (0, 1, 3, 16, 17, 100_000)
    }
    assert sizes == {0: 1, 1: 1, 3: 4, 16: 16, 17: 32, 100_000: 256}


@pytest.mark.parametrize("plugin", ["chunked_xla", "batched", "numba"])
@pytest.mark.parametrize("layout", ["flat", "channel"])
def test_a_stream_holds_blocks_of_bounded_size(plugin, layout):
    shape = (40_000, 2) if layout == "flat" else (10_000, 4, 2)
    blocks = Engine(plugin).stream(IMAGE, np.full(shape, 50.0), 64, layout=layout)
    first = next(iter(blocks)).patches
    assert first.nbytes <= 8 * PREFERRED_CHUNK_BYTES


# -- one gate before every path --------------------------------------------------------------


def test_a_block_counts_against_the_budget():
    """62.5 MiB in one block is ten times what this stream may take."""
    engine = Engine("numba", memory_budget="6MiB")
    with pytest.raises(MemoryBudgetError, match="block_size"):
        engine.stream(IMAGE, np.zeros((4000, 2)), 64, block_size=4000)
    sizes = [b.patches.nbytes for b in engine.stream(IMAGE, np.zeros((4000, 2)), 64)]
    assert sum(sizes) == 4000 * 64 * 64 * 8
    assert max(sizes) < 6 * 1024**2


@pytest.mark.parametrize("plugin", ["chunked_xla", "batched", "numba"])
def test_tensors_stay_within_the_budget(plugin):
    tf = pytest.importorskip("tensorflow")
    image = tf.constant(IMAGE)
    with pytest.raises(MemoryBudgetError, match="fewer positions"):
        Engine(plugin, memory_budget=16).extract(image, np.zeros((2, 2)), 8)
    patches = Engine(plugin, memory_budget="1GiB").extract(image, np.zeros((2, 2)), 8)
    assert patches.shape == (2, 8, 8)
