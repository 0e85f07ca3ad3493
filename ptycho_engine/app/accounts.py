"""What a run tells of itself, gathered from its log: any subcommand says the same there."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from ..allowance import peak_resident_bytes
from ..report.swept_runs import Account


class Accountant:
    """Hears the events of one run, and makes its account of them."""

    def __init__(self) -> None:
        self._started = time.perf_counter()
        self._done: Mapping[str, Any] = {}
        self._planned: int | None = None
        self._plugin: str | None = None
        self._warnings: list[str] = []

    def hear(self, event: Mapping[str, Any]) -> None:
        """Take note of an event."""
        name = event.get("event")
        if event.get("level") in ("warning", "error", "critical"):
            self._warnings.append(warning_of(event))
        elif name == "plugin_selected":
            self._plugin = event.get("plugin")
        elif name == "plan":
            self._planned = event.get("patches")
        elif name == "done":
            self._done = event

    def account(self) -> Account:
        """Return what is known now."""
        done = self._done
        return Account(
            output=done.get("output"),
            report=done.get("report"),
            plugin=self._plugin,
            patches=done.get("patches", self._planned) if done else None,
            working=done.get("seconds"),
            seconds=round(time.perf_counter() - self._started, 3),
            peak_bytes=peak_resident_bytes(),
            warnings=tuple(self._warnings),
        )


def warning_of(event: Mapping[str, Any]) -> str:
    """Say a warning in words."""
    name = str(event.get("event", "")).replace("_", " ")
    reason = event.get("reason")
    return f"{name}: {reason}" if reason else name
