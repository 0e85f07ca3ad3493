"""What a run shows of itself: nothing in a pipe, a spinner after a second, a bar that ends full."""

import sys
import time
from io import StringIO

import numpy as np
import pytest

from ptycho_engine.report import progress
from ptycho_engine.report.progress import Display
from ptycho_engine.request.blocks import Block


def blocks(count):
    for start in range(0, count, 2):
        yield Block(start, start + 2, np.zeros((2, 1, 1)))


@pytest.mark.parametrize("when", ["auto", "always", "never"])
def test_all_blocks_pass(when, capfd):
    starts = [block.start for block in Display(when).bar(blocks(6), 6)]
    assert starts == [0, 2, 4]
    assert ("6/6" in capfd.readouterr().err) == (when == "always")


def test_no_block_is_no_bar(capfd):
    assert list(Display("always").bar(iter(()), 0)) == []
    assert "0/0" not in capfd.readouterr().err


def test_an_error_in_the_first_block_comes_through():
    def broken():
        raise RuntimeError("a fault")
        yield

    with pytest.raises(RuntimeError, match="a fault"):
        list(Display("always").bar(broken(), 1))


@pytest.mark.parametrize("shown", [True, False])
def test_only_what_takes_long_is_waited_for(monkeypatch, capfd, shown):
    monkeypatch.setattr(progress, "PATIENCE", 0.05 if shown else 60.0)
    with Display("always").waiting("loading"):
        time.sleep(0.4)
    assert ("loading ..." in capfd.readouterr().err) is shown


@pytest.mark.parametrize("name", ["runs[/x]/2024].npz", "scan[old].npz"])
def test_a_spinner_shows_names_as_they_are(monkeypatch, capfd, name):
    monkeypatch.setattr(progress, "PATIENCE", 0)
    with Display("always").waiting(f"reading {name}"):
        time.sleep(0.3)
    assert f"reading {name}" in capfd.readouterr().err


def test_a_spinner_survives_a_redirected_standard_error(monkeypatch, capfd):
    """As while TensorFlow is imported, whose native messages go nowhere."""
    monkeypatch.setattr(progress, "PATIENCE", 0.05)
    with Display("always").waiting("loading"):
        monkeypatch.setattr(sys, "stderr", None)
        time.sleep(0.4)
    monkeypatch.undo()
    assert "loading ..." in capfd.readouterr().err


def test_a_spinner_leaves_a_stream_of_others_open(monkeypatch):
    stream = StringIO()  # as in a notebook: it has no number
    monkeypatch.setattr(sys, "stderr", stream)
    with Display("always").waiting("compiling"):
        monkeypatch.setattr(sys, "stderr", StringIO())
    assert not stream.closed


def test_nothing_is_shown_where_nobody_looks(monkeypatch, capfd):
    monkeypatch.setattr(progress, "PATIENCE", 0.01)
    with Display("auto").waiting("loading"):
        time.sleep(0.2)
    assert capfd.readouterr().err == ""


def test_a_notebook_without_widgets_has_a_line_and_no_warning(monkeypatch, capfd, recwarn):
    monkeypatch.setattr("rich.console._is_jupyter", lambda: True)
    monkeypatch.setattr("ptycho_engine.report.progress.is_installed", lambda name: False)
    assert len(list(Display("asked").bar(blocks(4), 4))) == 2
    assert "4/4" in capfd.readouterr().err
    assert not recwarn.list
