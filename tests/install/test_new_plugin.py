"""What ``ptycho-engine new-plugin`` writes, installed and put to work as it says."""

import json
import shlex

import numpy as np
import pytest

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def written(installed, tmp_path_factory):
    folder = tmp_path_factory.mktemp("written")
    done = installed.run("ptycho-engine", "new-plugin", "fast_slices", cwd=folder)
    assert done.returncode == 0, done.stderr
    install, test, run = (shlex.split(line) for line in done.stderr.splitlines()[1:])
    # Without the extra, which asks an index for the engine; what it brings is there.
    assert install[:3] == ["pip", "install", "--editable"]
    assert install[3].endswith("fast_slices[testing]")
    source = install[3].removesuffix("[testing]")
    installed.pip("install", "--quiet", "--no-deps", "--no-build-isolation", "--editable", source)
    yield folder, test, run
    installed.pip("uninstall", "--quiet", "--yes", "ptycho-fast-slices")


def test_its_own_tests_pass(installed, written):
    folder, test, _ = written
    done = installed.run("python", "-m", *test, "-q", cwd=folder)
    assert done.returncode == 0, done.stdout
    assert " passed" in done.stdout
    assert "failed" not in done.stdout


def test_it_cuts_what_others_cut(installed, written, tmp_path):
    _, _, command = written
    small = ("scan.points=20", "patch_size=16")
    done = installed.run(*command, "plugin.double_sum=true", *small, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    ours = installed.run(
        "ptycho-engine", "plugin=numba", "output.path=ours.npz", *small, cwd=tmp_path
    )
    assert ours.returncode == 0, ours.stderr
    theirs, mine = (np.load(tmp_path / name) for name in ("patches.npz", "ours.npz"))
    np.testing.assert_allclose(theirs["patches"], mine["patches"], rtol=0, atol=1e-6)
    provenance = json.loads(str(theirs["provenance"]))
    assert (provenance["plugin"], provenance["plugin_options"]) == (
        "fast_slices", {"double_sum": True},
    )  # fmt: skip


def test_the_listing_puts_it_to_work(installed, written, tmp_path):
    listed = installed.run("ptycho-engine", "plugins", "--check", "--json", cwd=tmp_path)
    assert listed.returncode == 0, listed.stdout
    states = {state["name"]: state for state in json.loads(listed.stdout)}
    assert states["fast_slices"]["state"] == "ok"
    assert states["fast_slices"]["distribution"] == "ptycho-fast-slices"


def test_its_options_have_help(installed, written, tmp_path):
    text = installed.run("ptycho-engine", "--help", "plugin=fast_slices", cwd=tmp_path).stdout
    assert "plugin.double_sum=false" in text
    assert "Sum the samples in double precision." in text


def test_its_name_is_taken_now(installed, written, tmp_path):
    done = installed.run("ptycho-engine", "new-plugin", "fast_slices", cwd=tmp_path)
    assert done.returncode == 2
    assert "'fast_slices' is the name of a plugin already" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_it_makes_a_wheel_with_its_options(installed, written, tmp_path):
    folder, *_ = written
    installed.pip(
        "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", tmp_path,
        folder / "fast_slices",
    )  # fmt: skip
    (wheel,) = tmp_path.glob("*.whl")
    listed = installed.run("python", "-m", "zipfile", "-l", wheel, cwd=tmp_path).stdout
    assert "ptycho_fast_slices/__init__.py" in listed
    assert "ptycho_fast_slices/conf/plugin/fast_slices.yaml" in listed
    assert "test_" not in listed
