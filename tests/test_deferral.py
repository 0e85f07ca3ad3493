"""Signals wait for the end of a step, and come then as they would have come."""

import signal
import threading

import pytest
from line_signals import SignalAtLine

from ptycho_engine import deferral
from ptycho_engine.deferral import SIGNALS, deferred_signals


@pytest.fixture(autouse=True)
def handlers():
    """Each signal raises an exception of its own, by a handler that has to be given back."""

    def interrupt(number, frame):
        raise Interrupt(number)

    previous = {number: signal.signal(number, interrupt) for number in SIGNALS}
    yield
    for number, handler in previous.items():
        assert signal.getsignal(number) in (interrupt, signal.SIG_IGN)
        signal.signal(number, handler)


class Interrupt(BaseException):
    pass


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("depth", [1, 2, 3])
def test_a_signal_comes_at_the_end_of_the_outermost(number, depth):
    done = []

    def work(level):
        with deferred_signals():
            if level > 1:
                work(level - 1)
            else:
                signal.raise_signal(number)
            done.append(level)

    with pytest.raises(Interrupt) as caught:
        work(depth)
    assert caught.value.args == (number,)
    assert done == list(range(1, depth + 1))


def test_it_comes_also_after_an_error():
    def work():
        with deferred_signals():
            signal.raise_signal(signal.SIGTERM)
            raise ValueError

    with pytest.raises(Interrupt) as caught:
        work()
    assert isinstance(caught.value.__context__, ValueError)


def test_without_a_signal_nothing_comes():
    with deferred_signals():
        pass
    with pytest.raises(ValueError, match="as it was"), deferred_signals():
        raise ValueError("as it was")
    with pytest.raises(Interrupt):
        signal.raise_signal(signal.SIGINT)


def test_what_was_ignored_stays_ignored():
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with deferred_signals():
        signal.raise_signal(signal.SIGINT)
    signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def test_in_other_threads_nothing_waits():
    entered, leave = threading.Event(), threading.Event()

    def work():
        with deferred_signals():
            entered.set()
            leave.wait(30)

    thread = threading.Thread(target=work)
    thread.start()
    entered.wait(30)
    with pytest.raises(Interrupt):
        signal.raise_signal(signal.SIGINT)
    leave.set()
    thread.join()


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_at_any_line_is_not_lost_and_leaves_the_handlers(number):
    before = [signal.getsignal(each) for each in SIGNALS]
    for at in range(1, 100):
        came = False
        try:
            with SignalAtLine(deferral.__file__, at, number) as line, deferred_signals():
                pass
        except Interrupt:
            came = True
        assert came == bool(line.where), line.where
        assert [signal.getsignal(each) for each in SIGNALS] == before, line.where
        if not came:
            break
    assert 15 < at < 100
