"""The command ``ptycho-engine``, called from Python, which takes a third of a process's time."""

import subprocess
from contextlib import chdir, redirect_stderr, redirect_stdout
from io import StringIO
from unittest import mock

from ptycho_engine.app.command import main


def call_command(*arguments, cwd, program=main):
    """Run ``ptycho-engine *arguments``, or another program, to its end in this process.

    Returns
    -------
    subprocess.CompletedProcess
        With the texts of both streams; an exit code other than 0 is no error.
    """
    out, err, code = StringIO(), StringIO(), 0
    # Hydra sets logging up anew, which closes what handlers of others wrote to: absl's writes to
    # the standard error that pytest records.
    kept = mock.patch("logging.shutdown")
    with chdir(cwd), redirect_stdout(out), redirect_stderr(err), kept:
        try:
            program(arguments)
        except SystemExit as end:
            code = end.code
    return subprocess.CompletedProcess(arguments, code, out.getvalue(), err.getvalue())
