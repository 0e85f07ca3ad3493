"""Settings of the whole suite: quiet TensorFlow, one Hypothesis profile, a clean environment.

Without TensorFlow, what needs it is skipped and counted: tests marked ``tensorflow``, modules that
begin with ``pytest.importorskip("tensorflow")``, and tests that name a plugin or a drop-in which
says that it needs TensorFlow.
"""

import math
import os
import random
import signal
from collections import defaultdict

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # before TensorFlow is imported

import pytest
from hypothesis import HealthCheck, settings

from ptycho_engine.errors import MissingExtraError
from ptycho_engine.extras import is_installed

NEEDED = "needs tensorflow"

settings.register_profile(
    "ptycho_engine",
    deadline=None,  # XLA compiles inside examples
    derandomize=True,
    max_examples=75,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("ptycho_engine")

# Programs that a shell starts in the background ignore Ctrl-C, and so do the programs they start.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch):
    """No legacy variable of the surrounding shell reaches a test."""
    for name in ("USE_XLA_TRANSLATE", "USE_XLA_COMPILE", "TF_DISABLE_XLA_TRANSLATE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("PTYCHO_ENGINE_DEPRECATIONS", raising=False)


# -- without TensorFlow ----------------------------------------------------------------------


def skip_marked(items):
    """Skip tests that are marked as needing TensorFlow."""
    for item in items:
        if item.get_closest_marker("tensorflow"):
            item.add_marker(pytest.mark.skip(reason=NEEDED))


def skip_what_needs_tensorflow():
    """Turn the refusal of what was named into a skip; that of `auto` stays a failure."""
    try:
        return (yield)
    except MissingExtraError as error:
        if is_installed("tensorflow") or NEEDED not in str(error):
            raise
        pytest.skip(str(error))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup():
    return (yield from skip_what_needs_tensorflow())


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call():
    return (yield from skip_what_needs_tensorflow())


def pytest_terminal_summary(terminalreporter):
    if not is_installed("tensorflow"):
        skipped = terminalreporter.stats.get("skipped", [])
        count = sum("tensorflow" in str(report.longrepr) for report in skipped)
        terminalreporter.write_line(f"without TensorFlow: {count} skips of what needs it")


# -- what is left out by default -------------------------------------------------------------


@pytest.hookimpl(tryfirst=True)  # before `-m` chooses
def pytest_collection_modifyitems(config, items):
    if not is_installed("tensorflow"):
        skip_marked(items)
    for item in items:
        parts = (part for cases in item.iter_markers("slow_cases") for part in cases.args)
        if any(part in item.name.partition("[")[2] for part in parts):
            item.add_marker(pytest.mark.slow)
    draw_cases(config, items)


# -- how many --------------------------------------------------------------------------------


def pytest_addoption(parser):
    parser.addoption(
        "--counts",
        type=float,
        default=1.0,
        metavar="FRACTION",
        help="share of the repetitions in slow tests (default 1.0; CI takes 0.2)",
    )
    parser.addoption(
        "--screenshots",
        metavar="FOLDER",
        help="where tests of pages keep what a browser shows (default: the tests' own folders)",
    )
    parser.addoption(
        "--distributions",
        metavar="FOLDER",
        help="folder of the wheel and the source distribution that tests/install takes; built by "
        "default",
    )


def share_of(config):
    fraction = config.getoption("--counts")
    if not 0 < fraction <= 1:
        raise pytest.UsageError(f"--counts: received {fraction}. Expected above 0, at most 1.")
    return fraction


@pytest.fixture(scope="session")
def scaled(request):
    """Return a function from a full count to the one asked for by ``--counts``, at least one."""
    fraction = share_of(request.config)
    return lambda count: max(1, round(count * fraction))


def draw_cases(config, items):
    """Of the slow cases of each test marked ``drawn``, keep a share, always the same ones."""
    fraction, cases = share_of(config), defaultdict(list)
    for item in items:
        if item.get_closest_marker("drawn") and item.get_closest_marker("slow"):
            cases[item.nodeid.partition("[")[0]].append(item)
    left_out = set()
    for test, found in cases.items():
        count = len(found) - math.ceil(len(found) * fraction)
        left_out.update(random.Random(test).sample(found, count))
    if left_out:
        config.hook.pytest_deselected(items=list(left_out))
        items[:] = [item for item in items if item not in left_out]
