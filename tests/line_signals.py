"""Signals at chosen lines, rather than at moments that luck chooses."""

import signal
import sys


class SignalAtLine:
    """Sends a signal to this process before the n-th line that runs of some files.

    Parameters
    ----------
    files : str
        What the paths of these files begin with.
    at : int
        Which of their lines, from 1.
    number : int
        The signal.
    skip : callable
        Tells of a frame whether its line does not count.

    Attributes
    ----------
    where : str
        File and number of that line; empty if it never ran.
    """

    def __init__(self, files, at, number, skip=lambda frame: False):
        self.files, self.at, self.number, self.skip = files, at, number, skip
        self.where, self._lines = "", 0

    def __enter__(self):
        self._previous = sys.gettrace()
        sys.settrace(self._call)
        return self

    def __exit__(self, *_):
        sys.settrace(self._previous)

    def _call(self, frame, event, _):
        return self._line if frame.f_code.co_filename.startswith(self.files) else None

    def _line(self, frame, event, _):
        if event == "line" and not self.skip(frame):
            self._lines += 1
            if self._lines == self.at:
                self.where = f"{frame.f_code.co_filename}:{frame.f_lineno}"
                signal.raise_signal(self.number)
        return self._line
