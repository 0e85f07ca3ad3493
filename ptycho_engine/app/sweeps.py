"""Sweeps: how each job ended is known here, in whatever process a launcher ran it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.plugins import Plugins
from hydra.core.utils import JobReturn, JobStatus, filter_overrides
from hydra.plugins.launcher import Launcher

from ..deferral import deferred_signals
from ..errors import ConfigurationError, PtychoEngineError, one_line
from ..io.objects.urls import Location
from ..report.swept_runs import Sweep, SweptRun, settings_of
from .concurrency import limit_workers, part_of_the_cores, runs_at_once, told_cores
from .outcomes import FAULT, INTERRUPTED, Outcome, Outcomes
from .vocabulary import expanded


@contextmanager
def watched_sweep(outcomes: Outcomes) -> Iterator[None]:
    """Keep the outcomes of a sweep, by whatever sweeper and launcher, while the block runs.

    Hydra hands what jobs return to its sweeper and drops it afterwards. All sweepers get their
    launcher from one method, so each launcher is watched there. At the end comes the summary.
    """
    original = Plugins.instantiate_launcher
    watched: list[WatchedLauncher] = []

    def instantiate(self: Plugins, *args: Any, **options: Any) -> Launcher:
        watched.append(WatchedLauncher(original(self, *args, **options), outcomes))
        return watched[-1]

    Plugins.instantiate_launcher = instantiate  # type: ignore[method-assign]
    try:
        yield
    finally:
        Plugins.instantiate_launcher = original  # type: ignore[method-assign]
        for launcher in watched:
            launcher.summarise()


class WatchedLauncher(Launcher):
    """A launcher that is set up already, and notes how its jobs end, a line for each."""

    def __init__(self, launcher: Any, outcomes: Outcomes) -> None:
        self._launcher, self._outcomes = launcher, outcomes
        self._runs: list[SweptRun] = []
        self._at_once = 1
        self._cores: int | None = None
        self._outputs: set[Location] = set()

    def setup(self, **how: Any) -> None:
        """Set the launcher up anew."""
        self._launcher.setup(**how)

    def launch(
        self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int
    ) -> Sequence[JobReturn]:
        """Launch jobs, and say how each of them ended.

        A launcher that fails loses what the jobs of its batch returned: each of these is a fault
        then, and the next batch comes all the same.
        """
        refuse_shared_output(job_overrides, self._outputs)
        limit_workers(self._launcher, len(job_overrides))
        at_once = runs_at_once(self._launcher, len(job_overrides))
        cores = part_of_the_cores(at_once)
        self._at_once, self._cores = max(self._at_once, at_once), cores or self._cores
        self._outcomes.begun = True
        numbers = range(initial_job_idx, initial_job_idx + len(job_overrides))
        lost, ended = Outcome(INTERRUPTED, "its end is not known"), None
        try:
            with told_cores(cores), lost_alone(self._launcher):
                results = self._launcher.launch(job_overrides, initial_job_idx)
            ended = [outcome_of(result) for result in results]
        except Exception as error:
            words = f"the launcher failed, {type(error).__name__}: {one_line(error)}"
            lost = Outcome(FAULT, words)
        finally:
            if ended is None:
                ended = [self._outcomes.here.get(number, lost) for number in numbers]
            self._note(job_overrides, initial_job_idx, ended)
        return [_as_return(outcome) for outcome in ended]

    def _note(
        self, job_overrides: Sequence[Sequence[str]], first: int, ended: Sequence[Outcome]
    ) -> None:
        """Keep how jobs ended, and say it."""
        named = what_varies(job_overrides)
        for number, (what, outcome) in enumerate(zip(named, ended, strict=True), first):
            self._outcomes.ended.append(outcome)
            print(f"ptycho-engine: job {number}{what and ' '}{what}: {outcome}", file=sys.stderr)
            settings = settings_of(filter_overrides(job_overrides[number - first]))
            self._runs.append(swept_run(number, settings, outcome))

    def summarise(self) -> None:
        """Say in a table what came of all jobs, and write it into the folder of the sweep."""
        if not self._runs:
            return
        from ..report.sweep_page import write_summary
        from ..report.sweep_table import print_table

        hydra = self._launcher.config.hydra
        sweep = Sweep(
            folder=Path(os.path.abspath(str(hydra.sweep.dir))),
            launcher=str(hydra.runtime.choices.get("hydra/launcher", "its own")),
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            at_once=self._at_once,
            cores=self._cores,
            runs=tuple(self._runs),
        )
        with deferred_signals():
            print_table(sweep, sys.stderr)
            try:
                said = f"summary: {write_summary(sweep)}"
            except (OSError, PtychoEngineError) as error:
                said = f"the summary was not written: {error}"
            print(f"ptycho-engine: {said}", file=sys.stderr)


@contextmanager
def lost_alone(launcher: Any) -> Iterator[None]:
    """Let a job that its cluster ends, at a limit say, be lost alone, as long as the block runs.

    Submitit raises an error for it, and its launcher would drop what all others return; some of
    them may still run.
    """
    if "submitit" not in type(launcher).__module__:
        yield
        return
    import submitit

    jobs: Any = submitit.Job
    original = jobs.results

    def results(job: Any) -> list[Any]:
        try:
            return list(original(job))
        except Exception as error:
            words = f"the job was lost, {type(error).__name__}: {one_line(error)}"
            return [_as_return(Outcome(FAULT, words))]

    jobs.results = results
    try:
        yield
    finally:
        jobs.results = original


def refuse_shared_output(job_overrides: Sequence[Sequence[str]], known: set[Location]) -> None:
    """Refuse jobs that would write to one place, and add the places of the others to the known.

    A relative path lies in the folder of each job, and an interpolation may vary.

    Raises
    ------
    ConfigurationError
        With the place.
    """
    parser = OverridesParser.create()
    for overrides in job_overrides:
        for override in overrides:  # to parse them all takes a millisecond each
            if not override.lstrip("+").startswith("output.path="):
                continue
            path = parser.parse_override(override).value()
            if not isinstance(path, str) or "${" in path:
                continue
            place = expanded(path)
            if isinstance(place, Path) and not place.is_absolute():
                continue
            if place in known:
                raise ConfigurationError(
                    f"output.path: received {path} for several runs of a sweep, which would write "
                    "over each other. Expected a place for each. Leave the folder out, since each "
                    "run has one of its own, or name what varies, as in '${patch_size}'."
                )
            known.add(place)


def swept_run(number: int, settings: dict[str, str], outcome: Outcome) -> SweptRun:
    """Return what the summary says of a job."""
    words = " ".join(outcome.words.split())
    return SweptRun(number, settings, outcome.kind, outcome.code, words, **vars(outcome.account))


def _as_return(outcome: Outcome) -> JobReturn:
    """Return an outcome as launchers return it."""
    return JobReturn(status=JobStatus.COMPLETED, _return_value=outcome)


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
