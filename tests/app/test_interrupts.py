"""An interrupt is never lost, whatever a library makes of its exception."""

import os
import signal
import threading
import time
from contextlib import nullcontext
from types import SimpleNamespace

import pytest

from ptycho_engine.app import interrupts, runs
from ptycho_engine.app.interrupts import hides_interrupt, interruptible
from ptycho_engine.app.outcomes import INTERRUPTED
from ptycho_engine.app.subcommands import EXTRACT

SIGNALS = [signal.SIGINT, signal.SIGTERM]


def lose(number):
    """What compiled code does that calls back into Python."""
    with pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), number)


@pytest.mark.parametrize("number", SIGNALS)
def test_one_that_was_dropped_comes_with_the_next_block(number):
    seen = []

    def blocks():
        yield 1
        lose(number)
        yield 2

    with pytest.raises(KeyboardInterrupt), interruptible() as interrupts:
        seen.extend(interrupts.between(blocks()))
    assert seen == [1]


@pytest.mark.parametrize("number", SIGNALS)
def test_an_error_after_it_is_an_interrupt(number):
    def work():
        with interruptible():
            lose(number)
            raise RuntimeError("a callback failed")

    with pytest.raises(KeyboardInterrupt) as caught:
        work()
    assert isinstance(caught.value.__cause__, RuntimeError)


@pytest.mark.parametrize("number", SIGNALS)
def test_one_that_was_dropped_and_never_missed_comes_at_the_end(number):
    def work():
        with interruptible():
            lose(number)
            done.append("the rest")

    done = []
    with pytest.raises(KeyboardInterrupt):
        work()
    assert done == ["the rest"]


@pytest.mark.parametrize("number", SIGNALS)
def test_one_that_was_dropped_with_the_last_block_comes_after_it(number):
    def blocks():
        yield 1
        lose(number)

    with interruptible() as interrupts:
        passed = interrupts.between(blocks())
        assert next(passed) == 1
        with pytest.raises(KeyboardInterrupt):
            next(passed)
        interrupts.came = False


def test_those_that_follow_soon_do_not_cut_the_cleaning_up(monkeypatch):
    now, cleaned = [100.0], []
    monkeypatch.setattr(interrupts.time, "monotonic", lambda: now[0])

    def work():
        with interruptible():
            try:
                os.kill(os.getpid(), signal.SIGTERM)
            finally:
                for number in (*SIGNALS, *SIGNALS):
                    os.kill(os.getpid(), number)
                    now[0] += interrupts.PATIENCE / 5
                cleaned.append(True)
                now[0] += interrupts.PATIENCE
                os.kill(os.getpid(), signal.SIGINT)  # later, it ends what does not end by itself
                cleaned.append(False)

    with pytest.raises(KeyboardInterrupt):
        work()
    assert cleaned == [True]


def test_outside_the_main_thread_no_handler_is_taken():
    def work():
        with interruptible() as interrupts:
            seen.append([signal.getsignal(number) for number in SIGNALS])
            seen.append(list(interrupts.between([1, 2])))

    before, seen = [signal.getsignal(number) for number in SIGNALS], []
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [before, [1, 2]]


@pytest.mark.parametrize("number", SIGNALS)
def test_what_is_ignored_stays_ignored(number):
    before = signal.signal(number, signal.SIG_IGN)
    try:
        with interruptible():
            os.kill(os.getpid(), number)
        assert signal.getsignal(number) is signal.SIG_IGN
    finally:
        signal.signal(number, before)


def test_without_one_errors_and_blocks_are_as_they_were():
    def work():
        with interruptible() as interrupts:
            assert list(interrupts.between([1, 2])) == [1, 2]
            raise RuntimeError("as it was")

    with pytest.raises(RuntimeError, match="as it was"):
        work()


def test_handlers_are_given_back():
    before = [signal.getsignal(number) for number in SIGNALS]
    with interruptible() as interrupts:
        assert [signal.getsignal(number) for number in SIGNALS] == [interrupts, interrupts]
    assert [signal.getsignal(number) for number in SIGNALS] == before
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # as in a shell's background
    try:
        with interruptible():
            assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before[0])


@pytest.mark.parametrize("number", SIGNALS)
def test_one_amid_an_import_comes_when_that_is_over(number):
    """The import machinery would keep its lock, and threads that import would wait for ever."""
    amid = SimpleNamespace(f_code=SimpleNamespace(co_filename="<frozen importlib._bootstrap>"))
    came = []

    def amid_an_import():
        with interruptible() as interrupts:
            interrupts(number, amid)
            came.append(interrupts.came)
            time.sleep(10)

    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        amid_an_import()
    assert came == [True]
    assert time.monotonic() - started < 9


def test_an_error_that_took_the_place_of_an_interrupt_hides_none():
    """What a library does in a `finally` may fail since the interrupt came too early for it."""

    def failing(first):
        try:
            try:
                raise first
            finally:
                raise AttributeError("'NoneType' object has no attribute 'flags'")
        except AttributeError as error:
            return error

    assert hides_interrupt(failing(KeyboardInterrupt()))
    assert hides_interrupt(KeyboardInterrupt())
    assert not hides_interrupt(failing(ValueError()))


def test_ctrl_c_while_a_configuration_is_composed_is_told_as_that(monkeypatch, capsys):
    def compose():
        try:
            raise KeyboardInterrupt
        finally:
            raise AttributeError("'NoneType' object has no attribute 'flags'")

    monkeypatch.setattr(runs, "borrowed_hydra", lambda *_, **__: nullcontext())
    monkeypatch.setattr(runs, "watched_sweep", lambda _: nullcontext())
    monkeypatch.setattr(runs.hydra, "main", lambda **_: lambda task: compose)
    assert runs.compose_and_run(EXTRACT, []) == INTERRUPTED
    assert capsys.readouterr().err == ""
