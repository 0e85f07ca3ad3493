"""The command ``ptycho-migrate``: a thin shell around the rules, the converter and the scans."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from .exit_codes import INTERRUPTED, PIPE_CLOSED

EXIT_CODES = "Exit codes: 0 nothing to do or done, 1 changes pending (--check), 2 failures."


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit with 0, 1 or 2."""
    try:
        options = parser().parse_args(arguments)
        # A command's module is imported only when it runs.
        command = importlib.import_module(f".commands.{options.command}", __package__)
        sys.exit(command.run(options))
    except KeyboardInterrupt:
        said = "interrupted; what was not finished is as it was."
        print(f"ptycho-migrate: {said}", file=sys.stderr)
        sys.exit(INTERRUPTED)
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(PIPE_CLOSED)


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    top = argparse.ArgumentParser(
        prog="ptycho-migrate",
        description="Move code and configuration from PtychoPINN to ptycho_engine.",
        epilog=EXIT_CODES,
    )
    top.add_argument("--version", action="version", version=version("ptycho_engine"))
    commands = top.add_subparsers(required=True, metavar="COMMAND", dest="command")
    _add_code(commands.add_parser("code", help="rewrite .py files and notebooks"))
    _add_status(commands.add_parser("status", help="list the deprecated names a tree still uses"))
    _add_explain(commands.add_parser("explain", help="print the page of a rule"))
    _add_config(commands.add_parser("config", help="convert legacy parameters to a configuration"))
    _add_compare(commands.add_parser("compare", help="compare legacy and new settings on a scan"))
    return top


def _add_code(command: argparse.ArgumentParser) -> None:
    command.description = "Rewrite .py files and notebooks. Shows what would change by default."
    command.epilog = EXIT_CODES
    command.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="files and folders")
    command.add_argument(
        "--level",
        choices=("shim", "native"),
        default="shim",
        help="shim: ptycho_engine.compat takes the place of legacy functions; native: calls are "
        "spelt out for the engine, with the same numbers (default: shim)",
    )
    how = command.add_mutually_exclusive_group()
    how.add_argument("--diff", action="store_true", help="show what would change (the default)")
    how.add_argument("--write", action="store_true", help="change the files")
    how.add_argument(
        "--check",
        action="store_true",
        help="exit with 1 if a file would change, or a TODO comment stands",
    )
    command.add_argument(
        "--select", action="append", default=[], metavar="RULES", help="these alone: PE001,PE002"
    )
    command.add_argument(
        "--ignore", "--skip", action="append", default=[], metavar="RULES", dest="skip",
        help="leave out rules: PE003",
    )  # fmt: skip
    _add_files(command)


def _add_status(command: argparse.ArgumentParser) -> None:
    command.description = "List the deprecated names a tree still uses, where, and until when."
    command.epilog = EXIT_CODES
    command.add_argument(
        "paths", nargs="*", type=Path, metavar="PATH", default=[Path()], help="files and folders"
    )
    command.add_argument("--json", action="store_true", help="print it as JSON")
    _add_files(command)


def _add_explain(command: argparse.ArgumentParser) -> None:
    command.description = "Print what a rule does, and what is left to you where it comments."
    command.add_argument("rule", metavar="RULE", help="its number: PE007")


def _add_config(command: argparse.ArgumentParser) -> None:
    command.description = (
        "Convert legacy parameters to a configuration for ptycho-engine. A .py file is read, "
        "never run: literals alone count."
    )
    command.add_argument("old", type=Path, metavar="OLD", help=".yaml, .json or .py")
    command.add_argument("-o", "--output", type=Path, metavar="NEW", help="a .yaml file")
    command.add_argument("--overwrite", action="store_true", help="replace an existing file")
    command.add_argument(
        "--train", action="store_true", help="for ptycho-engine train, with the groups"
    )


def _add_compare(command: argparse.ArgumentParser) -> None:
    command.description = "Cut the patches of a scan with legacy and with new settings."
    command.add_argument("scan", type=Path, metavar="SCAN", help="a PtychoPINN .npz file")
    command.add_argument("-o", "--output", type=Path, metavar="PNG", help="draw a picture")
    command.add_argument("--overwrite", action="store_true", help="replace an existing picture")
    command.add_argument(
        "--patch-size", type=int, metavar="N", help="(default: of the patterns or probe, else 64)"
    )
    command.add_argument("--gridsize", type=int, default=2, metavar="G", help="(default: 2)")
    command.add_argument(
        "--limit", type=int, default=500, metavar="P", help="patches at most (default: 500)"
    )
    new = command.add_argument_group("new settings", "What the legacy ones are compared with.")
    new.add_argument("--rounding", default="exact", help="exact or legacy (default: exact)")
    new.add_argument(
        "--fill",
        default="zeros",
        help="zeros, edge or reflect, outside the object (default: zeros)",
    )
    new.add_argument(
        "--interpolation",
        default="bilinear",
        help="or nearest, bicubic, fourier (default: bilinear)",
    )


def _add_files(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--exclude", action="append", default=[], metavar="GLOB", help="leave out: docs, old/*.py"
    )
    command.add_argument(
        "--jobs", type=_positive, metavar="N", help="processes (default: one per CPU)"
    )


def _positive(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or int(text) == 0:
        raise argparse.ArgumentTypeError(f"expected a number from 1 on, not {text!r}")
    return int(text)


if __name__ == "__main__":
    main()
