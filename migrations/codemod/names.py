"""The legacy names the rules look for, taken from the table of deprecations."""

from __future__ import annotations

import re
from functools import cache
from types import MappingProxyType
from typing import Final

from ptycho_engine.deprecation.table import TABLE, Deprecation

COMPAT: Final = "ptycho_engine.compat"

#: Names that legacy code asks for in a module that no longer has them, and where they are now.
MOVED: Final = MappingProxyType(
    {"ptycho.loader.reassemble_position": "ptycho.tf_helper.reassemble_position"}
)

#: Modules whose functions of the same name gave other numbers in some generations of PtychoPINN.
OLDER_GENERATIONS: Final = ("ptycho.loader.",)

#: Functions and classes through which legacy parameters are set.
PARAMETERS_MODULE: Final = "ptycho.params"
CONFIG_MODULE: Final = "ptycho.config.config"
CONFIG_CLASSES: Final = tuple(
    f"{CONFIG_MODULE}.{name}" for name in ("ModelConfig", "TrainingConfig", "InferenceConfig")
)

#: The legacy method that became a function: its name, and what makes the objects that have it.
GROUPING: Final = "ptycho.raw_data.RawData.generate_grouped_data"
GROUPING_METHOD: Final = GROUPING.rpartition(".")[2]
GROUPING_CLASSES: Final = (GROUPING.rpartition(".")[0],)
GROUPING_FACTORIES: Final = tuple(
    f"{GROUPING_CLASSES[0]}.{name}"
    for name in ("from_file", "from_coords_without_pc", "from_simulation")
)


@cache
def drop_ins() -> dict[str, Deprecation]:
    """Return the entries of the legacy functions by qualified name."""
    known = {
        name: entry
        for entry in TABLE
        if entry.old.startswith(f"{COMPAT}.")
        for name in entry.legacy
    }
    return known | {old: known[new] for old, new in MOVED.items() if new in known}


def drop_in(name: str) -> Deprecation | None:
    """Return the entry of a legacy function by its qualified name."""
    return drop_ins().get(name)


@cache
def drop_in_leaves() -> frozenset[str]:
    """Return the unqualified names of the legacy functions."""
    return frozenset(name.rpartition(".")[2] for name in drop_ins())


def drop_in_modules() -> frozenset[str]:
    """Return the legacy modules that define them."""
    return frozenset(name.rpartition(".")[0] for name in drop_ins())


@cache
def parameters() -> dict[str, Deprecation]:
    """Return the entries of the parameters that choose how the engine works, by key."""
    return {key: e for e in TABLE if e.kind == "parameter" for key in e.legacy}


@cache
def variables() -> dict[str, Deprecation]:
    """Return the entries of the environment variables, by name."""
    return {e.old: e for e in TABLE if e.kind == "variable"}


@cache
def plugins() -> dict[str, Deprecation]:
    """Return the entries of the plugins, by name."""
    return {e.old: e for e in TABLE if e.kind == "plugin"}


@cache
def _worth_parsing() -> re.Pattern[str]:
    names = sorted({*drop_in_leaves(), *parameters(), *variables()})
    words = "|".join(map(re.escape, names))
    star = r"from\s+ptycho[\w.]*\s+import\s*\*"
    whole = r"cfg\s*\.\s*(?:clear|copy)\b|\*\*\s*[\w.]*cfg\b|(?:dict|copy)\s*\(\s*[\w.]*cfg\b"
    plugin = "|".join(map(re.escape, sorted(plugins())))
    return re.compile(rf"(?<!\w)(?:{words})(?!\w)|{star}|{whole}|[\"'](?:{plugin})[\"']")


def may_concern(text: str) -> bool:
    """Tell, without parsing, whether a source may use a legacy name.

    A name can only be imported by spelling it, so that nothing is missed.
    """
    return "ptycho" in text.lower() and _worth_parsing().search(text) is not None
