"""``ptycho-engine --help``: the subcommands, and each key with its meaning and its choices."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Iterable, Iterator, Sequence

from ..errors import PtychoEngineError, one_of
from .outcomes import DONE, REFUSED
from .subcommands import DEFAULT, SUBCOMMANDS, Root
from .vocabulary import Key, groups, keys_of, meaning_of, plain_keys

FLAGS = (
    ("-m, --multirun", "run every combination of the values, each in a folder of its own"),
    ("--config-dir DIR", "look for configuration files there too"),
    ("--config-name NAME", "run the configuration of that name"),
    ("--cfg job", "print the composed configuration, and run nothing"),
    ("-sc install=bash", 'completion: eval "$(ptycho-engine -sc install=bash)"; zsh and fish too'),
    ("--hydra-help", "the other flags of Hydra"),
    ("--version", "print the version"),
)
#: Columns before a meaning.
MARGIN = 30


def print_manual(arguments: Sequence[str], name: str, root: Root) -> int:
    """Print the manual of a subcommand for the choices that are made; return the exit code."""
    given = dict(a.partition("=")[::2] for a in arguments if "=" in a)
    try:
        print("\n".join(manual(given, name, root)))
    except PtychoEngineError as error:
        print(f"ptycho-engine: {type(error).__name__}: {error}", file=sys.stderr)
        return REFUSED
    return DONE


def manual(given: dict[str, str], name: str = DEFAULT, root: Root | None = None) -> Iterator[str]:
    """Make the lines of the manual.

    Parameters
    ----------
    given : dict of str to str
        Choices of groups; the options of what is chosen are listed.
    name : str
        The subcommand.
    root : Root, optional
        Its configuration, if it has several.

    Raises
    ------
    PluginError
        If there is none of such a name.
    """
    from ..errors import UnknownPluginError

    subcommand = SUBCOMMANDS[name]
    root = root or subcommand.root
    assert root is not None
    if name == DEFAULT:
        yield "ptycho-engine - cut patches out of an object at its scan positions"
    else:
        yield f"ptycho-engine {name} - {subcommand.meaning}"
    yield from section("Usage", subcommand.usage)
    if name == DEFAULT:
        yield from section("Subcommands", ((n, s.meaning) for n, s in SUBCOMMANDS.items()))
    if keys := plain_keys(root.config):
        yield from section("Keys, with their defaults", map(entry, keys))
    for group in groups(root.config):
        chosen = given.get(group.name, group.default)
        if chosen not in group.choices:
            raise UnknownPluginError(one_of(group.name, chosen, group.choices))
        yield ""
        yield from folded(f"{group.name}={chosen}", group.meaning, 0)
        if len(group.choices) > 1:
            for name in group.choices:
                yield from folded(name, meaning_of(group.name, name), 4)
        for key in keys_of(group.name, chosen):
            yield from folded(*entry(key), 2)
    yield from section("Flags", FLAGS)
    yield ""
    yield from folded(
        "Exit codes", "0 done, 2 bad input or configuration, 1 fault, 130 interrupted", 0
    )


def section(title: str, rows: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Make the lines of a part of the manual."""
    yield ""
    yield title
    for term, meaning in rows:
        yield from folded(term, meaning, 2)


def entry(key: Key) -> tuple[str, str]:
    """Say what a key means, and what it takes."""
    choices = f" One of {', '.join(key.choices)}." if key.choices else ""
    return f"{key.name}={key.default}", f"{key.meaning}{choices}".strip()


def folded(term: str, meaning: str, indent: int) -> Iterator[str]:
    """Fold a meaning beside its term at the width of the terminal."""
    width = min(max(shutil.get_terminal_size((100, 24)).columns, 70), 100)
    head = " " * indent + term
    if not meaning:
        yield head
        return
    if len(head) > MARGIN - 2:
        yield head
        head = ""
    yield from textwrap.wrap(
        meaning, width - 1, initial_indent=head.ljust(MARGIN), subsequent_indent=" " * MARGIN
    )
