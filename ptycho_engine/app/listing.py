"""``ptycho-engine plugins``: what is installed, where it comes from, whether it loads."""

from __future__ import annotations

import argparse
import ast
import importlib.util
import json
import sys
import warnings
from collections import Counter
from dataclasses import dataclass
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

from ..discovery import (
    CONF_GROUP,
    ENTRY_POINT_GROUP,
    FORMAT_GROUP,
    GROUPING,
    GROUPING_GROUP,
    NOISE,
    NOISE_GROUP,
    PluginSource,
    contributed_folders,
    discover,
    find_faults,
)
from ..errors import printable
from ..extras import install_command
from ..host.choice import AUTO, missing_framework
from ..io.catalogue import list_formats
from .inspection import NOT_INSTALLED, OK, verdicts

#: What the listing calls metadata that names nothing.
UNUSABLE = "cannot be used"
#: Seconds that a check may take: importing TensorFlow takes ten on a slow disk.
TIMEOUT = 60.0


@dataclass(frozen=True)
class PluginState:
    """One line of the listing: a plugin, a format of scans, a strategy, or what names none.

    Attributes
    ----------
    kind : {"plugin", "format", "grouping strategy", "cannot be used"}
        What it is.
    name, target, distribution, version : str
        As in :class:`~ptycho_engine.discovery.PluginSource`.
    state : str
        ``"ok"``, or what stands in the way; ``"not installed: ..."`` with the command that installs
        the framework of a built-in plugin.
    suffixes : tuple of str
        Of the files of a format.
    """

    kind: str
    name: str
    target: str
    distribution: str
    version: str
    state: str
    suffixes: tuple[str, ...] = ()


