"""Formats that are installed for a test alone."""

import importlib.metadata
import sys

import pytest

from ptycho_engine import discovery
from ptycho_engine.io import catalogue


@pytest.fixture
def installed(monkeypatch, tmp_path):
    """Let these formats be installed beside the built-in ones: entry point's name -> code."""
    ours = tuple(importlib.metadata.entry_points(group=catalogue.FORMAT_GROUP))
    monkeypatch.syspath_prepend(tmp_path)

    def install(**codes):
        points = []
        for number, (name, code) in enumerate(codes.items()):
            module = f"format_of_a_test_{number}"
            (tmp_path / f"{module}.py").write_text(code)
            monkeypatch.delitem(sys.modules, module, raising=False)
            point = name.replace("_", "."), module, catalogue.FORMAT_GROUP
            points.append(importlib.metadata.EntryPoint(*point))
        monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: (*ours, *points))
        discovery.discover.cache_clear()

    yield install
    monkeypatch.undo()
    discovery.discover.cache_clear()
    for module in [name for name in sys.modules if name.startswith("format_of_a_test_")]:
        del sys.modules[module]
