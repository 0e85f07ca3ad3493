"""Which names are public, read from the sources: no framework is imported to know them."""

from __future__ import annotations

import ast
from importlib.util import find_spec
from pathlib import Path

#: The modules whose ``__all__`` is public, each with a line for the reference.
MODULES = {
    "ptycho_engine": "cut, place, group, simulate, read and write",
    "ptycho_engine.geometry": "positions, frames, anchors and kernels",
    "ptycho_engine.layers": "layers for Keras",
    "ptycho_engine.layers.torch": "the same layers as modules of torch",
    "ptycho_engine.plugin": "all that the author of a plugin or a format imports",
    "ptycho_engine.testing": "what tests of a plugin inherit and compare with",
    "ptycho_engine.compat": "PtychoPINN's functions and settings; until 2.0",
    "ptycho_engine.compat.comparison": "how far the legacy numbers lie from ours; until 2.0",
}
#: Public names of modules that declare no ``__all__``, since other rooms use the rest.
NAMED = {
    "ptycho_engine.data.simulation.recipe": (
        "settings of what is simulated",
        ("ObjectSettings", "ProbeSettings", "TrajectorySettings", "BeamSettings"),
    ),
    "ptycho_engine.testing.strategies": (
        "Hypothesis strategies of what plugins are asked for",
        ("cases", "coordinates", "images", "positions", "shapes"),
    ),
    "ptycho_engine.data.detector.detector_settings": (
        "frames of a detector made ready",
        ("Preparation", "prepare"),
    ),
}
ERRORS = "ptycho_engine.errors"


def source_of(module: str) -> Path:
    """Return the file of a module."""
    package, _, name = module.rpartition(".")
    if not package:
        spec = find_spec(module)
        assert spec is not None
        assert spec.origin is not None
        return Path(spec.origin)
    folder = source_of(package).parent
    inner = folder / name / "__init__.py"
    return inner if inner.is_file() else folder / f"{name}.py"


def declared(module: str) -> list[str]:
    """Return the ``__all__`` of a module."""
    for node in ast.parse(source_of(module).read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return [str(name) for name in ast.literal_eval(node.value)]
    raise LookupError(f"{module}: has no __all__.")


def classes(module: str) -> dict[str, list[str]]:
    """Return the public classes that a module defines, with their bases."""
    body = ast.parse(source_of(module).read_text(encoding="utf-8")).body
    found = [node for node in body if isinstance(node, ast.ClassDef) and node.name[0] != "_"]
    return {node.name: [ast.unparse(base) for base in node.bases] for node in found}


def home(module: str, name: str) -> tuple[str, str]:
    """Return the module that defines a name, and what it is called there.

    Imports for type checkers count: packages that import lazily have no others.
    """
    tree = ast.parse(source_of(module).read_text(encoding="utf-8"))
    package = module if source_of(module).name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level:
            above = package.split(".")[: package.count(".") + 2 - node.level]
            target = ".".join([*above, *([node.module] if node.module else [])])
            for alias in node.names:
                if (alias.asname or alias.name) == name and target != module:
                    return home(target, alias.name)
    return module, name


def constant(module: str, name: str) -> tuple[str, str] | None:
    """Return value and comment of a name that is assigned in a module; None for all others."""
    text = source_of(module).read_text(encoding="utf-8")
    for node in ast.parse(text).body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        if any(isinstance(target, ast.Name) and target.id == name for target in targets):
            assert isinstance(node, ast.Assign | ast.AnnAssign)
            said, line = [], node.lineno - 2
            while text.splitlines()[line].startswith("#: "):
                said.insert(0, text.splitlines()[line].removeprefix("#: "))
                line -= 1
            return (ast.unparse(node.value) if node.value else "", " ".join(said))
    return None


def public_names() -> dict[str, list[str]]:
    """Return the public names of each public module."""
    names = {module: declared(module) for module in MODULES}
    names |= {module: list(chosen) for module, (_, chosen) in NAMED.items()}
    names[ERRORS] = list(classes(ERRORS))
    return names
