"""Completion in a shell: subcommands, keys, choices and files, found from what was typed so far."""

from __future__ import annotations

import os
import re
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from ..errors import PtychoEngineError
from .outcomes import DONE, REFUSED
from .subcommands import DEFAULT, SUBCOMMANDS, sort_subcommand
from .vocabulary import PATHS, every_key, groups

#: For each shell what installs completion, and what takes it back. bash replaces what comes after
#: the last character at which it breaks words, zsh and fish whole words; fish quotes them itself.
SCRIPTS = {
    "bash": (
        """_ptycho_engine() {
    local IFS=$'\\n'
    COMPREPLY=($(COMP_LINE="$COMP_LINE" COMP_POINT="$COMP_POINT" "$1" -sc query=bash 2>/dev/null))
}
complete -o nospace -F _ptycho_engine ptycho-engine""",
        "complete -r ptycho-engine; unset -f _ptycho_engine",
    ),
    "zsh": (
        """(( $+functions[compdef] )) || { autoload -Uz compinit && compinit -D }
_ptycho_engine() {
    local line="${(j: :)words[1,CURRENT]}"
    compadd -Q -S '' -- "${(f@)$(COMP_LINE="$line" "$words[1]" -sc query=zsh 2>/dev/null)}"
}
compdef _ptycho_engine ptycho-engine""",
        "compdef -d ptycho-engine; unfunction _ptycho_engine",
    ),
    "fish": (
        """function __ptycho_engine
    set -l words (commandline -opc)
    COMP_LINE=(commandline -cp) $words[1] -sc query=fish 2>/dev/null
end
complete -c ptycho-engine -f -a '(__ptycho_engine)'""",
        "complete -e -c ptycho-engine; functions -e __ptycho_engine",
    ),
}
FLAGS = ("--multirun", "--help", "--config-dir", "--config-name", "--cfg", "--version")
#: Those of subcommands that take no settings.
OWN_FLAGS = {"plugins": ("--check", "--json"), "info": ("--json",), "new-plugin": ("--folder",)}


def answer(arguments: Sequence[str]) -> int:
    """Print what ``-sc`` asks for: a script to evaluate, or the words that could come next."""
    asked = (re.fullmatch(r"(install|uninstall|query)=(\w+)", argument) for argument in arguments)
    action, shell = next((found.groups() for found in asked if found), ("", ""))
    if shell not in SCRIPTS:
        print(
            f"ptycho-engine: -sc: received {shell or 'no shell'}. Expected install, uninstall or "
            f"query, of {', '.join(SCRIPTS)}, as in -sc install=bash.",
            file=sys.stderr,
        )
        return REFUSED
    if action == "query":
        line = os.environ.get("COMP_LINE", "")
        point = os.environ.get("COMP_POINT", "")
        typed = line[: int(point)] if point.isdecimal() else line
        with suppress(PtychoEngineError):  # of which the run complains
            print("\n".join(completions(typed, shell)))
    else:
        install, uninstall = SCRIPTS[shell]
        print(install if action == "install" else uninstall)
    sys.stdout.flush()
    return DONE


def completions(line: str, shell: str = "bash") -> list[str]:
    """Find what could complete a line.

    Parameters
    ----------
    line : str
        The command as typed, up to the cursor.
    shell : {"bash", "fish", "zsh"}
        Who asks.

    Returns
    -------
    list of str
        In order; escaped and with a space after what is complete, but for fish, which does both;
        for bash from the last ``=`` or ``:`` on.
    """
    words = split(line)
    if len(words) < 2:
        return []
    before, word = words[1:-1], words[-1]
    found = sorted(dict.fromkeys(_candidates(before, word)))
    if shell == "fish":
        return [candidate.removesuffix(" ") for candidate in found]
    begun = max(word.rfind("="), word.rfind(":")) + 1 if shell == "bash" else 0
    return [_escaped(candidate[begun:]) for candidate in found]


def split(line: str) -> list[str]:
    """Split a line into words, the last one perhaps empty; a quote may still be open."""
    for closing in ("", "'", '"'):
        try:
            words = shlex.split(f"{line}{closing}")
        except ValueError:
            continue
        new = re.search(r"(?<!\\)\s$", line) and not closing
        return [*words, ""] if new else words
    return []


def _candidates(before: Sequence[str], word: str) -> Iterator[str]:
    subcommand = before[0] if before and before[0] in SUBCOMMANDS else ""
    if not before:
        yield from (f"{name} " for name in SUBCOMMANDS if name.startswith(word))
    if before[-1:] in (["--config-dir"], ["-cd"], ["--folder"]):
        yield from files(word)
        return
    if subcommand in OWN_FLAGS:
        yield from (f"{f} " for f in OWN_FLAGS[subcommand] if f.startswith(word))
        return
    root, before = SUBCOMMANDS[subcommand or DEFAULT].chosen(sort_subcommand([*before])[1])
    assert root is not None
    if word.startswith("-"):
        yield from (f"{flag} " for flag in (*FLAGS, *root.flags) if flag.startswith(word))
        return
    key, equals, value = word.partition("=")
    chosen = dict(argument.partition("=")[::2] for argument in before if "=" in argument)
    if equals:
        yield from (f"{key}={v}" for v in _values(key, value, chosen, root.config))
    else:
        if subcommand and not before:
            variants = SUBCOMMANDS[subcommand].variants
            yield from (f"{name} " for name in variants if name.startswith(word))
        names = [k.name for k in (*groups(root.config), *every_key(chosen, root.config))]
        names += ["scan.path"] if "scan" in {g.name for g in groups(root.config)} else []
        yield from (f"{name}=" for name in names if name.startswith(word))
        yield from files(word)


def _values(key: str, value: str, chosen: Mapping[str, str], root: str) -> Iterator[str]:
    """Complete the value of a key, in a list of several its last one."""
    if key in PATHS:
        yield from files(value)
        return
    before, comma, last = value.rpartition(",")
    for known in (*groups(root), *every_key(dict(chosen), root)):
        if known.name == key:
            yield from (f"{before}{comma}{c} " for c in known.choices if c.startswith(last))


def files(begun: str) -> Iterator[str]:
    """Complete a path; folders end in a slash, and hidden names are kept until asked for."""
    folder, slash, name = begun.rpartition("/")
    try:
        entries = sorted(Path(os.path.expanduser(folder + slash or ".")).iterdir())
    except OSError:  # of a URL, too: no key completes by asking the network
        return
    for entry in entries:
        if entry.name.startswith(name) and (name or not entry.name.startswith(".")):
            yield f"{folder}{slash}{entry.name}{'/' if entry.is_dir() else ' '}"


def _escaped(text: str) -> str:
    """Escape all that a shell would read, but the space at the end that tells of a whole word."""
    body, end = (text[:-1], " ") if text.endswith(" ") else (text, "")
    return re.sub(r"([^\w@%+./:,=~-])", r"\\\1", body) + end
