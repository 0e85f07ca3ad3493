"""The documents say what is so: examples run, commands compose, named files exist."""

import re
import shlex
from pathlib import Path

import pytest
from hydra import compose, initialize_config_module

from ptycho_engine.app.overrides import hydra_arguments, sort_arguments
from ptycho_engine.app.schema import register_schemas
from ptycho_engine.host import hookspecs

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
GUIDE = (ROOT / "DEVELOPER_GUIDE.md").read_text()
MIGRATIONS = sorted((ROOT / "migrations").glob("*.md"))


def fences(text: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def engine_commands() -> list[str]:
    texts = [README, *(page.read_text() for page in MIGRATIONS)]
    blocks = "\n".join(block for text in texts for block in fences(text, "bash"))
    commands = [line for line in blocks.splitlines() if line.startswith("ptycho-engine ")]
    others = tuple(f"ptycho-engine {word}" for word in ("plugins", "info", "--h"))
    return [c for c in commands if not c.startswith(others)]


def test_readme_example_runs():
    example = fences(README, "python")[0]
    assert len([line for line in example.splitlines() if line.strip()]) <= 12
    exec(compile(example, "README.md", "exec"), {})


@pytest.mark.parametrize("page", sorted((ROOT / "docs").glob("*.md")), ids=lambda page: page.name)
def test_examples_of_a_page_run_one_after_the_other(page):
    names = {}
    examples = fences(page.read_text(), "python")
    assert examples
    for example in examples:
        exec(compile(example, page.name, "exec"), names)


def test_first_screen_holds_two_commands_that_set_themselves_up():
    first_screen = "\n".join(README.splitlines()[:25])
    commands = fences(first_screen, "bash")
    assert len(commands) == 2
    for command in commands:
        assert command.count("\n") == 1
        assert command.startswith("python3 -m venv .venv && .venv/bin/pip install ")
    assert commands[0].endswith(".venv/bin/ptycho-engine\n")
    assert commands[1].endswith(".venv/bin/pytest -n 2 --dist worksteal\n")


@pytest.mark.parametrize("command", engine_commands())
def test_documented_commands_compose(command):
    arguments = [a for a in shlex.split(command)[1:] if a not in ("--multirun", "scan.npz")]
    first = [re.sub(r",.*", "", argument) for argument in arguments]
    register_schemas()
    with initialize_config_module("ptycho_engine.conf", version_base="1.3"):
        config = compose("config", overrides=hydra_arguments(sort_arguments(first)))
    assert config.patch_size > 0


@pytest.mark.parametrize("name", re.findall(r"\]\(((?!http)[^)#]+)\)", README))
def test_linked_files_exist(name):
    assert (ROOT / name).exists()


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
