"""``ptycho-migrate compare``."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING

from ptycho_engine.errors import OutputError, PtychoEngineError

from ..exit_codes import DONE, FAILED
from . import complain, refuse_output

if TYPE_CHECKING:
    from ptycho_engine.io.scan import Scan


def run(options: argparse.Namespace) -> int:
    """Compare legacy and new settings on a scan; return the exit code."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    from ptycho_engine.compat.comparison import compare_scan, write_report
    from ptycho_engine.io.scan_files import read_scan
    from ptycho_engine.report.quiet import import_tensorflow_quietly

    try:
        if options.output is not None:
            refuse_output(options.output, options.overwrite)
            if options.output.suffix.lower() != ".png":
                raise OutputError(f"{options.output}: expected a name that ends in .png")
        scan = read_scan("npz", options.scan)
        size = default_size(scan) if options.patch_size is None else options.patch_size
        import_tensorflow_quietly()  # which the default plugin uses, where it is installed
        comparison = compare_scan(
            scan,
            size,
            gridsize=options.gridsize,
            interpolation=options.interpolation,
            fill=options.fill,
            rounding=options.rounding,
            limit=options.limit,
        )
        write_report(comparison, options.output, overwrite=options.overwrite)
    except (PtychoEngineError, OSError) as error:
        complain(error)
        return FAILED
    return DONE


def default_size(scan: Scan) -> int:
    """Return the size of a scan's diffraction patterns, else of its probe, else 64."""
    if scan.patterns is not None:
        return scan.patterns.shape[-1]
    return 64 if scan.probe is None else int(scan.probe.shape[-1])
