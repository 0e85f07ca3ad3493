"""Plugins of other distributions, installed with pip beside the engine, good ones and bad ones."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.slow

EXAMPLE = Path(__file__).parents[2] / "examples" / "numpy_plugin"

PYPROJECT = """
[build-system]
requires = ["setuptools>=77"]
build-backend = "setuptools.build_meta"
[project]
name = "{name}"
version = "0.1"
[project.entry-points."ptycho_engine.plugins"]
{entry}
[tool.setuptools]
py-modules = ["{module}"]
"""

BAD = {
    "broken_import": ("broken = 'broken_import'", "import a_package_that_is_not_there\n"),
    "taken_name": ("batched = 'taken_name'", "raise SystemExit('listing imported me')\n"),
    "misspelt_hook": (
        "misspelt = 'misspelt_hook'",
        "from ptycho_engine import hookimpl\n@hookimpl\ndef extract_patch(request): return None\n",
    ),
}


@pytest.fixture(scope="module")
def with_example(installed, tmp_path_factory):
    folder = tmp_path_factory.mktemp("example") / "numpy_plugin"
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns("build", "*.egg-info"))
    installed.pip("install", "--quiet", "--no-deps", folder)
    yield installed
    installed.pip("uninstall", "--quiet", "--yes", "ptycho-numpy-plugin")


@pytest.fixture(scope="module")
def with_bad_plugins(with_example, tmp_path_factory):
    for name, (entry, code) in BAD.items():
        folder = tmp_path_factory.mktemp(name)
        (folder / "pyproject.toml").write_text(
            PYPROJECT.format(name=name.replace("_", "-"), entry=entry, module=name)
        )
        (folder / f"{name}.py").write_text(code)
        with_example.pip("install", "--quiet", "--no-deps", folder)
    yield with_example
    with_example.pip("uninstall", "--quiet", "--yes", *(n.replace("_", "-") for n in BAD))


def run_engine(environment, folder, *arguments):
    return environment.run(
        "ptycho-engine", "scan.points=20", "patch_size=16", *arguments, cwd=folder
    )


def test_example_is_listed_and_selected_with_its_own_option(with_example, tmp_path):
    listed = with_example.run("ptycho-engine", "plugins", "--json", cwd=tmp_path)
    states = {state["name"]: state for state in json.loads(listed.stdout)}
    assert states["numpy_slices"]["distribution"] == "ptycho-numpy-plugin"
    assert states["numpy_slices"]["state"] == "ok"
    done = run_engine(with_example, tmp_path, "plugin=numpy_slices", "plugin.double_sum=true")
    assert done.returncode == 0, done.stderr
    assert "double_sum" in done.stderr
    ours = run_engine(with_example, tmp_path, "output.path=ours.npz")
    assert ours.returncode == 0, ours.stderr
    theirs, mine = (np.load(tmp_path / f) for f in ("patches.npz", "ours.npz"))
    np.testing.assert_allclose(theirs["patches"], mine["patches"], atol=1e-6)
    assert json.loads(str(theirs["provenance"]))["plugin_options"] == {"double_sum": True}


def test_example_refuses_an_unknown_option(with_example, tmp_path):
    done = run_engine(with_example, tmp_path, "plugin=numpy_slices", "plugin.triple_sum=true")
    assert done.returncode == 2
    assert "plugin.double_sum" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_example_inherits_the_conformance_suite(with_example, tmp_path):
    test = tmp_path / "test_numpy_plugin.py"
    shutil.copy(EXAMPLE / "tests" / test.name, test)
    done = with_example.run("python", "-m", "pytest", "-q", test, cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    assert " passed" in done.stdout


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("broken", ["PluginLoadError", "a_package_that_is_not_there", "broken-import"]),
        ("batched", ["taken 2 times", "taken_name", "Uninstall"]),
        ("misspelt", ["extract_patch", "extract_patches", "hook"]),
    ],
)
def test_bad_plugins_are_named(with_bad_plugins, tmp_path, name, words):
    done = run_engine(with_bad_plugins, tmp_path, f"plugin={name}")
    assert done.returncode == 2
    for word in words:
        assert word in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_other_plugins_work_beside_bad_ones(with_bad_plugins, tmp_path):
    done = run_engine(with_bad_plugins, tmp_path, "plugin=numpy_slices")
    assert done.returncode == 0, done.stderr
    listed = with_bad_plugins.run("ptycho-engine", "plugins", "--check", "--json", cwd=tmp_path)
    assert listed.returncode == 1
    states = [(state["name"], state["state"]) for state in json.loads(listed.stdout)]
    assert ("batched", "name taken 2 times") in states
    assert any(n == "broken" and "a_package_that_is_not_there" in s for n, s in states)
    assert ("chunked_xla", "ok") in states
