"""Sweeps: how each job ended is known here, in whatever process a launcher ran it."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from hydra.core.plugins import Plugins
from hydra.core.utils import JobReturn, filter_overrides
from hydra.plugins.launcher import Launcher

from .outcomes import FAULT, Outcome, Outcomes


@contextmanager
def watched_sweep(outcomes: Outcomes) -> Iterator[None]:
    """Keep the outcomes of a sweep, by whatever sweeper and launcher, while the block runs.

    Hydra hands what jobs return to its sweeper and drops it afterwards. All sweepers get their
    launcher from one method, so each launcher is watched there.
    """
    original = Plugins.instantiate_launcher

    def instantiate(self: Plugins, *args: Any, **options: Any) -> Launcher:
        return WatchedLauncher(original(self, *args, **options), outcomes)

    Plugins.instantiate_launcher = instantiate  # type: ignore[method-assign]
    try:
        yield
    finally:
        Plugins.instantiate_launcher = original  # type: ignore[method-assign]


class WatchedLauncher(Launcher):
    """A launcher that is set up already, and notes how its jobs end, a line for each."""

    def __init__(self, launcher: Launcher, outcomes: Outcomes) -> None:
        self._launcher, self._outcomes = launcher, outcomes

    def setup(self, **how: Any) -> None:
        """Set the launcher up anew."""
        self._launcher.setup(**how)

    def launch(
        self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int
    ) -> Sequence[JobReturn]:
        """Launch jobs, and say how each of them ended."""
        self._outcomes.begun = True
        results = self._launcher.launch(job_overrides, initial_job_idx)
        for number, (what, result) in enumerate(
            zip(what_varies(job_overrides), results, strict=True)
        ):
            outcome = outcome_of(result)
            self._outcomes.ended.append(outcome)
            name = f"job {initial_job_idx + number}{what and ' '}{what}"
            print(f"ptycho-engine: {name}: {outcome}", file=sys.stderr)
        return results


def what_varies(job_overrides: Sequence[Sequence[str]]) -> list[str]:
    """Return of each job what tells it from the others; all of it if there is only one."""
    jobs = [filter_overrides(overrides) for overrides in job_overrides]
    common = set(jobs[0]).intersection(*jobs) if len(jobs) > 1 else set()
    return [" ".join(item for item in job if item not in common) for job in jobs]


def outcome_of(result: JobReturn) -> Outcome:
    """Return how a job ended; one that did not return so is a fault."""
    value = result._return_value  # `return_value` prints what failed, and raises it
    if isinstance(value, Outcome):
        return value
    return Outcome(FAULT, f"{type(value).__name__}: {value}")
