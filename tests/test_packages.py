"""What is installed: every folder is listed, since to setuptools folders of data are packages."""

import tomllib
from pathlib import PurePosixPath

import yaml
from repository import ROOT, tracked

SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]


def test_every_folder_with_files_is_a_package():
    places = {folder: package for package, folder in SETTINGS["package-dir"].items()}
    folders = {PurePosixPath(name).parent for name in tracked()}
    found = {
        ".".join([places[folder.parts[0]], *folder.parts[1:]])
        for folder in folders
        if folder.parts and folder.parts[0] in places
    }
    assert sorted(found) == sorted(SETTINGS["packages"])


def test_the_citation_has_the_version_of_the_project():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["version"] == project["version"]
    assert citation["license"] == project["license"]
    assert citation["title"] == project["name"]
