"""The wheel and the source distribution: what is in them, and what tools say of them."""

import re
import subprocess
import sys
import tarfile
import zipfile
from configparser import ConfigParser
from email import message_from_string

import pytest
from repository import tracked

pytestmark = pytest.mark.slow

#: Folders of the repository that stand at its top, and in the package.
MAPPED = ("conf", "migrations", "plugins")
#: What a source distribution has beside the repository.
GENERATED = {"PKG-INFO", "setup.cfg"}


def members(wheel):
    """Bytes of each file of a wheel; but for the list of their hashes."""
    with zipfile.ZipFile(wheel) as file:
        return {name: file.read(name) for name in file.namelist() if not name.endswith("/RECORD")}


def test_setuptools_has_nothing_to_warn_of(built):
    lines = built[1].splitlines()
    warned = [line for line in lines if re.search("warning|deprecat|^!!", line, re.IGNORECASE)]
    # Names of our files; and that no compiled ones are kept, nor were there any to leave out.
    innocent = r"^(copying|adding|creating) |byte-compiling is disabled|matching '\*\.py\[cod\]'"
    assert [line for line in warned if not re.search(innocent, line)] == []


def test_the_index_would_take_both(wheel, archive):
    command = [sys.executable, "-m", "twine", "check", "--strict", wheel, archive]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("PASSED") == 2


def test_the_wheel_is_made_as_wheels_are(wheel):
    command = [sys.executable, "-m", "check_wheel_contents", wheel]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_wheel_holds_the_package_and_nothing_else(wheel):
    expected = {
        f"ptycho_engine/{name}" if name.startswith(tuple(f"{m}/" for m in MAPPED)) else name
        for name in tracked()
        if name.startswith(("ptycho_engine/", *(f"{m}/" for m in MAPPED)))
    }
    found = {name for name in members(wheel) if ".dist-info/" not in name}
    assert found == expected
    kinds = {
        "ptycho_engine/py.typed",
        "ptycho_engine/conf/config.yaml",
        "ptycho_engine/conf/plugin/numba.yaml",
        "ptycho_engine/migrations/README.md",
        "ptycho_engine/migrations/rules/PE001.md",
        "ptycho_engine/app/plugin_outline/hooks.py.in",
    }
    assert kinds <= found


def test_the_source_distribution_is_the_repository(archive):
    with tarfile.open(archive) as file:
        names = [m.name.partition("/")[2] for m in file.getmembers() if m.isfile()]
    found = {name for name in names if ".egg-info/" not in name} - GENERATED
    assert found == set(tracked())


def test_the_tree_makes_the_same_wheel_as_the_source_distribution(wheel, sources, tmp_path):
    """The one that is installed came from the source distribution: `python -m build` does that."""
    command = [sys.executable, "-m", "build", "--wheel", "--outdir", tmp_path, sources]
    subprocess.run(command, check=True, capture_output=True)
    (other,) = tmp_path.glob("*.whl")
    assert other.name == wheel.name
    assert members(other) == members(wheel)


def test_metadata_says_where_it_runs(wheel):
    texts = members(wheel)
    (name,) = (n for n in texts if n.endswith(".dist-info/METADATA"))
    found = message_from_string(texts[name].decode())
    assert found["License-Expression"] == "BSD-3-Clause"
    assert found["Requires-Python"] == "<3.14,>=3.11"
    assert found["Description-Content-Type"] == "text/markdown"
    assert {"Operating System :: POSIX :: Linux", "Typing :: Typed"} <= {
        *found.get_all("Classifier")
    }
    assert found.get_all("Project-URL")
    points = ConfigParser(delimiters="=")
    points.read_string(texts[name.replace("METADATA", "entry_points.txt")].decode())
    assert dict(points["console_scripts"]) == {
        "ptycho-engine": "ptycho_engine.app.command:main",
        "ptycho-migrate": "ptycho_engine.migrations.cli:main",
    }
