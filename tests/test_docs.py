"""The documents say what is so: commands compose, named files exist."""

import re
import shlex

import pytest
from hydra import compose, initialize_config_module
from readers import MADE, PAGES, ROOT

from ptycho_engine.app.overrides import hydra_arguments, sort_arguments
from ptycho_engine.app.schema import register_schemas
from ptycho_engine.app.subcommands import SUBCOMMANDS, sort_subcommand
from ptycho_engine.host import hookspecs

README = (ROOT / "README.md").read_text()
GUIDE = (ROOT / "DEVELOPER_GUIDE.md").read_text()
MIGRATIONS = sorted((ROOT / "migrations").glob("*.md"))


def fences(text: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def engine_commands(*texts: str) -> set[str]:
    """Find the commands whose settings Hydra composes."""
    blocks = "\n".join(block for text in texts for block in fences(text, "bash"))
    lines = blocks.replace("\\\n", " ").splitlines()
    commands = {line for line in lines if line.startswith("ptycho-engine ")}
    plain = tuple(f"ptycho-engine {name}" for name, found in SUBCOMMANDS.items() if not found.root)
    return {c for c in commands if not c.startswith((*plain, "ptycho-engine --h"))}


FIRST = engine_commands(README, *(page.read_text() for page in MIGRATIONS))
#: Most of them run, in tests/documents; of those that do not, it is known that they could.
OTHERS = engine_commands(*(page.read_text() for page in PAGES)) - FIRST


@pytest.mark.parametrize("page", [ROOT / "README.md", *PAGES], ids=lambda page: page.name)
def test_links_of_a_page_lead_somewhere(page):
    for link in re.findall(r"\]\(((?!http)[^)#]+)[^)]*\)", page.read_text()):
        path = page.parent / link
        assert path.exists() or any(folder in path.resolve().parents for folder in MADE), link


def test_example_of_the_readme_is_short():
    example = fences(README, "python")[0]
    assert len([line for line in example.splitlines() if line.strip()]) <= 12


def test_first_screen_holds_two_commands_that_set_themselves_up():
    first_screen = "\n".join(README.splitlines()[:25])
    commands = fences(first_screen, "bash")
    assert len(commands) == 2
    for command in commands:
        assert command.count("\n") == 1
        assert command.startswith("python3 -m venv .venv && .venv/bin/pip install ")
    assert commands[0].endswith(".venv/bin/ptycho-engine\n")
    assert commands[1].endswith(".venv/bin/pytest -n 2 --dist worksteal\n")


@pytest.mark.parametrize(
    "command",
    [*sorted(FIRST), *(pytest.param(c, marks=pytest.mark.slow) for c in sorted(OTHERS))],
)
def test_documented_commands_compose(command):
    name, words = sort_subcommand(shlex.split(command, comments=True)[1:])
    root, words = SUBCOMMANDS[name].chosen(words)
    settings = (w for w in words if "=" in w or w.startswith("-"))  # all others are files
    flags = ("--multirun", *root.flags)
    first = [re.sub(r",.*", "", word) for word in settings if word not in flags]
    register_schemas()
    with initialize_config_module("ptycho_engine.conf", version_base="1.3"):
        overrides = hydra_arguments(sort_arguments(first), root.places[-1:])
        config = compose(root.config, overrides=overrides)
    assert "runner" in config


def test_guide_names_every_module():
    modules = {p.name for p in (ROOT / "ptycho_engine").glob("*.py")} - {"__init__.py"}
    house = GUIDE.split("```")[1]
    assert {m for m in modules if m not in house} == set()


def test_guide_names_every_hook():
    for name in ("extract_patches", "plugin_capabilities", "plan_extraction"):
        assert name in GUIDE
        assert hasattr(getattr(hookspecs, name), "ptycho_engine_spec")


def test_lock_file_satisfies_the_declared_requirements():
    import tomllib

    from packaging.requirements import Requirement

    locked = dict(
        re.findall(r"^([A-Za-z0-9_.-]+)==(\S+)", (ROOT / "requirements.lock").read_text(), re.M)
    )
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for line in project["dependencies"] + project["optional-dependencies"]["dev"]:
        requirement = Requirement(line)
        if requirement.name != "ptycho_engine":
            assert requirement.specifier.contains(locked[requirement.name])
