"""What a training job will take and make, before it does."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from ...geometry.footprint import windows_over
from .plan import output_plan
from .train import plan_training_job
from .training_job import TrainingJob


def plan_training(job: TrainingJob) -> dict[str, Any]:
    """Plan training data; its groups are formed, since they are a part of what is said.

    Returns
    -------
    dict
        As :func:`~ptycho_engine.app.jobs.plan.plan_extraction`, and the groups.

    Raises
    ------
    PtychoEngineError
        As the job itself.
    """
    planned = plan_training_job(job)
    scan, plan, groups = planned.opened.scan, planned.plan, planned.groups
    places, size = planned.places.reshape(-1, 2), planned.cut.patch_size
    height, width = scan.image.shape[-2:]
    reach = planned.opened.engine.reach(scan.image, places, **asdict(planned.cut))
    covered = windows_over(places, (height, width), size) > 0
    return {
        "job": "train",
        "scan": scan.source,
        "object": list(scan.image.shape),
        "groups": {
            "members": groups.indices.shape[1],
            "strategy": groups.strategy,
            **groups.coverage.records(),
        },
        "patches": len(places),
        "patch_size": size,
        "leaving": reach.leaving,
        "coverage": float(covered.mean()) if covered.size else 0.0,
        "plugin": plan.plugin,
        "chunks": {"patches": plan.chunk_size, "count": plan.chunk_count},
        "block": planned.blocks.groups,
        "memory": {
            "scan": scan.held_bytes,
            "workspace": plan.workspace_bytes,
            "budget": plan.memory_budget,
        },
        "output": output_plan(job.output, planned.content.specs(job.packing)),
    }
