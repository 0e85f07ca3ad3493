"""What was typed becomes overrides that Hydra takes: paths as people have them, quoted."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra._internal.utils import get_args_parser
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Glob, Override, Quote, QuotedString
from hydra.errors import HydraException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from ..errors import ConfigurationError, one_of
from ..io.catalogue import find_format, formats_of
from ..io.objects.urls import Location, ObjectUrl, is_url
from .subcommands import SUBCOMMANDS
from .vocabulary import FOLDERS, PATHS, Key, expanded, groups, plain_keys

#: Of the keys whose values are paths those that are read.
READ = (
    "scan.path",
    "compat.params",
    "object.path",
    "probe.path",
    "patches.path",
    "patches.positions_path",
)
NUMBERS = {1: "one", 2: "two"}


@dataclass(frozen=True)
class Typed:
    """A command line, sorted.

    Attributes
    ----------
    flags : tuple of str
        Those of Hydra, with their values.
    rest : tuple of str
        Files and overrides, as they were typed.
    """

    flags: tuple[str, ...]
    rest: tuple[str, ...]

    @property
    def sweeps(self) -> bool:
        """Whether it asks for several runs."""
        return any(map(_is_multirun, self.flags)) or "hydra.mode=MULTIRUN" in self.rest

    @property
    def tells_the_mode(self) -> bool:
        """Whether it is a sweep by its flags alone: no setting, no file of a user can change it."""
        of_hydra = any(argument.lstrip("+~").startswith("hydra") for argument in self.rest)
        return all(map(_is_multirun, self.flags)) and not of_hydra

    @property
    def own_configuration(self) -> bool:
        """Whether it names a configuration other than ours, which may choose a scan."""
        names = ("-cn", "--config-name", "-cp", "--config-path", "--experimental-rerun")
        return any(flag.partition("=")[0] in names for flag in self.flags)


def _is_multirun(flag: str) -> bool:
    return flag == "-m" or (len(flag) > 3 and "--multirun".startswith(flag))


def sort_arguments(arguments: Sequence[str]) -> Typed:
    """Part a command line into flags and the rest, in whatever order they came.

    Raises
    ------
    ConfigurationError
        If there is no such flag.
    """
    takes_value = {
        option: action.nargs != 0
        for action in get_args_parser()._actions
        for option in action.option_strings
    }
    flags: list[str] = []
    rest: list[str] = []
    left = iter(arguments)
    for argument in left:
        if argument == "--":
            rest += left
        elif not argument.startswith("-"):
            rest.append(argument)
        else:
            name, equals, _ = argument.partition("=")
            full = [name] if name in takes_value else _beginning(name, takes_value)
            if len(full) != 1:
                raise ConfigurationError(one_of("flag", argument, takes_value))
            flags.append(argument)
            optional = full[0] in ("--info", "-i")  # its value may be left out
            if takes_value[full[0]] and not equals and not optional:
                flags += [value for value in (next(left, None),) if value is not None]
    return Typed(tuple(flags), tuple(rest))


def _beginning(name: str, options: Iterable[str]) -> list[str]:
    return [o for o in options if name.startswith("--") and len(name) > 3 and o.startswith(name)]


def hydra_arguments(typed: Typed, places: Sequence[str] = ("scan.path",)) -> list[str]:
    """Turn files and overrides into arguments of Hydra.

    An argument that names an existing file is the scan; any other with ``=`` an override. A scan
    without a group is given that of its format.

    Parameters
    ----------
    typed : Typed
        The command line.
    places : sequence of str
        The keys that files are values of, in this order.

    Returns
    -------
    list of str
        Flags before overrides.

    Raises
    ------
    ConfigurationError
        If an argument is neither, if Hydra's grammar cannot take one, or if several values are
        given to one run.
    InputFileError
        If no format claims the scan.
    """
    files, overrides = _part(typed.rest, writes="output.path" in places)
    if "output.path" in places and len(files) < len(places):
        _refuse_output_as_key(overrides)
    for place, file in zip(places, files, strict=False):
        if any(override.partition("=")[0] == place for override in overrides):
            raise ConfigurationError(
                f"{place}: received it beside the file {file!r}. Expected one of both."
            )
    if len(files) > len(places) and (not typed.sweeps or places != ("scan.path",)):
        several = "" if len(places) > 1 else " Add --multirun to run each."
        raise ConfigurationError(
            f"{places[0].partition('.')[0]}: received {len(files)} files, {', '.join(files)}. "
            f"Expected {NUMBERS[len(places)]}.{several}"
        )
    shares = [files] if places == ("scan.path",) else [[file] for file in files]
    for place, share in zip(places, shares, strict=False):
        if share:
            values = ",".join(quoted(file, literal=True) for file in share)
            overrides.append(f"{place}={values}")
    parsed = [parse(override, typed.sweeps) for override in overrides]
    scans = "scan.path" in places and not typed.own_configuration
    if scans and not any(p.key_or_group == "scan" for p in parsed):
        parsed += [parse(f"scan={name}", True) for name in _format_of(parsed)]
    return [*typed.flags, *(p.input_line or "" for p in parsed)]


def _part(rest: Sequence[str], *, writes: bool) -> tuple[list[str], list[str]]:
    """Part arguments into files and overrides; a file that is written need not exist."""
    files = [a for a in rest if exists(a) or (writes and not _deletes(a) and "=" not in a)]
    return files, [a for a in rest if a not in files]


def _refuse_output_as_key(overrides: Sequence[str]) -> None:
    """Refuse the name of a file to write that has ``=`` in it, where it reads as an unknown key."""
    for override in (o for o in overrides if formats_of(Path(o))):  # which few values look like
        key = override.partition("=")[0].lstrip("+~")
        if "." not in key and key not in _names(plain_keys) | _names(groups):
            raise ConfigurationError(
                f"{override}: is read as KEY=VALUE, and key {key!r} is not known. Expected a key, "
                f"or a file to write without '='. Write {for_shell(f'output.path={override}')}."
            )


def _names(listed: Callable[[str], Iterable[Key]]) -> set[str]:
    """Return the names that the configurations of all subcommands list."""
    roots = {root.config for command in SUBCOMMANDS.values() if (root := command.root)}
    return {key.name for root in roots for key in listed(root)}


def _deletes(argument: str) -> bool:
    """Whether an argument takes a key out, as ``~key``, rather than naming the home folder."""
    return argument.startswith("~") and not argument.startswith("~/")


def exists(argument: str) -> bool:
    """Whether an argument names a file, or a folder, that exists; or is a URL, unasked."""
    if is_url(argument):
        return "," not in argument  # several, for a sweep
    try:
        return argument != "" and Path(os.path.expanduser(argument)).exists()
    except (OSError, ValueError):  # no name that a file can have
        return False


def quoted(text: str, *, literal: bool = False) -> str:
    """Write a text as Hydra's grammar and OmegaConf read it back.

    Parameters
    ----------
    text : str
        Any text.
    literal : bool
        Whether ``${`` stands for itself rather than beginning an interpolation.
    """
    if literal:  # an odd number of backslashes takes the meaning of what follows
        text = re.sub(r"(\\*)\$\{", lambda found: found[1] * 2 + r"\${", text)
    return QuotedString(text=text, quote=Quote.single).with_quotes()


def parse(override: str, sweeps: bool) -> Override:
    """Read an override, its value quoted if that is a path which needs it.

    Parameters
    ----------
    override : str
        As it was typed.
    sweeps : bool
        Whether it may hold several values.

    Raises
    ------
    ConfigurationError
        If it cannot be read, with the form that can be.
    """
    if is_url(override):  # with a comma: `exists` takes any other for a file
        form = for_shell(f"scan.path={quoted(override)}")
        raise ConfigurationError(
            f"{override}: is a URL with a comma, which also parts the values of a sweep. Expected "
            f"its key, and quotes around each URL. Write, for a scan, {form}."
        )
    key, equals, value = override.partition("=")
    if not equals and not _deletes(override):
        raise ConfigurationError(
            f"{override!r}: received neither a file that exists nor KEY=VALUE. Check its spelling; "
            "ptycho-engine --help lists the keys and the subcommands."
        )
    if key.lstrip("+") in FOLDERS:  # Hydra itself reads them, and knows no home folder
        value = at_home(value)
    if key.lstrip("+") in (*PATHS, *FOLDERS):
        override = f"{key}={readable_path(key.lstrip('+'), value, sweeps)}"
    try:
        parsed = OverridesParser.create().parse_override(override)
    except HydraException as error:
        form = for_shell(f"{key}={quoted(value)}")
        reason = str(error).splitlines()[0]
        raise ConfigurationError(
            f"{override}: cannot be read ({reason}). If the value is a text, quote it twice: {form}"
        ) from error
    if isinstance(parsed.value(), Glob):
        refuse_glob(parsed.key_or_group, value)
    if parsed.is_sweep_override() and not sweeps:
        raise ConfigurationError(
            f"{override}: received several values. Expected one. Add --multirun to run each, or "
            f"write {for_shell(f'{key}=[{value}]')} for a list, or "
            f"{for_shell(f'{key}={quoted(value)}')} for a text."
        )
    return parsed


def at_home(folder: str) -> str:
    """Expand ``~`` at the beginning of a folder, which may be quoted for Hydra."""
    quotes = len(folder) > 1 and folder[0] == folder[-1] and folder[0] in "'\""
    bare = folder[1:-1] if quotes else folder
    if not bare.startswith("~"):
        return folder
    found = os.path.expanduser(bare)
    return quoted(found) if quotes else found


def refuse_glob(key: str, value: str) -> None:
    """Refuse ``glob()`` for a key that is no group, whose values nobody can list.

    Raises
    ------
    ConfigurationError
        With what lists them.
    """
    if "." not in key and key not in _names(plain_keys):
        return
    instead = f"Write {key}=A,B"
    if key in READ:
        instead = f"Name files, which the shell lists: -m {value[5:-1].strip() or '*'}"
    raise ConfigurationError(
        f"{key}={value}: glob() chooses among the configurations of a group, as in plugin=glob(*). "
        f"Expected values. {instead}."
    )


def for_shell(argument: str) -> str:
    """Quote an argument for a shell, as a person would."""
    plain = not re.search(r"[\"$`\\!]", argument)
    return f'"{argument}"' if plain else shlex.quote(argument)


def readable_path(key: str, value: str, sweeps: bool) -> str:
    """Quote a path unless Hydra reads it as it stands; sweeps over paths stay sweeps."""
    if exists(value):
        return quoted(value, literal=True)
    try:
        parsed = OverridesParser.create().parse_override(f"{key}={value}")
    except HydraException:
        return quoted(value)
    if isinstance(parsed.value(), Glob):  # refused once it is parsed
        return value
    if parsed.is_sweep_override():
        return value if sweeps or _all_exist(parsed, key) else quoted(value)
    read = parsed.value()
    return value if read is None or isinstance(read, str) else quoted(value)


def _all_exist(parsed: Override, key: str) -> bool:
    """Whether several files are meant, which --multirun would run."""
    return key in READ and all(exists(value) for value in _values(parsed))


def _values(parsed: Override) -> Iterator[str]:
    """Texts of an override, one for each run."""
    if not parsed.is_sweep_override():
        yield str(parsed.value())
    elif parsed.is_choice_sweep():
        choices: Any = parsed.value()
        for value in choices.list:
            yield str(getattr(value, "text", value))


def _format_of(parsed: Sequence[Override]) -> list[str]:
    """Choose the group of the scan that is named, if one is."""
    paths = [v for p in parsed if p.key_or_group == "scan.path" for v in _values(p)]
    if not paths:
        return []
    try:
        files = [expanded(OmegaConf.create({"path": path}).path) for path in paths]
    except OmegaConfBaseException:  # known once the whole is composed
        return ["file"]
    names = {_format_of_file(file) for file in files}
    return [names.pop() if len(names) == 1 else "file"]


def _format_of_file(file: Location) -> str:
    """Choose the group of a scan: that of its format, if a look at it is cheap."""
    if isinstance(file, ObjectUrl):
        return "file"  # which looks once it is fetched
    # A folder that is no scan itself is a list of scans to whoever takes one.
    return "file" if file.is_dir() and not formats_of(file) else find_format(file)
