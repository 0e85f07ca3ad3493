"""Patterns that are changed as they are read: in blocks, in one pass, in other processes."""

import pickle

import numpy as np
import pytest

from ptycho_engine.io import patterns as patterns_module
from ptycho_engine.io.patterns import Patterns, fill_ranges

STACK = np.arange(40 * 6, dtype="u2").reshape(40, 2, 3)
EXPECTED = -STACK[:, :, :2].astype(float)


def negated(patterns):
    return -patterns[:, :, :2].astype(np.float64)


def load(ranges, into):
    fill_ranges(STACK, ranges, into)


def stream(step):
    return (STACK[start : start + step] for start in range(0, len(STACK), step))


def negative(source):
    return source.mapped(negated, (2, 2), np.dtype("f8"))


@pytest.mark.parametrize("streamer", [None, stream])
@pytest.mark.parametrize("room", [1, 7, 100])
def test_blocks(monkeypatch, streamer, room):
    """A block of small patterns is never made of a block that is larger."""
    monkeypatch.setattr(patterns_module, "BLOCK_BYTES", room * STACK[0].nbytes)
    source = Patterns(STACK.shape, STACK.dtype, load, stream=streamer)
    blocks = list(negative(source).blocks(10 * EXPECTED[0].nbytes))
    np.testing.assert_array_equal(np.concatenate([block for _, _, block in blocks]), EXPECTED)
    assert [start for start, _, _ in blocks] == [0, *(stop for _, stop, _ in blocks)][:-1]
    if streamer:
        assert max(len(block) for _, _, block in blocks) <= min(room, 10)


def test_other_processes_get_them():
    again = pickle.loads(pickle.dumps(negative(Patterns.of(STACK))))
    np.testing.assert_array_equal(again.read(3, 5), EXPECTED[3:5])
    assert negative(Patterns.of(STACK[:0])).read().shape == (0, 2, 2)
