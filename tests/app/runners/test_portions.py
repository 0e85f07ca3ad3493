"""What is shared out: whole files, each to one task, and all that is missing."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptycho_engine.app.runners.portions import portion_size, portions_of
from ptycho_engine.io.delegation import Delegate
from ptycho_engine.io.specs import ArraySpec


@given(st.lists(st.booleans(), max_size=60), st.integers(1, 17))
def test_portions_cover_what_is_missing_once(wanted, size):
    edges = np.flatnonzero(np.diff([0, *map(int, wanted), 0]))
    missing = [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]
    found = portions_of(missing, size, len(wanted))
    named = [i for portion in found for a, b in portion.missing for i in range(a, b)]
    assert sorted(named) == [i for i, is_wanted in enumerate(wanted) if is_wanted]
    assert len(named) == len(set(named))
    for portion in found:  # whole files, and no two tasks in one
        assert portion.start % size == 0
        assert portion.stop == min(portion.start + size, len(wanted))
        assert all(portion.start <= a < b <= portion.stop for a, b in portion.missing)
    assert len({portion.start for portion in found}) == len(found)


@pytest.mark.parametrize(
    ("wanted", "slots", "expected"),
    [
        (0, 1, 24),  # at least a file of each array
        (50 * 12, 1, 48),  # 12 bytes an entry
        (10**9, 1, 240),  # enough for all
        (10**9, 5, 48),
        (10**9, 10**6, 24),
    ],
)
def test_a_portion_is_whole_files(wanted, slots, expected, tmp_path):
    arrays = {
        "one": ArraySpec((1000, 2), np.dtype("f4"), chunks=(4, 2), shards=(8, 2)),
        "other": ArraySpec((1000,), np.dtype("f4"), chunks=(3,)),
    }
    assert portion_size(Delegate(tmp_path, arrays), arrays, wanted, slots) == expected
