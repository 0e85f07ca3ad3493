"""The documents say what is so: examples run, commands compose, named files exist."""

import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from hydra import compose, initialize_config_module

from ptycho_engine.app.overrides import hydra_arguments, sort_arguments
from ptycho_engine.app.schema import register_schemas
from ptycho_engine.app.subcommands import SUBCOMMANDS, sort_subcommand
from ptycho_engine.host import hookspecs
from ptycho_engine.io.patterns import Patterns
from ptycho_engine.io.scan import Scan
from ptycho_engine.io.scan_files import write_scan

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
GUIDE = (ROOT / "DEVELOPER_GUIDE.md").read_text()
MIGRATIONS = sorted((ROOT / "migrations").glob("*.md"))


def fences(text: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def engine_commands() -> list[str]:
    pages = [*MIGRATIONS, *sorted((ROOT / "docs").glob("*.md"))]
    texts = [README, *(page.read_text() for page in pages)]
    blocks = "\n".join(block for text in texts for block in fences(text, "bash"))
    commands = [line for line in blocks.splitlines() if line.startswith("ptycho-engine ")]
    others = tuple(f"ptycho-engine {word}" for word in ("plugins", "info", "new-plugin", "--h"))
    return [c for c in commands if not c.startswith(others)]


def test_readme_example_runs():
    example = fences(README, "python")[0]
    assert len([line for line in example.splitlines() if line.strip()]) <= 12
    exec(compile(example, "README.md", "exec"), {})


def some_scan() -> Scan:
    """Return what a reader has: a few frames of a detector, and where they were taken."""
    rng = np.random.default_rng(0)
    frames = Patterns.of(rng.poisson(5, (3, 256, 256)).astype(np.uint16), "intensity")
    return Scan(
        None, rng.uniform(140, 160, (3, 2)), "some", None, frames,
        pixel_size=(1e-8, 1e-8), detector_pixel_size=(7.5e-5, 7.5e-5), energy=8000.0, distance=2.0,
    )  # fmt: skip


PAGES = sorted((ROOT / "docs").glob("*.md"))


@pytest.mark.slow_cases("clusters.md", "jax.md", "warp.md")  # a cluster, many compilations
@pytest.mark.parametrize(
    "page",
    # Those of torch run in tests/with_torch, in a process without TensorFlow.
    [p for p in PAGES if fences(p.read_text(), "python") and p.stem != "torch"],
    ids=lambda page: page.name,
)
def test_python_of_a_page_runs_from_top_to_bottom(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # what one example writes, the next ones read
    if "scan.cxi" in page.read_text():
        write_scan("scan.cxi", some_scan())
    names = {}
    for number, block in enumerate(fences(page.read_text(), "python")):
        exec(compile(block, f"{page.name}, block {number}", "exec"), names)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_of_a_page_lead_somewhere(page):
    for link in re.findall(r"\]\(((?!http)[^)#]+)[^)]*\)", page.read_text()):
        assert (page.parent / link).exists(), link


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
    name, words = sort_subcommand(shlex.split(command)[1:])
    root, words = SUBCOMMANDS[name].chosen(words)
    named = ("--multirun", "scan.npz", "scan.h5", "FILE", "IN", "FOLDER", *root.flags)
    named += ("patches.h5", "train.zarr", "predicted.npz")
    first = [re.sub(r",.*", "", word) for word in words if word not in named]
    register_schemas()
    with initialize_config_module("ptycho_engine.conf", version_base="1.3"):
        overrides = hydra_arguments(sort_arguments(first), root.places[-1:])
        config = compose(root.config, overrides=overrides)
    assert "runner" in config


@pytest.mark.parametrize("name", re.findall(r"\]\(((?!http)[^)#]+)[^)]*\)", README))
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
