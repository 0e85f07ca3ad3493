"""Patches made wherever the maker is sent, into memory that is used again."""

import pickle
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import numpy as np

from ptycho_engine import Engine
from ptycho_engine.app.jobs.patch_output import PatchMaker
from ptycho_engine.geometry.cut import Cut
from ptycho_engine.lazy import Cutter

IMAGE = np.arange(2 * 400.0).reshape(2, 20, 20)
POSITIONS = np.array([[4.5, 5.25], [10.0, 11.0], [30.0, 3.0]])


def expected(positions):
    return np.moveaxis(Engine("numba").extract(IMAGE, positions, 4), 1, 0)


def maker():
    return PatchMaker(Cutter(Engine("numba"), IMAGE, Cut(4)))


def test_calls_of_one_thread_share_memory_where_shapes_agree():
    make = maker()
    first = make(POSITIONS)["patches"]
    again = make(POSITIONS[::-1])["patches"]
    assert np.shares_memory(first, again)
    np.testing.assert_array_equal(again, expected(POSITIONS[::-1]))
    fewer = make(POSITIONS[:1])["patches"]
    assert not np.shares_memory(again, fewer)
    np.testing.assert_array_equal(fewer, expected(POSITIONS[:1]))


def test_two_threads_do_not_share_memory():
    make, together = maker(), Barrier(2)

    def work(positions):
        together.wait(60)
        found = make(positions)["patches"]
        together.wait(60)
        return found

    with ThreadPoolExecutor(2) as pool:
        one, other = pool.map(work, [POSITIONS, POSITIONS[::-1]])
    np.testing.assert_array_equal(one, expected(POSITIONS))
    np.testing.assert_array_equal(other, expected(POSITIONS[::-1]))


def test_a_maker_that_has_worked_travels_without_its_memory():
    make = maker()
    small = len(pickle.dumps(make))
    held = make(np.repeat(POSITIONS, 1000, axis=0))["patches"]
    assert len(pickle.dumps(make)) < small + held.nbytes // 2
    received = pickle.loads(pickle.dumps(make))
    np.testing.assert_array_equal(received(POSITIONS)["patches"], expected(POSITIONS))
