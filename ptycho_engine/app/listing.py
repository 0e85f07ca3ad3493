"""``ptycho-engine plugins``: plugins and formats, where they come from, whether they load."""

from __future__ import annotations

import argparse
import ast
import importlib.util
import json
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from ..discovery import PluginSource, discover
from ..extras import install_command
from ..host.choice import missing_framework
from ..io.catalogue import list_formats

#: How the state of a plugin begins whose framework is not here: a choice, not a fault.
NOT_INSTALLED = "not installed"


@dataclass(frozen=True)
class PluginState:
    """One line of the listing: a plugin, or a format of scans.

    Attributes
    ----------
    kind : {"plugin", "format"}
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
        description="List the installed plugins and formats of scans. Without --check none of "
        "their code runs: each module is located and its syntax read. Choose one with plugin=NAME "
        "or scan=NAME.",
    )
    parser.add_argument("--check", action="store_true", help="import each one in a process")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args(arguments)
    states = describe(check=options.check)
    if options.json:
        print(json.dumps([vars(state) for state in states], indent=2))
    else:
        print_table(states)
    usable = all(s.state == "ok" or s.state.startswith(NOT_INSTALLED) for s in states)
    return 0 if usable else 1


def describe(*, check: bool) -> list[PluginState]:
    """Describe every installed plugin and format.

    Parameters
    ----------
    check : bool
        Import each in a process of its own; otherwise none of their code runs.

    Returns
    -------
    list of PluginState
        Plugins before formats, each in the order of their names.
    """
    return [
        PluginState(
            kind=kind,
            name=source.name,
            target=source.target,
            distribution=source.distribution,
            version=source.version,
            state=_state(source, taken[source.name], check),
            suffixes=getattr(source, "suffixes", ()),
        )
        for kind, sources in (("plugin", discover()), ("format", list_formats()))
        for taken in (Counter(source.name for source in sources),)
        for source in sources
    ]


def _state(source: PluginSource, taken: int, check: bool) -> str:
    if taken > 1:
        return f"name taken {taken} times"
    framework = missing_framework(source)
    if framework:
        return f"{NOT_INSTALLED}: {install_command(framework)}"
    return imported(source) if check else located(source)


def located(source: PluginSource) -> str:
    """Look for a module and read its syntax, running nothing."""
    module = source.target.partition(":")[0].strip()
    path = find_module(module)
    if path is None:
        return f"module {module} not found"
    try:
        ast.parse(path.read_bytes(), str(path))
    except (SyntaxError, ValueError, OSError) as error:
        return f"{type(error).__name__}: {error}"
    return "ok"


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
        for candidate in (stem.with_suffix(".py"), stem / "__init__.py"):
            if candidate.is_file():
                return candidate
    return None


def imported(source: PluginSource) -> str:
    """Import a plugin or format in a process of its own."""
    code = (
        "import sys, pkgutil\n"
        "try: pkgutil.resolve_name(sys.argv[1])\n"
        "except BaseException as error: sys.exit(f'{type(error).__name__}: {error}')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, source.target], capture_output=True, text=True, check=False
    )
    return "ok" if done.returncode == 0 else (done.stderr.strip().splitlines() or ["failed"])[-1]


def print_table(states: list[PluginState]) -> None:
    """Print the listing for a reader."""
    from rich.console import Console
    from rich.table import Table

    # In a pipe there is no screen width to fold the lines at.
    console = Console(width=None if sys.stdout.isatty() else 200)
    for kind, more in (("plugin", ()), ("format", ("suffixes",))):
        table = Table(kind, "from", "module", "state", *more, box=None)
        for state in (state for state in states if state.kind == kind):
            row = [state.name, f"{state.distribution} {state.version}", state.target, state.state]
            row += [" ".join(state.suffixes)] if more else []
            style = {"ok": None, NOT_INSTALLED: "dim"}.get(state.state.partition(":")[0], "red")
            table.add_row(*row, style=style)
        console.print(table)
