"""The code of a document, run from top to bottom by sybil, in the folder of a reader.

Blocks of ``python`` share their names; of ``bash``, each line of ours runs in this process,
and what installs or measures is left out. A block that cannot run says why, in the line above it::

    <!-- skip: next "needs a GPU" -->

What a reader has at that point, and a page does not show, stands in a comment::

    <!-- invisible-code-block: python
    image = ...
    -->
"""

import shlex
from contextlib import chdir
from pathlib import Path
from unittest import SkipTest

from commands import call_command
from sybil import Sybil
from sybil.parsers.markdown import SkipParser
from sybil.parsers.myst import CodeBlockParser, PythonCodeBlockParser

from ptycho_engine.app.subcommands import SUBCOMMANDS

PROGRAMS = ("ptycho-engine", "ptycho-migrate")
#: Run by tests of their own: what installs or tests, and the benchmarks, which take long.
ELSEWHERE = ("python3 -m venv", "source ", ". .venv", "pip ", "pytest ", "python -m benchmarks")
DEFAULT_OUTPUTS = {"extract": "patches.npz", "reassemble": "object.h5"}


def lines_of(block):
    """List the commands of a block, without comments."""
    joined = block.replace("\\\n", " ").splitlines()
    words = (shlex.join(shlex.split(line, comments=True)) for line in joined)
    return [line for line in words if line]


def program_of(name):
    """Return the function of a program, and the exit codes with which it has done its work."""
    if name == "ptycho-engine":
        from ptycho_engine.app.command import main

        return main, (0,)
    from ptycho_engine.migrations import cli, exit_codes

    return cli.main, (exit_codes.DONE, exit_codes.PENDING)


def default_output(arguments):
    """Return where a command of ``ptycho-engine`` writes to that names no output."""
    first = arguments[0] if arguments and arguments[0] in SUBCOMMANDS else "extract"
    named = any(argument.startswith("output.path=") for argument in arguments)
    return None if named else DEFAULT_OUTPUTS.get(first)


def run_lines(example):
    """Run a block of ``bash``, each command in the folder where the page is read."""
    for line in lines_of(example.parsed):
        if line.startswith(ELSEWHERE):
            continue
        name, *arguments = shlex.split(line)
        assert name in PROGRAMS, f'{line}\nRuns nowhere. Say why: <!-- skip: next "reason" -->'
        program, codes = program_of(name)
        output = default_output(arguments) if name == "ptycho-engine" else None
        for entry in Path().glob(f"{output}*") if output else ():
            entry.unlink()  # each command is read as if it were the first
        done = call_command(*arguments, cwd=".", program=program)
        assert done.returncode in codes, f"{line}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr, f"{line}\n{done.stderr}"


PARSERS = [PythonCodeBlockParser(), CodeBlockParser("bash", run_lines), SkipParser()]


def document(page):
    """Read a page; each call gives a document with names of its own."""
    return Sybil(parsers=PARSERS, path=str(page.parent), patterns=[page.name]).parse(page)


def run_page(page, folder, names=()):
    """Run the blocks of a page.

    Parameters
    ----------
    page : Path
        Of Markdown.
    folder : Path
        Where they run.
    names : mapping
        What is defined before the first.

    Returns
    -------
    names : dict
        What is defined after the last.
    left_out : list of str
        Why blocks were left out, each.
    """
    read, left_out = document(page), []
    read.namespace.update(names)
    with chdir(folder):
        for example in read.examples():
            try:
                example.evaluate()
            except SkipTest as reason:
                left_out.append(str(reason))
    return read.namespace, left_out
