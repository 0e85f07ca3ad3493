"""Plugins and formats of others, installed with pip beside the engine, good and bad ones."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.slow

EXAMPLES = Path(__file__).parents[2] / "examples"
EXAMPLE = EXAMPLES / "numpy_plugin"
FORMAT = EXAMPLES / "text_format"

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
    folder = tmp_path_factory.mktemp("example")
    for example in (EXAMPLE, FORMAT):
        sources = folder / example.name
        shutil.copytree(example, sources, ignore=shutil.ignore_patterns("build", "*.egg-info"))
        installed.pip("install", "--quiet", "--no-deps", sources)
    yield installed
    installed.pip("uninstall", "--quiet", "--yes", "ptycho-numpy-slices", "ptycho-text-format")


@pytest.fixture(scope="module")
def with_bad_plugins(with_example, tmp_path_factory):
    for name, (entry, code) in BAD.items():
        folder = tmp_path_factory.mktemp(name)
        (folder / "pyproject.toml").write_text(
            PYPROJECT.format(name=name.replace("_", "-"), entry=entry, module=name)
        )
        (folder / f"{name}.py").write_text(code)
        with_example.pip("install", "--quiet", "--no-deps", "--no-build-isolation", folder)
    yield with_example
    with_example.pip("uninstall", "--quiet", "--yes", *(n.replace("_", "-") for n in BAD))


def run_engine(environment, folder, *arguments):
    return environment.run(
        "ptycho-engine", "scan.points=20", "patch_size=16", *arguments, cwd=folder
    )


def test_example_is_listed_and_selected_with_its_own_option(with_example, tmp_path):
    listed = with_example.run("ptycho-engine", "plugins", "--json", cwd=tmp_path)
    states = {state["name"]: state for state in json.loads(listed.stdout)}
    assert states["numpy_slices"]["distribution"] == "ptycho-numpy-slices"
    assert states["numpy_slices"]["state"] == "ok"
    assert states["text"]["distribution"] == "ptycho-text-format"
    assert (states["text"]["suffixes"], states["text"]["state"]) == ([".txt"], "ok")
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


@pytest.fixture
def text_scan(tmp_path):
    rng = np.random.default_rng(0)
    np.save(tmp_path / "object.npy", rng.normal(size=(40, 50)).astype(np.float32))
    lines = [f"{y} {x}" for y, x in rng.uniform(10, 30, (20, 2))]
    (tmp_path / "scan.txt").write_text("\n".join(["# object: object.npy", *lines]))
    return tmp_path


def test_example_format_is_chosen_by_name_with_its_own_option(with_example, text_scan):
    done = with_example.run(
        "ptycho-engine", "scan=text", "scan.path=scan.txt", "scan.pixel_size=2.0", "patch_size=8",
        "plugin=numpy_slices", cwd=text_scan,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = np.load(text_scan / "patches.npz")
    expected = np.loadtxt(text_scan / "scan.txt") / 2
    np.testing.assert_array_equal(found["positions"], expected)
    assert found["patches"].shape == (20, 8, 8)
    scan = json.loads(str(found["configuration"]))["scan"]
    assert scan == {"format": "text", "path": "scan.txt", "pixel_size": 2.0}


def test_example_format_is_chosen_by_suffix(with_example, text_scan):
    done = with_example.run(
        "ptycho-engine", "scan=file", "scan.path=scan.txt", "patch_size=8", "plugin=numpy_slices",
        cwd=text_scan,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = np.load(text_scan / "patches.npz")
    np.testing.assert_array_equal(found["positions"], np.loadtxt(text_scan / "scan.txt"))


@pytest.mark.parametrize(
    ("override", "words"),
    [("scan.pixel=2", "scan.pixel_size"), ("scan.pixel_size=-1", "pixel_size: received -1")],
)
def test_example_format_refuses_options(with_example, text_scan, override, words):
    done = with_example.run(
        "ptycho-engine", "scan=text", "scan.path=scan.txt", override, cwd=text_scan
    )
    assert done.returncode == 2
    assert words in done.stderr
    assert not (text_scan / "patches.npz").exists()


@pytest.mark.parametrize("example", [EXAMPLE, FORMAT], ids=lambda path: path.name)
def test_tests_of_an_example_pass(with_example, tmp_path, example):
    (test,) = (example / "tests").glob("test_*.py")
    test = shutil.copy(test, tmp_path)
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