def main(arguments: list[str]) -> int:
    """Print the listing; return 0, or 1 if something that is installed cannot be used."""
    parser = argparse.ArgumentParser(
        prog="ptycho-engine plugins",
        description="List the installed plugins, formats of scans and grouping strategies. Without "
        "--check none of their code runs: each module is located and its syntax read. Choose one "
        "with plugin=NAME or scan=NAME.",
    )
    parser.add_argument(
        "--check",
        action="store_true",
        help="put each one to work in a process of its own: compose its configuration, select it, "
        "and cut one small patch; a strategy forms a few groups",
    )
    parser.add_argument(
        "--timeout",
        type=_seconds,
        default=TIMEOUT,
        metavar="SECONDS",
        help=f"how long each may take with --check; {TIMEOUT:g} by default",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args(arguments)
    states = describe(check=options.check, seconds=options.timeout)
    if options.json:
        print(json.dumps([vars(state) for state in states], indent=2))
    else:
        print_table(states)
    usable = all(s.state == OK or s.state.startswith(NOT_INSTALLED) for s in states)
    return 0 if usable else 1


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 < seconds < 1e6:
        raise argparse.ArgumentTypeError(f"received {text}. Expected seconds above zero")
    return seconds


def describe(*, check: bool, seconds: float = TIMEOUT) -> list[PluginState]:
    """Describe every installed plugin, format and strategy, and whatever metadata names nothing.

    Parameters
    ----------
    check : bool
        Put each to work in a process of its own; otherwise none of their code runs.
    seconds : float
        How long each may take then.

    Returns
    -------
    list of PluginState
        Plugins, formats, grouping strategies, noise models, each in the order of their names; then
        what cannot be used.
    """
    missing = {
        source.distribution: f"configuration package {source.target} not found"
        for source, folder in contributed_folders()
        if folder is None
    }
    found: list[tuple[str, PluginSource, str]] = []
    kinds = (
        ("plugin", discover()),
        ("format", list_formats()),
        (GROUPING, discover(GROUPING_GROUP)),
        (NOISE, discover(NOISE_GROUP)),
    )
    for kind, sources in kinds:
        taken = Counter(source.name for source in sources)
        for source in sources:
            state = _state(source, taken[source.name])
            if state == OK:
                state = missing.get(source.distribution, OK)
            found.append((kind, source, state))
    if check:
        sound = [i for i, (_, _, state) in enumerate(found) if state == OK]
        checked = verdicts(((found[i][0], found[i][1].name) for i in sound), seconds)
        for i, verdict in zip(sound, checked, strict=True):
            found[i] = (*found[i][:2], verdict)
    states = [
        PluginState(
            kind=kind,
            name=source.name,
            target=source.target,
            distribution=source.distribution,
            version=source.version,
            state=state,
            suffixes=getattr(source, "suffixes", ()),
        )
        for kind, source, state in found
    ]
    seen = {state.distribution for state in states}
    return [*states, *_unusable({name: what for name, what in missing.items() if name not in seen})]


def _unusable(missing: dict[str, str]) -> list[PluginState]:
    """Describe metadata that names nothing, and packages of configuration that are not there."""
    faults = find_faults(ENTRY_POINT_GROUP, FORMAT_GROUP, GROUPING_GROUP, NOISE_GROUP, CONF_GROUP)
    described = [
        PluginState(UNUSABLE, f.name, f.target, f.distribution, f.version, f.reason) for f in faults
    ]
    return described + [
        PluginState(UNUSABLE, "", "", distribution, "", what)
        for distribution, what in missing.items()
    ]


def _state(source: PluginSource, taken: int) -> str:
    if source.name == AUTO:
        return f"name {AUTO!r} is taken: it means the first plugin that can run"
    if taken > 1:
        return f"name taken {taken} times"
    framework = missing_framework(source)
    if framework:
        return f"{NOT_INSTALLED}: {install_command(framework)}"
    return located(source)


def located(source: PluginSource) -> str:
    """Look for a module and read its syntax, running nothing."""
    module = source.target.partition(":")[0].strip()
    try:
        path = find_module(module)
        if path is None:
            return f"module {printable(module)} not found"
        if path.suffix == ".py":  # compiled modules have no syntax to look at
            with warnings.catch_warnings(action="ignore"):
                ast.parse(path.read_bytes(), str(path))
    except Exception as error:  # of any kind: nesting too deep for the parser, a strange loader
        return printable(f"{type(error).__name__}: {error}")
    return OK


def find_module(name: str) -> Path | None:
    """File of a module, found without importing its parents (ours are imported already)."""
    top, *rest = name.split(".")
    if top == "ptycho_engine":
        spec = importlib.util.find_spec(name)
        return Path(spec.origin) if spec and spec.origin else None
    spec = importlib.util.find_spec(top)
    if spec is None:
        return None
    if not rest:
        return Path(spec.origin) if spec.origin else None
    for location in spec.submodule_search_locations or ():
        stem = Path(location, *rest)
        compiled = (f"{stem}{suffix}" for suffix in EXTENSION_SUFFIXES)
        for candidate in (f"{stem}.py", f"{stem}/__init__.py", *compiled):
            if Path(candidate).is_file():
                return Path(candidate)
    return None


def print_table(states: list[PluginState]) -> None:
    """Print the listing for a reader."""
    from rich.console import Console
    from rich.table import Table

    # In a pipe there is no screen width to fold the lines at. Names of others are no markup.
    width = None if sys.stdout.isatty() else 200
    console = Console(width=width, markup=False, emoji=False, highlight=False)
    tables = ("plugin", ()), ("format", ("suffixes",)), (GROUPING, ()), (NOISE, ()), (UNUSABLE, ())
    for kind, more in tables:
        table = Table(kind, "from", "module", "state", *more, box=None)
        for state in (state for state in states if state.kind == kind):
            row = [state.name, f"{state.distribution} {state.version}", state.target, state.state]
            row += [" ".join(state.suffixes)] if more else []
            style = {OK: None, NOT_INSTALLED: "dim"}.get(state.state.partition(":")[0], "red")
            table.add_row(*row, style=style)
        if table.row_count:
            console.print(table)
