"""What a command line may hold at all, before Hydra's grammar reads it.

The grammar is recursive and slow; file systems and Python refuse long names and numbers with errors
of their own. No setting comes near these limits.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..errors import ConfigurationError, one_line
from ..io.documents import check_values
from ..io.objects.urls import refuse_secrets

#: Characters of an argument, and of a word in it, which a name of a file has at most; brackets
#: within brackets.
LONGEST, LONGEST_WORD, DEEPEST = 30_000, 255, 20
#: Runs that the ranges of a sweep come to.
MOST_RUNS = 10_000
INTERPOLATION = re.compile(r"\$\{[^{}]*\}")
RANGE = re.compile(r"\brange\(([^()]*)\)")
OPENING, CLOSING = "([{", ")]}"
#: Keys that make Hydra call what they name.
CALLS = {"_target_", "_args_", "_partial_", "_recursive_", "_convert_"}
WORD = re.compile(rf"[^\s/,:=()\[\]{{}}'\"]{{{LONGEST_WORD + 1},}}")
#: ``+key``, ``~group@package``, ``hydra/launcher``: something on either side of what parts it.
KEY = re.compile(r"(\+{1,2}|~)?[^\s+~@=][^\s@=]*(@[^\s@=]+)?")


def check_arguments(arguments: Sequence[str]) -> None:
    """Refuse arguments that no run could mean, each in words.

    Parameters
    ----------
    arguments : sequence of str
        Flags and overrides.

    Raises
    ------
    ConfigurationError
        If one is too long or too deep, has no key, holds a URL with credentials, or would have
        Hydra call something; if ranges come to too many runs.
    """
    for argument in arguments:
        # Before anything repeats it, such as the files of a sweep.
        refuse_secrets(INTERPOLATION.sub("", argument))
        shown = one_line(argument, 60)
        if len(argument) > LONGEST:
            raise ConfigurationError(
                f"{shown}: takes {len(argument)} characters. Expected at most {LONGEST}. Put it "
                "into a configuration file, and name that with --config-dir and --config-name."
            )
        if WORD.search(argument):
            raise ConfigurationError(
                f"{shown}: holds a name or number of more than {LONGEST_WORD} characters. Expected "
                "less."
            )
        if _depth(argument) > DEEPEST:
            raise ConfigurationError(
                f"{shown}: nests brackets deeper than {DEEPEST} levels. Expected fewer."
            )
        key = argument.partition("=")[0]
        if "=" in argument and not argument.startswith("-") and not KEY.fullmatch(key):
            raise ConfigurationError(
                f"{shown}: has no key. Expected KEY=VALUE. Name a file to write with '=' in its "
                f'name by its key: "output.path={shown}".'
            )
        refuse_calls(re.split(r"[./@]", key.lstrip("+~")))
    runs = math.prod(
        max(1.0, _range_length(found)) for a in arguments for found in RANGE.findall(a)
    )
    if runs > MOST_RUNS:
        raise ConfigurationError(
            f"range: comes to {runs:.3g} runs. Expected at most {MOST_RUNS}. Choose shorter ranges."
        )


def _range_length(inside: str) -> float:
    """Values of a range, of what stands in its brackets; 1 of what the grammar will refuse."""
    named: dict[str, float] = {}
    given: list[float] = []
    try:
        for part in inside.split(","):
            name, equals, number = part.rpartition("=")
            if equals:
                named[name.strip()] = float(number)
            else:
                given.append(float(number))
        names = ("stop",) if len(given) == 1 and "stop" not in named else ("start", "stop", "step")
        named |= dict(zip(names, given, strict=False))
        return abs((named["stop"] - named.get("start", 0.0)) / named.get("step", 1.0))
    except (ValueError, KeyError, ZeroDivisionError):
        return 1.0


def _depth(argument: str) -> int:
    depth = deepest = 0
    for character in argument:
        depth += (character in OPENING) - (character in CLOSING)
        deepest = max(deepest, depth)
    return deepest


def refuse_calls(keys: Iterable[object]) -> None:
    """Refuse keys by which Hydra makes objects: nothing in a job is made so.

    Raises
    ------
    ConfigurationError
        Naming the key.
    """
    for key in keys:
        if key in CALLS:
            raise ConfigurationError(
                f"{key}: would have Hydra call what it names, and no setting here is made so. "
                "Expected the settings themselves. Leave it out."
            )


def check_configuration(config: Mapping[str, Any]) -> None:
    """Refuse a composed configuration with values that none of them has, whoever set them.

    Parameters
    ----------
    config : mapping of str to object
        Plain dictionaries and lists.

    Raises
    ------
    ConfigurationError
        If a whole number takes more than 64 bits, or something would be called.
    """
    try:
        check_values(config)
    except ValueError as error:
        raise ConfigurationError(
            f"the configuration cannot be used: {one_line(error)}. Expected numbers and lists of "
            "usual size."
        ) from error
    left: list[Any] = [config]
    while left:
        item = left.pop()
        if isinstance(item, dict):
            refuse_calls(item)
            left += item.values()
        elif isinstance(item, list):
            left += item
