"""What each subcommand does with its settings: it makes a job of them, runs it, and answers.

Each function imports its job, so that nobody waits for the libraries of another.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from ..errors import ConfigurationError
from .composition import (
    cluster_settings,
    conversion_job,
    extraction_job,
    inspection_job,
    reassembly_job,
    simulation_job,
    training_job,
)
from .legacy import work_in_legacy
from .schema import (
    ConvertConfig,
    InspectConfig,
    JobConfig,
    ReassembleConfig,
    SimulateConfig,
    TrainConfig,
)

if TYPE_CHECKING:
    from .runners.runner import Runner
    from .runs import Run

Job = TypeVar("Job")


def extract(settings: JobConfig, run: Run) -> str:
    """Cut patches; return the path of the output."""
    from .jobs import extract

    job = _settled(extraction_job, settings, run)
    result = extract.run(
        job,
        run_id=run.run_id,
        progress=run.progress,
        waiting=run.waiting,
        runner=_runner(settings, run),
    )
    return str(result.output)


def plan(settings: JobConfig, run: Run) -> str:
    """Say what cutting patches would take and make."""
    from .jobs.plan import plan_extraction

    job = _settled(extraction_job, settings, run)
    _runner(settings, run).check(job.output)
    return _shown(plan_extraction(job), run)


def inspect(settings: InspectConfig, run: Run) -> str:
    """Say what a file, or each file of a folder, holds."""
    from .jobs import inspect

    _refuse_cluster(settings, "inspect")
    found = inspect.run(inspection_job(settings, run.folder), waiting=run.waiting)
    return found.as_json() if "--json" in run.flags else found.as_text()


def convert(settings: ConvertConfig, run: Run) -> str:
    """Write a scan in another format; return the path of the file."""
    from .jobs import convert

    _refuse_cluster(settings, "convert")
    job = conversion_job(settings, run.folder)
    return str(convert.run(job, counting=run.counting, waiting=run.waiting).output)


def simulate(settings: SimulateConfig, run: Run) -> str:
    """Simulate a scan; return the path of the file."""
    from .jobs import simulate

    job = simulation_job(settings, run.folder)
    runner = _runner(settings, run)
    written = simulate.run(job, counting=run.counting, waiting=run.waiting, runner=runner)
    return str(written.output)


def train(settings: TrainConfig, run: Run) -> str:
    """Make training data; return the path of the output."""
    from .jobs import train

    job = _settled(training_job, settings, run)
    progress = partial(run.progress, noun="groups")
    result = train.run(
        job,
        run_id=run.run_id,
        progress=progress,
        waiting=run.waiting,
        runner=_runner(settings, run),
    )
    return str(result.output)


def reassemble(settings: ReassembleConfig, run: Run) -> str:
    """Put patches together; return the path of the output."""
    from .jobs import reassemble

    _refuse_cluster(settings, "reassemble")
    job = reassembly_job(settings, run.folder, run.plugin_reason())
    result = reassemble.run(job, run_id=run.run_id, progress=run.progress, waiting=run.waiting)
    return str(result.output)


def plan_training(settings: TrainConfig, run: Run) -> str:
    """Say what making training data would take and make."""
    from .jobs.training_plan import plan_training

    job = _settled(training_job, settings, run)
    _runner(settings, run).check(job.output)
    return _shown(plan_training(job), run)


def _shown(plan: dict[str, Any], run: Run) -> str:
    from .jobs.plan import plan_as_json, plan_as_text

    return plan_as_json(plan) if "--json" in run.flags else plan_as_text(plan)


def _runner(settings: Any, run: Run) -> Runner:
    """Return who does the work."""
    cluster = cluster_settings(settings.runner)
    if cluster is None:
        from .runners.local import LocalRunner

        return LocalRunner()
    from .runners.dask import DaskRunner

    return DaskRunner(cluster, waiting=run.waiting)


def _refuse_cluster(settings: Any, subcommand: str) -> None:
    """Refuse a cluster for what is done in this process."""
    if cluster_settings(settings.runner) is not None:
        raise ConfigurationError(
            f"runner={settings.runner.kind}: {subcommand} runs in this process. Expected "
            "runner=local. Leave it out; extract, train and simulate know others."
        )


def _settled(make: Callable[..., Job], settings: Any, run: Run) -> Job:
    """Settle legacy settings, and make the job."""
    settings, legacy = work_in_legacy(settings, run.typed)
    if legacy is None:
        return make(settings, run.folder, run.plugin_reason(), None)
    context = legacy.context(groups=isinstance(settings, TrainConfig))
    return make(settings, run.folder, legacy.reason, context)
