"""One gate before every path: what fits is never refused, what does not always is, before any work.

Plugins that compute in TensorFlow share one process, and a few compiled shapes.
"""

import tempfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from requests_built import build_request

from ptycho_engine import Engine
from ptycho_engine.errors import MemoryBudgetError

IMAGE = np.random.default_rng(0).normal(size=(100, 120)).astype(np.complex64)
CHUNK = 8
OPTIONS = {
    "numba": {"threads": 1},
    "chunked_xla": {"chunk_size": CHUNK},
    "batched": {"batch_size": CHUNK},
    "iterative": None,
}
WHOLE = ("array", "prepared", "tensor", "out", "memmap", "block")
IN_BLOCKS = ("strided", "file", "stream")


class Kept:
    """A file-backed array, as far as the engine sees it."""

    def __init__(self, shape, _):
        self.shape, self.dtype, self.nbytes = shape, IMAGE.dtype, 0

    def __setitem__(self, index, values):
        self.nbytes += values.nbytes


def mapped(shape, dtype):
    with tempfile.TemporaryFile() as file:
        return np.memmap(file, dtype, "w+", shape=shape)


OUTPUTS = {
    "out": np.empty,
    "memmap": mapped,
    "strided": lambda shape, dtype: np.empty((*shape, 2), dtype)[..., 0],
    "file": Kept,
}


def source_of(engine, path):
    if path == "tensor":
        return pytest.importorskip("tensorflow").constant(IMAGE)
    return engine.prepare(IMAGE) if path == "prepared" else IMAGE


class Case:
    """A request, a path that it takes, and a budget near to what it needs."""

    def __init__(self, plugin, path, layout, size, count, share, spare):
        self.plugin, self.path, self.layout, self.size = plugin, path, layout, size
        most = 20 if plugin == "iterative" else 200
        self.count = 1 + count % most // (1 if layout == "flat" else 4)
        shape = (self.count, 2) if layout == "flat" else (self.count, 4, 2)
        self.positions = np.random.default_rng(count).uniform(-20, 130, shape)
        self.block = max(1, self.count // 2)
        self.budget = 2**40
        self.budget = max(1, int(self.needed() * share) + spare)

    def engine(self):
        return Engine(self.plugin, options=OPTIONS[self.plugin], memory_budget=self.budget)

    def plan(self, count):
        engine = self.engine()
        source = source_of(engine, self.path)
        return engine.plan(source, self.positions[:count], self.size, layout=self.layout)

    def needed(self):
        """Bytes that the gate has to compare with the budget."""
        if self.path in ("out", "memmap"):
            return self.plan(self.count).workspace_bytes
        blocks = {"block": self.block} | dict.fromkeys(IN_BLOCKS, CHUNK)
        return self.plan(blocks.get(self.path, self.count)).peak_bytes

    def cut(self):
        """Take the path; return the bytes that come, and the length of the longest block."""
        engine, how = self.engine(), {"layout": self.layout}
        if self.path in ("stream", "block"):
            how |= {"block_size": self.block} if self.path == "block" else {}
            blocks = list(engine.stream(IMAGE, self.positions, self.size, **how))
            return sum(b.patches.nbytes for b in blocks), max(b.stop - b.start for b in blocks)
        if self.path in OUTPUTS:
            request = build_request(IMAGE, self.positions, self.size, layout=self.layout)
            how["out"] = OUTPUTS[self.path](request.output_shape, IMAGE.dtype)
        found = engine.extract(source_of(engine, self.path), self.positions, self.size, **how)
        return np.asarray(found).nbytes if self.path == "tensor" else found.nbytes, None


CASES = {
    "path": st.sampled_from(WHOLE + IN_BLOCKS),
    "layout": st.sampled_from(["flat", "channel", "grid"]),
    "size": st.sampled_from([4, 16]),
    "count": st.integers(1, 200),
    "share": st.sampled_from([0.1, 0.5, 1, 1, 1, 2, 10]),
    "spare": st.sampled_from([0, -1, 1]),
}


def check(plugin, **drawn):
    case = Case(plugin, **drawn)
    needed = case.needed()
    try:
        nbytes, longest = case.cut()
    except MemoryBudgetError:
        assert needed > case.budget / (8 if case.path in IN_BLOCKS else 1)
        return
    assert nbytes == case.plan(case.count).output_bytes
    if case.path in WHOLE:
        assert needed <= case.budget
    elif longest is not None:
        assert case.plan(longest).peak_bytes <= case.budget


deprecated = pytest.mark.filterwarnings("ignore:The plugin 'iterative':FutureWarning")


@deprecated
@pytest.mark.slow_cases("iterative")
@pytest.mark.parametrize("plugin", OPTIONS)
@settings(max_examples=15)
@given(**CASES)
def test_what_fits_is_cut_and_what_does_not_is_refused(plugin, **drawn):
    check(plugin, **drawn)


@deprecated
@pytest.mark.slow
@pytest.mark.parametrize("plugin", OPTIONS)
@settings(max_examples=400)
@given(**CASES)
def test_and_so_it_is_with_many_more(plugin, **drawn):
    check(plugin, **drawn)
