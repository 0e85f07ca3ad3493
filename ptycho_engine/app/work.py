"""What each subcommand does with its settings: it makes a job of them, runs it, and answers.

Each function imports its job, so that nobody waits for the libraries of another.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from .composition import (
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
from .value_origins import value_origins

if TYPE_CHECKING:
    from .runs import Run

Job = TypeVar("Job")


def extract(settings: JobConfig, run: Run) -> str:
    """Cut patches; return the path of the output."""
    from .jobs import extract

    job = _settled(extraction_job, settings, run)
    result = extract.run(job, run_id=run.run_id, progress=run.progress, waiting=run.waiting)
    return str(result.output)


def plan(settings: JobConfig, run: Run) -> str:
    """Say what cutting patches would take and make."""
    from .jobs.plan import plan_extraction

    return _shown(plan_extraction(_settled(extraction_job, settings, run)), run)


def inspect(settings: InspectConfig, run: Run) -> str:
    """Say what a file, or each file of a folder, holds."""
    from .jobs import inspect

    found = inspect.run(inspection_job(settings, run.folder), waiting=run.waiting)
    return found.as_json() if "--json" in run.flags else found.as_text()


def convert(settings: ConvertConfig, run: Run) -> str:
    """Write a scan in another format; return the path of the file."""
    from .jobs import convert

    job = _with_origins(conversion_job(settings, run.folder), settings, run)
    return str(convert.run(job, counting=run.counting, waiting=run.waiting).output)


def simulate(settings: SimulateConfig, run: Run) -> str:
    """Simulate a scan; return the path of the file."""
    from .jobs import simulate

    job = _with_origins(simulation_job(settings, run.folder), settings, run)
    return str(simulate.run(job, counting=run.counting, waiting=run.waiting).output)


def train(settings: TrainConfig, run: Run) -> str:
    """Make training data; return the path of the output."""
    from .jobs import train

    job = _settled(training_job, settings, run)
    progress = partial(run.progress, noun="groups")
    result = train.run(job, run_id=run.run_id, progress=progress, waiting=run.waiting)
    return str(result.output)


def reassemble(settings: ReassembleConfig, run: Run) -> str:
    """Put patches together; return the path of the output."""
    from .jobs import reassemble

    job = _with_origins(reassembly_job(settings, run.folder, run.plugin_reason()), settings, run)
    result = reassemble.run(job, run_id=run.run_id, progress=run.progress, waiting=run.waiting)
    return str(result.output)


def plan_training(settings: TrainConfig, run: Run) -> str:
    """Say what making training data would take and make."""
    from .jobs.training_plan import plan_training

    return _shown(plan_training(_settled(training_job, settings, run)), run)


def _shown(plan: dict[str, Any], run: Run) -> str:
    from .jobs.plan import plan_as_json, plan_as_text

    return plan_as_json(plan) if "--json" in run.flags else plan_as_text(plan)


def _settled(make: Callable[..., Job], settings: Any, run: Run) -> Job:
    """Settle legacy settings, and make the job."""
    settings, legacy = work_in_legacy(settings, run.typed)
    if legacy is None:
        return _with_origins(make(settings, run.folder, run.plugin_reason(), None), settings, run)
    context = legacy.context(groups=isinstance(settings, TrainConfig))
    return _with_origins(make(settings, run.folder, legacy.reason, context), settings, run)


def _with_origins(job: Job, settings: Any, run: Run) -> Job:
    """Let a job know where the values of its configuration come from."""
    origins = value_origins(settings, run.typed, run.config_name)
    known: Job = replace(job, origins=origins)  # type: ignore[type-var]
    return known
