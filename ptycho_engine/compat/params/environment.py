"""The environment variables of legacy code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .sources import Given
from .spellings import TRUE


@dataclass(frozen=True)
class Variable:
    """What one variable means.

    Attributes
    ----------
    name : str
        The variable.
    key, value : str, object
        The legacy parameter that it sets, and to what.
    when : frozenset of str
        The texts, in lower case, that do so; legacy code ignores any other.
    deprecation : str
        Its entry in the table of deprecations.
    """

    name: str
    key: str
    value: Any
    when: frozenset[str]
    deprecation: str


_OFF, _ON = frozenset({"0", "false", "no"}), frozenset({"1", "true", "yes"})

VARIABLES: tuple[Variable, ...] = (
    Variable("USE_XLA_TRANSLATE", "use_xla_translate", False, _OFF, "PED025"),
    Variable("USE_XLA_COMPILE", "use_xla_compile", True, _ON, "PED026"),
    # Named in planning notes only: no legacy code reads it, users set it all the same.
    Variable("TF_DISABLE_XLA_TRANSLATE", "use_xla_translate", False, TRUE, "PED027"),
)


def from_environment(environ: Mapping[str, str]) -> tuple[list[Given], dict[str, str]]:
    """Read the legacy variables.

    Parameters
    ----------
    environ : mapping of str to str
        For instance ``os.environ``.

    Returns
    -------
    given : list of Given
        What they set.
    ignored : dict of str to str
        Variables whose text sets nothing, each with the reason.
    """
    given, ignored = [], {}
    for variable in VARIABLES:
        text = environ.get(variable.name)
        if text is None:
            continue
        source = f"environment: {variable.name}={text}"
        if text.strip().lower() in variable.when:
            given.append(Given(variable.key, variable.value, source, variable.deprecation))
        else:
            texts = ", ".join(sorted(variable.when))
            ignored[source] = f"legacy code heeds only {texts}"
    return given, ignored
