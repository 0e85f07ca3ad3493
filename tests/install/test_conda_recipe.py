"""The recipe for conda: rendered here, never built; it says what pyproject.toml says."""

import tomllib

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from repository import ROOT

jinja2 = pytest.importorskip("jinja2")

RECIPE = ROOT / "packaging" / "conda" / "meta.yaml"
#: What is called otherwise in conda's channels.
CONDA_NAMES = {"matplotlib": "matplotlib-base", "ruamel-yaml": "ruamel.yaml"}


@pytest.fixture(scope="module")
def recipe():
    """Render it as conda-build does: by jinja2, then as YAML; what nobody defines is an error."""
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=False)
    text = environment.from_string(RECIPE.read_text()).render(PYTHON="python")
    return yaml.safe_load(text)


@pytest.fixture(scope="module")
def project():
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def specifiers(lines):
    return {name: SpecifierSet(rest) for name, _, rest in (line.partition(" ") for line in lines)}


def test_its_dependencies_are_those_of_the_project(recipe, project):
    needed = [Requirement(line) for line in project["project"]["dependencies"]]
    expected = {CONDA_NAMES.get(r.name, r.name): r.specifier for r in needed}
    expected["python"] = SpecifierSet(project["project"]["requires-python"])
    assert specifiers(recipe["requirements"]["run"]) == expected


def test_it_is_built_with_what_the_project_is_built_with(recipe, project):
    host = specifiers(recipe["requirements"]["host"])
    needed = {r.name: r.specifier for r in map(Requirement, project["build-system"]["requires"])}
    assert host == {"python": SpecifierSet(project["project"]["requires-python"]),
                    "pip": SpecifierSet(), **needed}  # fmt: skip


def test_it_is_the_same_version_commands_and_licence(recipe, project):
    declared = project["project"]
    assert recipe["package"] == {"name": declared["name"], "version": declared["version"]}
    commands = dict(line.split(" = ") for line in recipe["build"]["entry_points"])
    assert commands == declared["scripts"]
    assert recipe["about"]["license"] == declared["license"]
    assert recipe["about"]["summary"] == declared["description"]
    assert (RECIPE.parent / recipe["source"]["path"]).resolve() == ROOT
    assert (ROOT / recipe["about"]["license_file"]).is_file()


def test_it_says_that_it_is_rendered_only():
    assert RECIPE.read_text().startswith("# Only rendered, never built or published")
