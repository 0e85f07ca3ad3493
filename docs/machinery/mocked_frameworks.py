"""Frameworks that autodoc mocks are taken for installed, and for whatever they are asked for."""

from __future__ import annotations

from importlib.machinery import ModuleSpec
from typing import Any

from sphinx.application import Sphinx
from sphinx.ext.autodoc.mock import MockFinder, _MockObject

found = MockFinder.find_spec


def find_spec(self: MockFinder, name: str, path: Any, target: Any = None) -> ModuleSpec | None:
    """Find a mocked module as one that has an origin, which ``extras.is_installed`` looks at."""
    spec = found(self, name, path, target)
    if spec is not None:
        spec.origin = "mocked"
    return spec


def setup(app: Sphinx) -> dict[str, bool]:
    """Replace both in Sphinx, in this process."""
    MockFinder.find_spec = find_spec  # type: ignore[method-assign]
    # Keras is asked which backend it runs on.
    _MockObject.__ne__ = lambda self, other: False  # type: ignore[method-assign]
    return {"parallel_read_safe": True}
