"""What pictures are painted on: matplotlib in its own defaults, whatever a user has set.

Neither pyplot nor a backend for screens takes part, and no setting of the user: a picture of ours
looks the same everywhere, and what breaks theirs (LaTeX that is missing, a notebook's backend in a
process that has none) does not break it.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..deferral import deferred_signals
from ..io.regular_file import first_bytes

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Says in a picture whose it is.
SOFTWARE = "ptycho_engine"
SIGNATURE = b"\x89PNG\r\n\x1a\n"
#: Where the mark is looked for: it precedes the pixels.
HEAD = 2048

#: Twice as fast as the default, for a file that is a tenth larger.
PACKING = {"compress_level": 3}

#: matplotlib's settings belong to the process: two threads would restore each other's.
_PAINTING = threading.Lock()

STYLE = {
    "font.size": 9.0,
    "axes.titlesize": 10.0,
    "axes.linewidth": 0.6,
    "hatch.linewidth": 0.5,
    "text.usetex": False,
    "text.parse_math": False,  # names of files may hold a dollar sign
}


def render(size: tuple[float, float], paint: Callable[[Figure], None], *, dpi: int = 115) -> bytes:
    """Paint a figure and return it as a PNG file.

    Parameters
    ----------
    size : (float, float)
        Width and height in inches.
    paint : callable
        Given the empty figure. An interrupt waits until it returns: matplotlib calls Python from
        compiled code, which may lose one.
    dpi : int
        Pixels an inch.

    Returns
    -------
    bytes
        The file, with the mark that `is_ours` looks for.
    """
    file = BytesIO()
    with _PAINTING, _unheard():
        matplotlib = _matplotlib()
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        with deferred_signals(), matplotlib.rc_context():
            matplotlib.rcdefaults()
            matplotlib.rcParams.update(STYLE)
            figure = Figure(figsize=size, dpi=dpi)
            FigureCanvasAgg(figure)
            paint(figure)
            figure.savefig(
                file, format="png", dpi=dpi, metadata={"Software": SOFTWARE}, pil_kwargs=PACKING
            )
    return file.getvalue()


@contextmanager
def _unheard() -> Iterator[None]:
    """Keep what matplotlib says out of the log: of a font without a glyph, of its own cache."""
    log = logging.getLogger("matplotlib")
    level = log.level
    log.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        log.setLevel(level)


def is_ours(path: Path) -> bool:
    """Whether a file is a picture that `render` made."""
    head = first_bytes(path, HEAD)
    return head.startswith(SIGNATURE) and f"Software\0{SOFTWARE}".encode() in head


def _matplotlib() -> Any:
    """Import matplotlib, which refuses to be imported where MPLBACKEND names what is not there."""
    backend = None if "matplotlib" in sys.modules else os.environ.pop("MPLBACKEND", None)
    try:
        import matplotlib
    finally:
        if backend is not None:
            os.environ["MPLBACKEND"] = backend
    if backend is not None:
        with suppress(ValueError):  # as the import would have done, for whoever draws next
            matplotlib.rcParams["backend"] = backend
    return matplotlib


@cache
def palette(name: str) -> tuple[tuple[int, int, int], ...]:
    """Return the 256 colours of a scale by matplotlib's name, red, green and blue of each."""
    with _PAINTING, _unheard():
        colours = _matplotlib().colormaps[name]
        every = (colours(step, bytes=True) for step in range(256))
        return tuple((int(red), int(green), int(blue)) for red, green, blue, _ in every)
