"""Strategies of other distributions: imported once chosen, with options, held to the contract."""

import importlib.metadata
import sys

import numpy as np
import pytest

from ptycho_engine import discovery
from ptycho_engine.data.grouping.grouping import group, list_strategies
from ptycho_engine.errors import ConfigurationError, PluginError, PluginLoadError

SCAN = np.random.default_rng(1).uniform(0, 9, (12, 2))
STRATEGY = """
from dataclasses import dataclass
import numpy as np
@dataclass(frozen=True)
class Runs:
    step: int = 1
    def draw(self, task):
        seeds = task.draw_seeds()
        return {answer}
"""
RUNS = "(seeds[:, None] + self.step * np.arange(task.members)) % task.points, seeds"


@pytest.fixture
def installed(monkeypatch, tmp_path):
    """Let a strategy called `runs` be installed, of some code."""
    ours = tuple(importlib.metadata.entry_points(group=discovery.GROUPING_GROUP))
    monkeypatch.syspath_prepend(tmp_path)

    def install(code, target="strategy_of_a_test:Runs"):
        (tmp_path / "strategy_of_a_test.py").write_text(code)
        point = importlib.metadata.EntryPoint("runs", target, discovery.GROUPING_GROUP)
        monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: (*ours, point))
        discovery.discover.cache_clear()

    yield install
    monkeypatch.undo()
    discovery.discover.cache_clear()
    sys.modules.pop("strategy_of_a_test", None)


def test_a_strategy_is_chosen_by_name_and_takes_options(installed):
    installed(STRATEGY.format(answer=RUNS))
    groups = group(SCAN, 3, 12, strategy="runs", options={"step": 2})
    np.testing.assert_array_equal(groups.indices[5], [5, 7, 9])
    assert groups.strategy == "runs"
    with pytest.raises(ConfigurationError, match="option 'steps' is not known"):
        group(SCAN, 3, 12, strategy="runs", options={"steps": 2})


def test_listing_imports_none(installed):
    installed("raise SystemExit('imported')")
    assert "runs" in {source.name for source in list_strategies()}
    assert "strategy_of_a_test" not in sys.modules


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("np.zeros((1, 3), int), seeds", r"shapes \(1, 3\) and \(12,\)"),
        (f"({RUNS})[0] * 1.0, seeds", "dtype float64"),
        (f"({RUNS})[0] + 1, seeds", "indices from 1 to 12"),
        (f"({RUNS})[0] * 0, seeds", "a point twice in one group"),
        (f"({RUNS})[0], seeds - 1", "indices from -1 to 10"),
    ],
)
def test_an_answer_that_does_not_fit_is_refused(installed, answer, said):
    installed(STRATEGY.format(answer=answer))
    with pytest.raises(PluginError, match=rf"'runs' \(strategy_of_a_test:Runs.*returned {said}"):
        group(SCAN, 3, 12, strategy="runs")


def test_an_error_names_the_strategy(installed):
    installed(STRATEGY.format(answer="seeds.missing"))
    with pytest.raises(AttributeError) as caught:
        group(SCAN, 3, 12, strategy="runs")
    assert "raised in grouping strategy 'runs'" in caught.value.__notes__[0]


@pytest.mark.parametrize(
    ("code", "error", "said"),
    [
        ("import missing_module", PluginLoadError, "cannot be imported"),
        ("def Runs(task): ...", PluginError, "Expected a dataclass with draw"),
        ("class Runs:\n    def draw(self, task): ...", PluginError, "Expected a dataclass"),
    ],
)
def test_what_is_no_strategy_is_refused(installed, code, error, said):
    installed(code)
    with pytest.raises(error, match=said):
        group(SCAN, 3, 12, strategy="runs")
