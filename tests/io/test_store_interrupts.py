"""Signals at every line of a store's life: an output is whole or absent, and nothing is left."""

import os
import signal
import sys
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from line_signals import SignalAtLine

from ptycho_engine import read_output
from ptycho_engine.deferral import SIGNALS
from ptycho_engine.io import store as store_module
from ptycho_engine.io.store import ArraySpec, Store

SUFFIXES = (".npz", ".h5", ".zarr")
FOLDER = str(Path(store_module.__file__).parent)


def is_between(frame):
    """Whether a line belongs to `with` itself: before its block no code of ours can catch."""
    code = frame.f_code
    return code.co_name in ("__enter__", "__exit__") or (
        code is Store.create.__func__.__code__ and frame.f_lineno > last_line_of_try
    )


last_line_of_try = max(
    line
    for _, _, line in Store.create.__func__.__code__.co_lines()
    if line is not None
) - 1  # fmt: skip


@pytest.fixture(autouse=True)
def handlers():
    """SIGTERM interrupts as Ctrl-C does, as under the command line."""
    previous = signal.signal(signal.SIGTERM, signal.default_int_handler)
    yield
    for number in SIGNALS:
        assert signal.getsignal(number) is signal.default_int_handler, number
    signal.signal(signal.SIGTERM, previous)


def write(path, value, overwrite=False):
    arrays = {"patches": ArraySpec((4, 2), np.dtype("f4")), "positions": ArraySpec((4,), "f8")}
    with Store.create(path, arrays, overwrite=overwrite, configuration={"v": value}) as store:
        store.write("positions", (), np.full(4, value, "f8"))
        store.finish(())
        for start in (0, 2):
            store.write("patches", slice(start, start + 2), np.full((2, 2), value, "f4"))
            store.finish(slice(start, start + 2))


def value_of(path):
    with read_output(path) as output:
        values = {*np.ravel(output.patches[...]), *output.positions, output.configuration["v"]}
    (value,) = values
    return value


@contextmanager
def dropped_by_python():
    """Collect the types of what is raised where Python drops it, as in a weak reference's callback.

    Now and then a signal comes in one: a thread has just ended.
    """
    types = set()
    hook, sys.unraisablehook = sys.unraisablehook, lambda what: types.add(what.exc_type)
    try:
        yield types
    finally:
        sys.unraisablehook = hook


def interrupt_at(folder, suffix, at, number, earlier):
    """Write with a signal at a line; return whether there was such a line, and check the rest."""
    path = folder / f"{at}{suffix}"
    if earlier:
        write(path, 1)
    trigger, came = SignalAtLine(FOLDER, at, number, is_between), set()
    with dropped_by_python() as dropped:
        try:
            with trigger:
                write(path, 2, overwrite=True)
        except KeyboardInterrupt as error:
            came = {type(error)}
    reached = bool(trigger.where)
    assert came | dropped == ({KeyboardInterrupt} if reached else set()), trigger.where
    left = [entry.name for entry in folder.iterdir()]
    assert set(left) <= {path.name}, (trigger.where, left)
    assert value_of(path) in ((1, 2) if reached else (2,)) if left else not earlier, trigger.where
    if left:
        os.rename(path, folder.parent / f"{at}-{earlier}{suffix}")
    return reached


def interrupt_at_lines(folder, suffix, earlier, first, step):
    """Interrupt at lines at equal steps; return how often."""
    work = folder / "work"
    work.mkdir()
    count = 0
    while interrupt_at(work, suffix, first + count * step, SIGNALS[count % 2], earlier):
        count += 1
    return count


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # the collector closes what was just opened
@pytest.mark.parametrize("earlier", [False, True])
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_signal_at_some_lines(tmp_path, suffix, earlier):
    """Other lines for each case."""
    first = 1 + 5 * (SUFFIXES.index(suffix) + 3 * earlier)
    assert interrupt_at_lines(tmp_path, suffix, earlier, first, 31) > 10


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize("earlier", [False, True])
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_signal_at_any_line(tmp_path, suffix, earlier, scaled):
    step = 400 // scaled(400)
    assert interrupt_at_lines(tmp_path, suffix, earlier, 1, step) > 300 // step
