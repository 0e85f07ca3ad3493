"""What is made ahead: in order, once, by whoever is free; nothing waits for ever."""

import threading
import time
import weakref

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ptycho_engine import workers
from ptycho_engine.data.datasets.batching import ahead
from ptycho_engine.workers import POOL_SIZE, share, submit


@settings(max_examples=40)
@given(st.integers(0, 20), st.integers(0, 6))
def test_everything_comes_once_in_order(count, before):
    made = []
    found = list(ahead(lambda n: made.append(n) or 10 * n, range(count), before))
    assert found == [10 * n for n in range(count)]
    assert sorted(made) == list(range(count))


def test_no_more_is_begun_than_asked_for():
    begun = []
    batches = ahead(begun.append, iter(range(100)), 3)
    assert begun == []
    next(batches)
    time.sleep(0.05)
    assert len(begun) <= 1 + 3
    batches.close()
    seen = len(begun)
    time.sleep(0.05)
    assert len(begun) == seen


@pytest.mark.parametrize("before", [0, 1, 2])
def test_so_many_are_made_while_the_last_one_is_used(before):
    made = threading.Semaphore(0)
    batches = ahead(lambda n: made.release() or n, range(100), before)
    for number in range(20):
        assert next(batches) == number
        assert all(made.acquire(timeout=30) for _ in range(1 + before if number == 0 else 1))
        assert not made.acquire(blocking=False)


def test_no_batch_is_kept_while_the_next_is_waited_for():
    class Batch:
        pass

    def make(_):
        made.release()
        return Batch()

    made = threading.Semaphore(0)
    batches = ahead(make, range(3), 1)
    next(batches)
    assert all(made.acquire(timeout=30) for _ in range(2))  # the second one by the pool
    taken, end = weakref.ref(next(batches)), time.monotonic() + 30
    while taken() is not None:  # the thread of the pool lets go of it a moment later
        assert time.monotonic() < end
        time.sleep(0.001)


def test_what_is_made_in_the_pool_may_itself_make_ahead():
    """All threads are busy with work that waits for more of its kind."""
    done = []

    def outer(number):
        done.extend(ahead(lambda n: (number, n), range(3), 2))

    caller = threading.Thread(target=share, args=(outer, range(3 * POOL_SIZE), POOL_SIZE + 1))
    caller.start()
    caller.join(timeout=60)
    assert not caller.is_alive()
    assert sorted(done) == [(number, n) for number in range(3 * POOL_SIZE) for n in range(3)]


@pytest.mark.parametrize("before", [0, 1, 4])
def test_an_error_comes_in_its_turn(before):
    def make(number):
        if number == 2:
            raise ZeroDivisionError("two")
        return number

    batches = ahead(make, range(9), before)
    assert [next(batches), next(batches)] == [0, 1]
    with pytest.raises(ZeroDivisionError, match="two"):
        next(batches)
    assert list(batches) == []


def test_where_no_thread_can_be_had_nothing_is_lost(monkeypatch):
    pool = workers._new_pool()
    pool.shutdown()
    monkeypatch.setattr(workers, "_pool", pool)
    assert submit(lambda: 1).cancel()
    assert list(ahead(lambda n: n, range(4), 2)) == [0, 1, 2, 3]
