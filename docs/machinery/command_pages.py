"""The reference of the commands, from the tables that they are made of themselves."""

from __future__ import annotations

import argparse
from pathlib import Path

from borrowed_pages import write_if_changed
from configuration_pages import escaped, roots
from ptycho_engine.migrations.cli import parser
from sphinx.application import Sphinx
from sphinx.config import Config

from ptycho_engine.app.manual import FLAGS
from ptycho_engine.app.outcomes import DONE, FAULT, INTERRUPTED, REFUSED
from ptycho_engine.app.subcommands import DEFAULT, SUBCOMMANDS

FOLDER = Path("reference", "commands")


def table(rows: list[tuple[str, str]]) -> list[str]:
    """Return the lines of a table of calls, with what comes of each."""
    return ["| | |", "|---|---|", *(f"| `{call}` | {escaped(said)} |" for call, said in rows), ""]


def engine_page() -> str:
    """Return the page of ``ptycho-engine``."""
    lines = ["# ptycho-engine", "", "`ptycho-engine [SUBCOMMAND] [FILE] [KEY=VALUE ...]`", ""]
    for name, found in SUBCOMMANDS.items():
        called = f"{name}, the default" if name == DEFAULT else name
        lines += [f"## {called}", "", f"{escaped(found.meaning).capitalize()}.", ""]
        lines += table(list(found.usage)) if found.usage else []
        if name in roots():
            lines += [f"Its keys: [configuration of {name}](../configuration/{name}.md).", ""]
    lines += ["## Flags", "", *table(list(FLAGS))]
    codes = ((DONE, "done"), (REFUSED, "bad input or configuration"), (FAULT, "a fault"))
    lines += ["## Exit codes", "", "| | |", "|---|---|"]
    lines += [f"| {code} | {said} |" for code, said in (*codes, (INTERRUPTED, "interrupted"))]
    return "\n".join(lines) + "\n"


def migrate_page() -> str:
    """Return the page of ``ptycho-migrate``: what its parser says."""
    whole = parser()
    lines = ["# ptycho-migrate", "", f"```text\n{help_of(whole)}```", ""]
    for action in whole._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, command in action.choices.items():
                lines += [f"## {name}", "", f"```text\n{help_of(command)}```", ""]
    return "\n".join(lines)


def help_of(command: argparse.ArgumentParser) -> str:
    """Return the help of a command, as wide on every machine."""
    kind = command.formatter_class
    command.formatter_class = lambda prog: kind(prog, width=96)
    return command.format_help()


INDEX = """# Commands

```{toctree}
ptycho-engine
ptycho-migrate
```
"""


def write_pages(app: Sphinx, config: Config) -> None:
    """Write the pages."""
    folder = Path(app.srcdir) / FOLDER
    write_if_changed(folder / "index.md", INDEX)
    write_if_changed(folder / "ptycho-engine.md", engine_page())
    write_if_changed(folder / "ptycho-migrate.md", migrate_page())


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.connect("config-inited", write_pages)
    return {"parallel_read_safe": True}
