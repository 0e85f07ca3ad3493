"""What a run tells of itself is gathered from its log, whatever the log shows."""

import io
import os

import pytest

from ptycho_engine.allowance import forget_peak, peak_resident_bytes
from ptycho_engine.app.accounts import Accountant
from ptycho_engine.logs import configured, get_logger, key_values


def heard(*events, level="ERROR"):
    accountant, stream = Accountant(), io.StringIO()
    with configured(level, key_values(stream), stream, hear=accountant.hear):
        for method, name, values in events:
            getattr(get_logger(), method)(name, **values)
    return accountant.account(), stream.getvalue()


PLAN = ("info", "plan", {"patches": 40})
DONE = ("info", "done", {"output": "here.npz", "seconds": 1.5})


def test_a_run_that_is_done_tells_all():
    account, shown = heard(
        ("info", "plugin_selected", {"plugin": "numba"}),
        PLAN,
        ("warning", "doubtful_positions", {"reason": "far away"}),
        ("warning", "something", {}),
        DONE,
    )
    assert (account.plugin, account.patches, account.working) == ("numba", 40, 1.5)
    assert account.output == "here.npz"
    assert account.warnings == ("doubtful positions: far away", "something")
    assert account.seconds >= 0
    assert account.peak_bytes > 0
    assert shown == ""


def test_a_run_that_is_not_done_made_no_patches():
    account, _ = heard(PLAN)
    assert (account.patches, account.output) == (None, None)


def test_the_patches_of_the_last_line_count():
    account, _ = heard(PLAN, ("info", "done", {"output": "x", "seconds": 1, "patches": 7}))
    assert account.patches == 7


def test_the_log_shows_what_it_is_told_to():
    _, shown = heard(PLAN, ("warning", "odd", {}), level="WARNING")
    assert "odd" in shown
    assert "plan" not in shown
    _, shown = heard(("debug", "small", {}), PLAN, level="DEBUG")
    assert "small" in shown
    assert "plan" in shown


@pytest.mark.skipif(not os.access("/proc/self/clear_refs", os.W_OK), reason="of Linux alone")
def test_a_peak_begins_anew():
    held = bytearray(80 * 1024**2)
    held[::4096] = b"x" * len(held[::4096])
    high = peak_resident_bytes()
    del held
    forget_peak()
    assert peak_resident_bytes() < high - 40 * 1024**2
