"""The log for people: what an event says in a line that fits a terminal."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from .. import logs
from ..errors import printable

#: Characters of a line.
LONGEST = 4000
#: What a reader has not asked for.
UNSAID = ("timestamp", "run_id", "level", "event", "exc_info")


def log_renderer(log_format: str) -> Any:
    """Choose how the log looks.

    Parameters
    ----------
    log_format : {"auto", "people", "text", "json"}
        ``auto`` is for people at a terminal, and text (key=value) elsewhere.
    """
    if log_format == "json":
        return logs.json_lines()
    people = log_format == "people" or (log_format == "auto" and sys.stderr.isatty())
    return for_people if people else logs.key_values()


def for_people(logger: Any, method: str, event: Mapping[str, Any]) -> str:
    """Say an event in a line, whatever names are in it; an empty one if it is of no interest."""
    return printable(_said(event), LONGEST)


def _said(event: Mapping[str, Any]) -> str:
    name, level = str(event.get("event", "")), str(event.get("level", "info"))
    if name in _SENTENCES:
        sentence = _SENTENCES[name](event)
        return sentence if level in ("debug", "info") else f"{level}: {sentence}"
    if set(event) <= {*UNSAID, "reason"} and "reason" in event:  # which says it all
        return f"{level}: {event['reason']}"
    said = ", ".join(f"{key} {value}" for key, value in event.items() if key not in UNSAID)
    words = name.replace("_", " ") + (f": {said}" if said else "")
    return words if level in ("debug", "info") else f"{level}: {words}"


def _plan(event: Mapping[str, Any]) -> str:
    count, size = event["patches"], event["patch_size"]
    noun = "patch" if count == 1 else "patches"
    shape = " x ".join(map(str, event.get("object", ())))
    about = f" (object {shape})" if shape else ""
    return f"{count:,} {noun} of {size} x {size} from {_source(event['scan'])}{about}"


def _source(scan: str) -> str:
    """Name a scan: its file, or how it was made, without the numbers."""
    made = re.fullmatch(r"(\w+)\(.*\)", scan)
    return f"a {made[1]} scan" if made else short_path(scan)


def _done(event: Mapping[str, Any]) -> str:
    size = f", {event['size']}" if "size" in event else ""
    beside = ""  # one of them: a line has no room for both
    for what in ("picture", "report"):
        if event.get(what):
            beside = f", {what} {short_path(event[what])}"
    return f"-> {short_path(event['output'])}{size}, {event['seconds']:.2f} s{beside}"


def _windows(event: Mapping[str, Any]) -> str:
    if not event["leaving"]:
        return ""
    count = f"{event['leaving']:,} of {event['count']:,}"
    return f"{count} patches leave the object, by up to {event['beyond_pixels']:g} pixels"


def _simulation(event: Mapping[str, Any]) -> str:
    shape = " x ".join(map(str, event["object"]))
    size = event["size"]
    return f"{event['patterns']:,} patterns of {size} x {size} of a {event['kind']} ({shape})"


def _reassembly(event: Mapping[str, Any]) -> str:
    shape = " x ".join(map(str, event["object"]))
    count, size = event["count"], event["patch_size"]
    noun = "patch" if count == 1 else "patches"
    source = f"{short_path(event['source'])} ({event['patches']}; {event['positions']})"
    return f"{count:,} {noun} of {size} x {size} from {source} onto {shape}"


def _cluster(event: Mapping[str, Any]) -> str:
    count = event["workers"]
    dashboard = f", dashboard {event['dashboard']}" if event["dashboard"] else ""
    return f"{count} {'worker' if count == 1 else 'workers'} of {event['scheduler']}{dashboard}"


def _groups(event: Mapping[str, Any]) -> str:
    return (
        f"{event['groups']:,} groups of {event['members']} ({event['strategy']}) use "
        f"{event['used']:,} of {event['points']:,} positions"
    )


def _not_in_this_format(event: Mapping[str, Any]) -> str:
    return f"{short_path(event['path'])} has no place for {', '.join(event['dropped'])}"


#: The events of every run; that a plugin was chosen, its output records.
_SENTENCES: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "plugin_selected": lambda event: "",
    "plan": _plan,
    "windows": _windows,
    "cluster": _cluster,
    "groups": _groups,
    "simulation": _simulation,
    "reassembly": _reassembly,
    "not_in_this_format": _not_in_this_format,
    "done": _done,
}


def short_path(path: str) -> str:
    """Write a path as seen from here, if it lies below."""
    if not os.path.isabs(path):
        return path
    here = Path(path)
    for folder, short in ((Path.cwd(), ""), (Path.home(), "~/")):
        if here.is_relative_to(folder):
            return short + str(here.relative_to(folder))
    return path
