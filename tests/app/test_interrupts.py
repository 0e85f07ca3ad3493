"""An interrupt is never lost, whatever a library makes of its exception."""

import os
import signal

import pytest

from ptycho_engine.app.interrupts import interruptible

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
