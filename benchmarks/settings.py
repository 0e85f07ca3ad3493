"""What the command line chose."""

from __future__ import annotations

import sys
from dataclasses import dataclass

from .effort import Effort
from .registry import contenders, plugin_names


@dataclass(frozen=True)
class Settings:
    """Choices that all sections share.

    Attributes
    ----------
    effort : Effort
        Sizes and repeats.
    chosen : tuple of str
        Names of contenders; all if empty.
    device : {"cpu", "gpu"}
        ``cpu`` hides GPUs.
    """

    effort: Effort
    chosen: tuple[str, ...] = ()
    device: str = "cpu"

    def contender_names(self) -> list[str]:
        """Plugins and peers to measure."""
        names = [contender.name for contender in contenders()]
        return [name for name in names if name in (self.chosen or names)]

    def plugins(self, fast: bool = True) -> list[str]:
        """Plugins to measure, without the slow ones if `fast`."""
        names = plugin_names(fast)
        return [name for name in names if name in (self.chosen or names)]


def progress(text: str) -> None:
    """Say what is being measured, apart from the tables."""
    print(f"  {text}", file=sys.stderr, flush=True)
