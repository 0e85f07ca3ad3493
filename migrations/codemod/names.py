"""The legacy names the rules look for, taken from the table of deprecations."""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import Final

from ptycho_engine.deprecation.table import TABLE

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


#: The entries of the legacy functions by qualified name, of the parameters that choose how the
#: engine works by key, of the environment variables and of the plugins by name.
_KNOWN = {n: e for e in TABLE if e.old.startswith(f"{COMPAT}.") for n in e.legacy}
DROP_INS: Final = _KNOWN | {old: _KNOWN[new] for old, new in MOVED.items() if new in _KNOWN}
PARAMETERS: Final = {key: e for e in TABLE if e.kind == "parameter" for key in e.legacy}
VARIABLES: Final = {e.old: e for e in TABLE if e.kind == "variable"}
PLUGINS: Final = {e.old: e for e in TABLE if e.kind == "plugin"}
#: The unqualified names of the legacy functions, and the modules that define them.
LEAVES: Final = frozenset(name.rpartition(".")[2] for name in DROP_INS)
MODULES: Final = frozenset(name.rpartition(".")[0] for name in DROP_INS)


def _worth_parsing() -> re.Pattern[str]:
    words = "|".join(map(re.escape, sorted({*LEAVES, *PARAMETERS, *VARIABLES})))
    star = r"from\s+ptycho[\w.]*\s+import\s*\*"
    whole = r"cfg\s*\.\s*(?:clear|copy)\b|\*\*\s*[\w.]*cfg\b|(?:dict|copy)\s*\(\s*[\w.]*cfg\b"
    plugin = "|".join(map(re.escape, sorted(PLUGINS)))
    return re.compile(rf"(?<!\w)(?:{words})(?!\w)|{star}|{whole}|[\"'](?:{plugin})[\"']")


_WORTH_PARSING = _worth_parsing()


def may_concern(text: str) -> bool:
    """Tell, without parsing, whether a source may use a legacy name.

    A name can only be imported by spelling it, so that nothing is missed.
    """
    return "ptycho" in text.lower() and _WORTH_PARSING.search(text) is not None
