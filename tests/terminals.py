"""Programs at a terminal: what a person sees of them."""

import os
import pty
import re
import struct
import sys
import termios
import warnings
from fcntl import ioctl


def fork_to_terminal():
    """Fork as ``pty.fork`` does, for a child that runs another program at once.

    Threads of frameworks, which jax warns of wherever it was used before, do not matter to that.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return pty.fork()


def run_at_terminal(*arguments, cwd=None, env=None, columns=100):
    """Run ``python *arguments`` at a terminal of its own.

    Returns
    -------
    int
        The exit code.
    list of str
        The lines that were written, whatever became of them on the screen; without control codes.
    """
    pid, screen = fork_to_terminal()
    if pid == 0:
        try:
            os.chdir(cwd or ".")
            ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
            os.execve(
                sys.executable, [sys.executable, *arguments], os.environ if env is None else env
            )
        finally:
            os._exit(127)
    written = b""
    while True:
        try:
            part = os.read(screen, 65536)
        except OSError:  # how Linux says that the other side is closed
            break
        if not part:
            break
        written += part
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    os.close(screen)
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", written.decode(errors="replace"))
    return code, [line for line in re.split(r"[\r\n]+", plain) if line.strip()]
