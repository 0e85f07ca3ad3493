"""``ptycho-migrate config``."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ptycho_engine.errors import OutputError, PtychoEngineError

from ..exit_codes import DONE, FAILED
from . import complain, refuse_output

if TYPE_CHECKING:
    from ptycho_engine.compat.params.resolution import Resolution

    from ..settings.old import OldFile


def run(options: argparse.Namespace) -> int:
    """Convert a file of legacy parameters; return the exit code."""
    try:
        return convert(options.old, options.output, options.overwrite)
    except (PtychoEngineError, OSError) as error:
        complain(error)
        return FAILED


def convert(path: Path, output: Path | None, overwrite: bool) -> int:
    """Convert a file, and say what did not go over; PtychoEngineError if that cannot be done."""
    from ptycho_engine.compat.params.resolution import resolve

    from ..codemod.files import write_file
    from ..settings.new import render, validate
    from ..settings.old import read_old

    if output is not None:
        refuse(output, overwrite)
    old = read_old(path)
    resolution = resolve(params=old.values, params_origin=path.name)
    text = render(old, resolution, output or Path("NEW.yaml"))
    with tempfile.TemporaryDirectory() as folder:
        validate(text, Path(folder))
    if output is None:
        sys.stdout.write(text)
    else:
        write_file(output, text.encode())
    for line in report(old, resolution):
        complain(line)
    return DONE


def report(old: OldFile, resolution: Resolution) -> Iterator[str]:
    """Yield what is to be said of a conversion."""
    yield from (f"{old.path}: {remark}" for remark in (*old.remarks, *resolution.conflicts))
    yield from (f"{old.path}: the key {key!r} is unknown" for key in resolution.legacy.unknown)
    yield from resolution.warnings
    if "scan.path" not in resolution.values:
        yield "no scan file is named: add scan=npz scan.path=FILE where you run it"
    yield f"plugin {resolution.plugin}: {resolution.reason}"
    left = [*resolution.legacy.dropped, *resolution.legacy.unknown]
    if left:
        yield f"left out, each with its reason in the new file: {', '.join(left)}"


def refuse(output: Path, overwrite: bool) -> None:
    """Refuse an output that could not be written, or not be found by ``--config-name``."""
    if output.suffix != ".yaml":
        raise OutputError(f"{output}: expected a name that ends in .yaml, as Hydra finds no other")
    if output.stem in ("config", "schema"):
        raise OutputError(f"{output}: ptycho_engine has that name itself. Choose another")
    refuse_output(output, overwrite)
