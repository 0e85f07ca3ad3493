"""``ptycho-migrate config``."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ptycho_engine.errors import InputFileError, OutputError, PtychoEngineError

from ..exit_codes import DONE, FAILED
from . import complain, refuse_output

if TYPE_CHECKING:
    from ptycho_engine.compat.params.resolution import Resolution

    from ..settings.old import OldFile

#: Names of configurations that the engine has itself.
RESERVED = ("config", "inspect", "convert", "simulate", "train", "hydra_settings")


def run(options: argparse.Namespace) -> int:
    """Convert a file of legacy parameters; return the exit code."""
    try:
        return convert(options.old, options.output, options.overwrite, options.train)
    except (PtychoEngineError, OSError) as error:
        complain(error)
        return FAILED


def convert(path: Path, output: Path | None, overwrite: bool, train: bool = False) -> int:
    """Convert a file, and say what did not go over; PtychoEngineError if that cannot be done."""
    from ptycho_engine.compat.params.resolution import resolve

    from ..codemod.files import write_file
    from ..settings.new import render, validate
    from ..settings.old import read_old

    if output is not None:
        refuse(output, overwrite)
    old = read_old(path)
    resolution = resolve(params=old.values, params_origin=path.name)
    if not resolution.legacy.values:
        keys = "; ".join(unknown(key) for key in resolution.legacy.unknown)
        raise InputFileError(
            f"{path}: none of its keys is a legacy parameter, so that nothing was written: {keys}"
        )
    text = render(old, resolution, output or Path("NEW.yaml"), train=train)
    with tempfile.TemporaryDirectory() as folder:
        validate(text, Path(folder))
    if output is None:
        sys.stdout.write(text)
    else:
        write_file(output, text.encode())
    for line in report(old, resolution, train):
        complain(line)
    return DONE


def report(old: OldFile, resolution: Resolution, train: bool = False) -> Iterator[str]:
    """Yield what is to be said of a conversion."""
    yield from (f"{old.path}: {remark}" for remark in (*old.remarks, *resolution.conflicts))
    yield from (f"{old.path}: {unknown(key)}" for key in resolution.legacy.unknown)
    yield from resolution.warnings
    if train:
        yield from resolution.legacy.remarks
    if "scan.path" not in resolution.values:
        yield "no scan file is named: add scan=npz scan.path=FILE where you run it"
    yield f"plugin {resolution.plugin}: {resolution.reason}"
    groups = () if train else resolution.of_groups
    left = [*groups, *resolution.legacy.dropped, *resolution.legacy.unknown]
    if left:
        yield f"left out, each with its reason in the new file: {', '.join(left)}"


def unknown(key: str) -> str:
    """Say that a key is unknown, and which one may be meant."""
    from ptycho_engine.compat.params.keys import nearest_name

    near = nearest_name(key)
    hint = f". Did you mean {near!r}?" if near else ""
    return f"the key {key!r} is unknown{hint}"


def refuse(output: Path, overwrite: bool) -> None:
    """Refuse an output that could not be written, or not be found by ``--config-name``."""
    if output.suffix != ".yaml":
        raise OutputError(f"{output}: expected a name that ends in .yaml, as Hydra finds no other")
    if output.stem in RESERVED:
        raise OutputError(f"{output}: ptycho_engine has that name itself. Choose another")
    refuse_output(output, overwrite)
