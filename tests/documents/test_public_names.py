"""The reference knows every module with public names."""

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
#: Modules with an ``__all__`` that is for other rooms of the package.
INNER = {"ptycho_engine.layers.keras_backend"}


@pytest.fixture
def names(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "docs" / "machinery"))
    import public_names

    yield public_names
    sys.modules.pop("public_names")


def modules():
    for path in sorted((ROOT / "ptycho_engine").rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
                yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def test_every_module_with_public_names_is_in_the_reference(names):
    assert {*modules()} - INNER == {*names.MODULES}


def test_what_is_named_exists(names):
    import importlib

    for module, (_, chosen) in names.NAMED.items():
        assert all(hasattr(importlib.import_module(module), name) for name in chosen)


def test_homes_are_where_names_are_defined(names):
    assert names.home("ptycho_engine", "Engine") == ("ptycho_engine.engine", "Engine")
    assert names.home("ptycho_engine.plugin", "Plan") == names.home("ptycho_engine", "Plan")
    compat, ours = (names.home(m, "translate") for m in ("ptycho_engine.compat", "ptycho_engine"))
    assert compat != ours
    assert names.constant("ptycho_engine.geometry.cut", "FILLS")[0] == "get_args(Fill)"
    assert names.constant("ptycho_engine.geometry.cut", "Cut") is None
