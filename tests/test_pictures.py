"""The pictures of the explanations are those that their script makes."""

import runpy
from pathlib import Path
from xml.etree import ElementTree

import pytest

FOLDER = Path(__file__).parents[1] / "docs/pictures"


@pytest.mark.slow
def test_the_script_makes_the_pictures_that_are_there(tmp_path):
    made = runpy.run_path(str(FOLDER / "make.py"))
    made["main"](tmp_path)
    names = sorted(path.name for path in FOLDER.glob("*.svg"))
    assert names == sorted(path.name for path in tmp_path.iterdir()) != []
    for name in names:
        there, here = (ElementTree.parse(folder / name).getroot() for folder in (FOLDER, tmp_path))
        assert there.attrib == here.attrib
        assert len(list(there.iter())) == len(list(here.iter()))
