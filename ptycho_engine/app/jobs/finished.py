"""A run that is resumed where its output stands already: whether that is what it would write."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from ...errors import OutputError
from ...io.objects.urls import Location
from ...io.outputs import read_output, stands
from ...io.partials import differences, sweep_published
from ...io.specs import ArraySpec, to_json
from ...io.targets import resolve
from ...logs import get_logger
from ...report.companion import Companion
from .patch_output import identity

#: What differs between runs that write the same: where, whether anew, and what beside it.
ASIDE = ("path", "overwrite", "resume", "picture")


class Resumes(Protocol):
    """What the jobs that may be resumed have in common."""

    @property
    def output(self) -> Location: ...  # noqa: D102
    @property
    def overwrite(self) -> bool: ...  # noqa: D102
    @property
    def resume(self) -> bool: ...  # noqa: D102


def may_be_finished(job: Resumes) -> bool:
    """Whether a job is resumed, replaces nothing, and something stands at its output."""
    goes_on = job.resume and not job.overwrite and isinstance(job.output, Path)
    return goes_on and stands(job.output)


def is_finished(
    job: Resumes,
    settings: Mapping[str, Any],
    records: Mapping[str, Any],
    arrays: Mapping[str, ArraySpec],
    decisive: tuple[str, ...] = (),
) -> bool:
    """Tell whether the output of a job stands whole; a kill may have come right after it appeared.

    Parameters
    ----------
    job : Resumes
        The job.
    settings, records : mapping
        The configuration and the provenance that its output would have.
    arrays : mapping of str to ArraySpec
        What that would hold.
    decisive : tuple of str
        As of :func:`~ptycho_engine.app.jobs.patch_output.identity`.

    Raises
    ------
    OutputError
        If another output stands there: what differs is said.
    InputFileError
        If what stands there is damaged.
    """
    if not may_be_finished(job):
        return False
    with read_output(job.output) as output:
        found = _described(output.configuration, output.provenance, output.specs, decisive)
    changes = differences(found, _described(settings, records, arrays, decisive))
    if changes:
        raise OutputError(
            f"{job.output}: exists already, a finished output that is another than this run would "
            f"write: {'; '.join(changes)}. Expected nothing there, or the same. Change that back, "
            "choose another output.path, or replace it: output.overwrite=true."
        )
    if isinstance(job.output, Path):
        sweep_published(resolve(job.output))
    get_logger().info(
        "output_is_whole",
        path=str(job.output),
        reason="an earlier run of the same configuration and scan finished it",
    )
    return True


def standing(companion: Companion) -> Location | None:
    """Return where a file stands beside an output that an earlier run finished, if it does."""
    return companion.path if stands(companion.path) else None


def _described(
    settings: Mapping[str, Any],
    records: Mapping[str, Any],
    arrays: Mapping[str, ArraySpec],
    decisive: tuple[str, ...],
) -> Any:
    """Describe an output as JSON has it, which makes lists of tuples."""
    output = settings.get("output", {})
    described = identity(settings, records, decisive) | {
        "output": {name: value for name, value in output.items() if name not in ASIDE},
        "arrays": {n: {"shape": s.shape, "dtype": s.dtype.str} for n, s in arrays.items()},
    }
    return json.loads(to_json("identity", described))
