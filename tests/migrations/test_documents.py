"""The documents of the migration: commands parse, lists are whole, links lead on."""

import importlib
import re
import shlex
from pathlib import Path

import pytest
from ptycho_engine.migrations import cli, exit_codes
from ptycho_engine.migrations.rules import RULES

ROOT = Path(__file__).parents[2]
MIGRATIONS = ROOT / "migrations"
PAGES = [ROOT / "README.md", *sorted(MIGRATIONS.glob("*.md")), *sorted(MIGRATIONS.glob("*/*.md"))]
COMMANDS = {"code", "compare", "config", "explain", "status"}
GUIDE = (MIGRATIONS / "README.md").read_text()


def commands():
    for page in PAGES:
        for block in re.findall(r"```bash\n(.*?)```", page.read_text(), re.DOTALL):
            for line in block.splitlines():
                if line.startswith("ptycho-migrate "):
                    yield line


def test_there_are_commands():
    assert {line.split()[1] for line in commands()} == COMMANDS


@pytest.mark.parametrize("line", sorted(set(commands())))
def test_documented_commands_parse(line):
    options = cli.parser().parse_args(shlex.split(line)[1:])
    module = importlib.import_module(f"ptycho_engine.migrations.commands.{options.command}")
    assert callable(module.run)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files(page):
    for name in re.findall(r"\]\(((?!http)[^)#]+)\)", page.read_text()):
        assert (page.parent / name).exists(), name


def test_the_guide_lists_every_rule_and_page():
    for rule in RULES:
        assert f"| [{rule.id}](rules/{rule.id}.md) | {rule.title} |" in GUIDE
    for page in MIGRATIONS.glob("0*.md"):
        number, _, title = page.read_text().splitlines()[0].removeprefix("# ").partition(": ")
        assert f"| [{number}]({page.name}) | {title} |" in GUIDE


def test_the_guide_names_every_command_and_exit_code():
    for command in COMMANDS:
        assert f"ptycho-migrate {command} " in GUIDE
    text = cli.parser().format_help()
    for code in (exit_codes.DONE, exit_codes.PENDING, exit_codes.FAILED):
        assert str(code) in text
