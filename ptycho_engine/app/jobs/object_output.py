"""The output of a reassembly: object, coverage and positions as arrays, or a scan of any format."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, get_args

import numpy as np

from ...engine import Engine
from ...io.scan import LayerAxis, Scan
from ...io.scan_files import write_scan
from ...io.scan_writing import PIXEL_SIZE
from ...io.specs import ArraySpec
from ...io.store import Store
from ...report.companion import Companions
from ...report.html.run_report import Accuracy
from ...report.object_view import ObjectView, draw_object
from ...request.normalisation import Reassembled
from ...request.patch_weights import patch_weights
from .arrangement import Arranged
from .doubtful_samples import log_samples
from .object_accuracy import Spot, measure_object
from .origins import made_by
from .patch_output import short_source
from .reassembly_job import ReassemblyJob
from .reassembly_report import report_reassembly

#: What planes of an object may be, as scans have them.
PLANES: tuple[LayerAxis, ...] = get_args(LayerAxis)


def write_object(
    job: ReassemblyJob,
    engine: Engine,
    made: Reassembled,
    arranged: Arranged,
    companions: Companions,
    probe: np.ndarray[Any, Any] | None,
    spot: Spot | None,
    run_id: str | None,
    seconds: float,
) -> None:
    """Write what was put together, whole or not at all, and what stands beside it."""
    records = _provenance(job, engine, made, arranged, run_id)
    records["warnings"] = list(log_samples(object=made.object))
    if job.picture:
        companions.picture.draw(lambda: draw(job, engine, made, arranged))
    if job.report:
        companions.report.draw(
            lambda: report_reassembly(
                job,
                engine,
                made,
                arranged,
                records,
                seconds,
                _accuracy(job, made, arranged, probe, spot),
            )
        )
    if job.writes_arrays:
        _write_arrays(job, made, arranged, companions, records)
        return
    with companions:
        scan = as_scan(job, arranged, probe, made.object)
        scan = replace(scan, metadata={"coverage": made.coverage})
        write_scan(job.output, scan, job.format)


def _accuracy(
    job: ReassemblyJob,
    made: Reassembled,
    arranged: Arranged,
    probe: np.ndarray[Any, Any] | None,
    spot: Spot | None,
) -> Accuracy:
    """Compare a spot of the object with the reference."""
    size, count = arranged.cut.patch_size, len(arranged.points)
    weights = patch_weights(size, count, made.coverage.dtype, **job.weighing(probe))
    return measure_object(spot, made, arranged, weights)


def _write_arrays(
    job: ReassemblyJob,
    made: Reassembled,
    arranged: Arranged,
    companions: Companions,
    records: dict[str, Any],
) -> None:
    axes = arranged.layer_axes
    arrays = {"object": made.object, "coverage": made.coverage, "positions": arranged.points}
    specs = {
        "object": ArraySpec.of(made.object, (*axes, "y", "x")),
        "coverage": ArraySpec.of(made.coverage, ("y", "x"), "sum of weights"),
        "positions": ArraySpec.of(arranged.points, ("point", "coordinate"), "object pixels"),
    }
    readable = len(axes) < 2 and set(axes) <= set(PLANES)  # as a scan
    store = Store.create(
        job.output,
        specs,
        overwrite=job.overwrite,
        geometry=_geometry(job, arranged),
        configuration=job.settings(),
        provenance=records,
        more={"scan": _scan_record(job, axes)} if readable else None,
    )
    try:
        for name, array in arrays.items():
            store.write(name, (), array)
        store.publish(together=companions)
    except BaseException:
        store.discard()
        raise


def _geometry(job: ReassemblyJob, arranged: Arranged) -> dict[str, Any]:
    """Say what the numbers mean."""
    return {
        "axis_order": "y, x",
        "units": "object pixels",
        "anchor": "sample patch_size // 2 of a patch sits at its position",
        "origin": arranged.origin.tolist(),
        "object_shape": [*arranged.layers, *arranged.shape],
        "coverage": "sum of the weights on a sample; the object is 0 where it is 0",
        "weight": job.weight,
        "border": job.border,
        **asdict(arranged.cut),
    }


def _scan_record(job: ReassemblyJob, axes: tuple[str, ...]) -> dict[str, Any]:
    """Make the record that makes object and positions a scan: docs/reference/scan-layout.md."""
    return {
        "layout": 1,
        "units": "px",
        "layer_axis": axes[0] if axes else None,
        "pixel_size_m": _pixels(job),
    }


def _pixels(job: ReassemblyJob) -> tuple[float, float] | None:
    return None if job.pixel_size is None else (job.pixel_size, job.pixel_size)


def _provenance(
    job: ReassemblyJob,
    engine: Engine,
    made: Reassembled,
    arranged: Arranged,
    run_id: str | None,
) -> dict[str, Any]:
    path = job.patches.path
    return {
        **made_by(engine, run_id, job.context),
        "patches": str(path.resolve() if isinstance(path, Path) else path),
        "arrays": dict(arranged.said),
        "count": len(arranged.points),
        "covered": int(np.count_nonzero(made.coverage)),
    }


def as_scan(
    job: ReassemblyJob,
    arranged: Arranged,
    probe: np.ndarray[Any, Any] | None,
    image: np.ndarray[Any, Any],
) -> Scan:
    """Return object, positions and probe as a scan, whose file says what it came from."""
    planes = image if len(arranged.layers) < 2 else image.reshape(-1, *arranged.shape)[0]
    named: Any = arranged.layer_axes[0] if arranged.layers else None
    axis: LayerAxis = named if named in PLANES else PLANES[0]
    return Scan(
        planes,
        arranged.points,
        f"reassembled from {job.patches.path}",
        probe,
        layer_axis=axis if planes.ndim == 3 else None,
        pixel_size=_pixels(job),
        remedies={PIXEL_SIZE: "Set pixel_size=METRES."},
    )


def draw(job: ReassemblyJob, engine: Engine, made: Reassembled, arranged: Arranged) -> bytes:
    """Return the picture as a PNG file."""
    cut, count = arranged.cut, len(arranged.points)
    height, width = arranged.shape
    noun = "patch" if count == 1 else "patches"
    size = f"{cut.patch_size} x {cut.patch_size}"
    title = f"{count:,} {noun} of {size} from {short_source(str(job.patches.path))}"
    weight = "" if job.weight == "none" else f", weighted by the {job.weight}"
    border = "" if not job.border else f", {job.border} samples left out at each side"
    caption = (
        f"object {height} x {width} {made.object.dtype}; interpolation {cut.interpolation}, "
        f"outside the object: {cut.fill}{weight}{border}; plugin {engine.plugin}"
    )
    return draw_object(
        ObjectView(made.object, made.coverage, arranged.points, title, caption, job.pixel_size)
    )
