"""What the engine logs while something runs, as tests look at it."""

import logging
from contextlib import contextmanager


class _Keeper(logging.Handler):
    def __init__(self):
        super().__init__()
        self.events = []

    def emit(self, record):
        self.events.append(record.msg)


@contextmanager
def logged():
    """Collect the events of a ``with`` block, dictionaries with `event` and `level`, in a list."""
    logger, keeper = logging.getLogger("ptycho_engine"), _Keeper()
    level = logger.level
    logger.addHandler(keeper)
    logger.setLevel(logging.INFO)
    try:
        yield keeper.events
    finally:
        logger.setLevel(level)
        logger.removeHandler(keeper)
