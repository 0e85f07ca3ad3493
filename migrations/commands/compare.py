"""``ptycho-migrate compare``."""

from __future__ import annotations

import argparse
import os

from ptycho_engine.errors import PtychoEngineError

from ..cli import DONE, FAILED
from . import complain, refuse_output


def run(options: argparse.Namespace) -> int:
    """Compare legacy and new settings on a scan; return the exit code."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    from ptycho_engine.compat.compare import compare_scan, write_report
    from ptycho_engine.io.readers.npz import read_npz

    try:
        if options.output is not None:
            refuse_output(options.output, options.overwrite)
        comparison = compare_scan(
            read_npz(options.scan),
            options.patch_size,
            gridsize=options.gridsize,
            limit=options.limit,
        )
        write_report(comparison, options.output, overwrite=options.overwrite)
    except (PtychoEngineError, OSError) as error:
        complain(error)
        return FAILED
    return DONE
