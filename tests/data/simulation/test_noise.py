"""Counts follow their distribution; noise models of others are held to their contract."""

import importlib.metadata
import sys

import numpy as np
import pytest
from scipy import stats

from ptycho_engine import discovery
from ptycho_engine.data.simulation.counting import draw_counts, log_probability, uniform
from ptycho_engine.data.simulation.exposure import Exposure
from ptycho_engine.data.simulation.noise import Poisson, list_noises, load_noise, stream
from ptycho_engine.data.simulation.simulation import Simulation
from ptycho_engine.errors import (
    ConfigurationError,
    PluginError,
    PluginLoadError,
    RequestError,
    UnknownPluginError,
)

DRAWS = 400_000
ALL = 2**64 - 1


def drawn(mean, seed):
    return Poisson().draw(np.full((100, DRAWS // 100), mean), stream(seed, 3)).ravel()


@pytest.mark.parametrize("mean", [1e-3, 0.3, 3.0, 9.99, 10.0, 10.5, 13.0, 30.0, 244.0, 1e4, 1e6])
def test_counts_follow_the_distribution(mean):
    """Chi-square over cells of equal count, tails included, and the mean in units of its spread."""
    counts = drawn(mean, int(mean))
    np.testing.assert_array_equal(counts, counts.round())
    low, high = stats.poisson.ppf([1e-4, 1 - 1e-4], mean)
    edges = np.arange(low, high + 1, max(1, (high - low) // 60))
    expected = np.diff([0, *stats.poisson.cdf(edges, mean), 1]) * DRAWS
    found = np.histogram(counts, np.r_[-1, edges, np.inf] + 0.5)[0]
    enough = expected > 5
    deviation = ((found - expected) ** 2 / expected)[enough].sum()
    assert stats.chi2.sf(deviation, max(1, enough.sum() - 1)) > 1e-3
    assert abs(counts.mean() - mean) < 3.5 * np.sqrt(mean / DRAWS)
    spread = np.sqrt((mean + 2 * mean**2) / DRAWS)
    assert abs(((counts - mean) ** 2).mean() - mean) < 3.5 * spread


@pytest.mark.slow
@pytest.mark.parametrize("mean", [0.3, 3.0, 12.0, 50.0])
def test_tests_of_many_streams_agree(mean, scaled):
    """Deviations of the means are normal of width 1, and those of each stream its own."""
    count = scaled(300)
    z = [(drawn(mean, 1000 + seed).mean() - mean) / np.sqrt(mean / DRAWS) for seed in range(count)]
    assert stats.kstest(z, "norm").pvalue > 1e-3


def test_neighbours_are_independent():
    for mean in (2.0, 40.0):
        counts = (drawn(mean, 8) - mean) / np.sqrt(mean)
        for lag in (1, 2, 4000):  # the last are of neighbouring rows
            assert abs((counts[lag:] * counts[:-lag]).mean()) < 4 / np.sqrt(DRAWS)


def test_very_large_counts_have_the_right_spread():
    counts = drawn(1e15, 2)
    assert abs(counts.mean() - 1e15) < 3.5 * np.sqrt(1e15 / DRAWS)
    assert counts.var() == pytest.approx(1e15, rel=0.01)


@pytest.mark.parametrize(
    ("count", "mean"), [(0, 0.5), (3, 10.0), (9, 15.0), (10, 15.0), (260, 244.0)]
)
def test_logarithms_of_probabilities(count, mean):
    expected = stats.poisson.logpmf(count, mean)
    assert log_probability(float(count), mean) == pytest.approx(expected, abs=1e-11)


def test_uniform_numbers_are_those_of_the_published_generator():
    def turned(word, by):
        return ((word << by) | (word >> (64 - by))) & ALL

    words = [1, 2**63, 3, ALL - 4]
    state = np.array(words, np.uint64)
    for _ in range(200):
        expected = (turned((words[0] + words[3]) & ALL, 23) + words[0]) & ALL
        shifted = (words[1] << 17) & ALL
        words[2] ^= words[0]
        words[3] ^= words[1]
        words[1] ^= words[2]
        words[0] ^= words[3]
        words[2] ^= shifted
        words[3] = turned(words[3], 45)
        assert uniform(state) == (expected >> 11) * 2.0**-53


def test_chunks_of_a_block_change_nothing():
    means = np.random.default_rng(1).uniform(0, 40, (9, 5, 5))
    whole = Poisson().draw(means.copy(), stream(4, 1))
    rng = stream(4, 1)
    parts = [Poisson().draw(means[a:b].copy(), rng) for a, b in ((0, 2), (2, 3), (3, 9))]
    np.testing.assert_array_equal(np.concatenate(parts), whole)


def test_nothing_is_counted_where_nothing_comes_and_no_nonsense():
    assert not Poisson().draw(np.zeros((2, 3, 3)), stream(0, 0)).any()
    for mean in (-1e-9, np.nan, np.inf, 1e19):
        with pytest.raises(RequestError, match="negative, NaN, or above"):
            Poisson().draw(np.full((1, 2, 2), mean), stream(0, 0))
        assert not draw_counts(np.full((1, 2), mean), np.ones((1, 4), np.uint64))


# -- models of others ------------------------------------------------------------------------

MODEL = """
from dataclasses import dataclass
import numpy as np
@dataclass(frozen=True)
class Readout:
    spread: float = 1.0
    def draw(self, means, rng):
        return {answer}
"""
ROUGH = "np.maximum(0, means + rng.normal(0, self.spread, means.shape))"


@pytest.fixture
def installed(monkeypatch, tmp_path):
    """Let a noise model called `readout` be installed, of some code."""
    others = importlib.metadata.entry_points
    ours = tuple(importlib.metadata.entry_points(group=discovery.NOISE_GROUP))
    monkeypatch.syspath_prepend(tmp_path)

    def install(code):
        (tmp_path / "noise_of_a_test.py").write_text(code)
        target = "noise_of_a_test:Readout"
        point = importlib.metadata.EntryPoint("readout", target, discovery.NOISE_GROUP)
        monkeypatch.setattr(
            importlib.metadata,
            "entry_points",
            lambda group: (*ours, point) if group == discovery.NOISE_GROUP else others(group=group),
        )
        discovery.discover.cache_clear()

    yield install
    monkeypatch.undo()
    discovery.discover.cache_clear()
    sys.modules.pop("noise_of_a_test", None)


def simulated(**exposure):
    settings = Exposure(640.0, quantity="intensity", **exposure)
    return Simulation(np.ones((8, 8)), np.full((70, 2), 4.0), np.ones((4, 4)), settings)


def test_a_model_is_chosen_by_name_and_takes_options(installed):
    installed(MODEL.format(answer=ROUGH))
    whole = simulated(model="readout", options={"spread": 2.0}).patterns()
    assert whole[:, 2, 2].std() == pytest.approx(2, rel=0.3)
    part = simulated(model="readout", options={"spread": 2.0}).patterns(60, 66)
    np.testing.assert_array_equal(part, whole[60:66])
    with pytest.raises(ConfigurationError, match="option 'spraed' is not known"):
        simulated(model="readout", options={"spraed": 2.0})
    with pytest.raises(ConfigurationError, match="option 'spraed' is not known"):
        simulated(noise=False, model="readout", options={"spraed": 2.0})
    counts = simulated(model="readout", integers=True).patterns()
    assert counts.dtype == np.uint32


def test_without_noise_none_is_imported(installed):
    installed("raise SystemExit('imported')")
    assert {source.name for source in list_noises()} == {"poisson", "readout"}
    simulated(noise=False, model="readout").patterns(0, 1)
    with pytest.raises(UnknownPluginError, match="noise model 'nonsense' is not known"):
        simulated(noise=False, model="nonsense")
    assert "noise_of_a_test" not in sys.modules


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("means[:1]", r"draw returned float64 of shape \(1, 4, 4\)"),
        ("means > 3", "draw returned bool"),
        ("means - 1", "draw returned the count -1"),
        ("means * np.nan", "draw returned the count nan"),
    ],
)
def test_answers_are_checked(installed, answer, words):
    installed(MODEL.format(answer=answer))
    with pytest.raises(PluginError, match=f"noise model 'readout'.*{words}"):
        load_noise("readout")(np.zeros((3, 4, 4)), stream(0, 0))


def test_what_is_no_model_is_refused(installed):
    with pytest.raises(UnknownPluginError, match="noise model 'gauss' is not known"):
        simulated(model="gauss")
    installed("Readout = 3")
    with pytest.raises(PluginError, match=r"received a int\. Expected a dataclass with draw"):
        simulated(model="readout")
    installed("import nothing_of_this_name")
    sys.modules.pop("noise_of_a_test", None)
    with pytest.raises(PluginLoadError, match="noise model 'readout'"):
        simulated(model="readout")


def test_an_error_names_whose_it_is(installed):
    installed(MODEL.format(answer="1 / 0"))
    with pytest.raises(ZeroDivisionError) as caught:
        load_noise("readout")(np.zeros((3, 4, 4)), stream(0, 0))
    assert any("noise model 'readout'" in note for note in caught.value.__notes__)
