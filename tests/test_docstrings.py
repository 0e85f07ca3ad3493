"""The examples in docstrings run and give what they say."""

import doctest
import importlib
import pkgutil
from pathlib import Path

import numpy as np
import pytest

import ptycho_engine

#: What examples need, beside what their module does.
NEEDED = {"ptycho_engine.lazy": "dask.array"}


def modules_with_examples():
    """Names of the modules whose text holds an example; none is imported for that."""
    root = Path(ptycho_engine.__file__).parent
    for found in pkgutil.walk_packages([str(root)], "ptycho_engine.", onerror=lambda name: None):
        spec = found.module_finder.find_spec(found.name)
        if spec and spec.origin and ">>> " in Path(spec.origin).read_text(encoding="utf-8"):
            yield found.name


@pytest.mark.filterwarnings("ignore::ptycho_engine.RemovedIn2Warning")
@pytest.mark.parametrize("name", sorted(modules_with_examples()))
def test_examples(name):
    if name in NEEDED:
        pytest.importorskip(NEEDED[name])
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE, verbose=False)
    examples = doctest.DocTestFinder(exclude_empty=True).find(importlib.import_module(name))
    with np.printoptions(precision=8):
        for example in examples:
            failed, _ = runner.run(example)
            assert failed == 0, f"{name}: {example.name}, line {example.lineno}"
    assert runner.tries > 0


def test_the_engine_shows_how_it_is_used():
    assert "ptycho_engine.engine" in set(modules_with_examples())
