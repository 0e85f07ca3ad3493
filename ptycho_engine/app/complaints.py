"""What the command says when it refuses: in a sentence, or as an event of the log."""

from __future__ import annotations

import dataclasses
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from omegaconf import DictConfig, OmegaConf

from .. import logs
from ..errors import ConfigurationError, PtychoEngineError, one_line, one_of
from .outcomes import REFUSED
from .sentences import log_renderer
from .vocabulary import groups

#: Keys that Hydra adds to what describes its own.
OF_HYDRA = ("hydra.env",)


@dataclass(frozen=True)
class Complaints:
    """How to say what went wrong.

    Attributes
    ----------
    log_format : str
        ``runner.log_format``: sentences unless key=value or JSON was asked for.
    """

    log_format: str = "auto"

    @classmethod
    def asked_by(cls, arguments: Sequence[str]) -> Complaints:
        """Find out from a command line, before it is composed."""
        asked = [a.partition("=")[2] for a in arguments if a.startswith("runner.log_format=")]
        return cls(asked[-1] if asked and asked[-1] in ("text", "json") else "auto")

    def say(self, what: str, message: str) -> None:
        """Say one thing on standard error."""
        if self.log_format in ("text", "json"):
            with logs.configured("ERROR", log_renderer(self.log_format)):
                logs.get_logger().error(what.replace(" ", "_"), message=message)
        else:
            between = ";" if " " in what or what == "interrupted" else ":"
            print(f"ptycho-engine: {what}{between} {message}", file=sys.stderr)

    def refuse(self, error: Exception) -> int:
        """Say what is wrong with the input or the configuration; return the exit code."""
        if isinstance(error, PtychoEngineError):
            self.say(type(error).__name__, str(error))
        else:
            self.say("ConfigurationError", one_line(plain(error), 1000))
        return REFUSED

    def refuse_configuration(self, error: Exception, arguments: Sequence[str], root: str) -> int:
        """Say what Hydra refuses, and name the keys that are meant; return the exit code."""
        own = any(a.startswith(("--config-n", "--config-p", "-cn", "-cp")) for a in arguments)
        found = [] if own else list(unknown_overrides(arguments, root))
        if not found:
            return self.refuse(error)
        for message in found:
            self.say("ConfigurationError", message)
        return REFUSED


def not_known(key: str, known: Sequence[str]) -> str:
    """Say that there is no such key, with the nearest one and those beside it."""
    parent, _, name = key.rpartition(".")
    beside = [k for k in known if k.rpartition(".")[0] == parent]
    same_name = [k for k in known if k.rpartition(".")[2] == name]
    if same_name:  # the right key of the wrong group
        listed = ", ".join(sorted(beside or known))
        return f"key {key!r} is not known. Did you mean {same_name[0]!r}? Available: {listed}."
    return one_of("key", key, beside or known)


def plain(error: BaseException) -> str:
    """Take an error of Hydra in one line, without its advice to add what nobody knows."""
    if isinstance(error, OSError) and error.filename is not None:  # a folder of a sweep, a log
        return (
            f"{error.filename}: cannot be used: {error.strerror}. Expected a place to read and "
            "write. Name another folder, of a sweep with hydra.sweep.dir=FOLDER."
        )
    said = [str(error)]
    if error.__cause__ is not None and one_line(error.__cause__, 1000) not in one_line(error, 1000):
        said.append(str(error.__cause__))
    text = "\n".join(said)
    no_choice = re.search(
        r"Could not find '(\w+)/(.+?)'\s+Available options in .*:((\s+\S+$)+)", text, re.M
    )
    if no_choice:
        choices = [name for name in no_choice[3].split() if not name.endswith("schema")]
        return one_of(no_choice[1], no_choice[2], choices)
    missing = re.search(r"missing mandatory value: .*\s+full_key: (\S+)", text)
    if missing:
        return f"{missing[1]}: received nothing. Expected a value. Add {missing[1]}=VALUE."
    if re.search(r"Could not override 'scan\.path'", text):
        return "scan.path: the scan that the configuration chooses takes no file. Add scan=file."
    no_group = re.search(r"Could not override '(\w+)'\.\s+No match in the defaults list", text)
    if no_group:
        return (
            f"{no_group[1]}: the configuration has no such group among its defaults. Expected the "
            "command's own. Write `defaults: [config, _self_]` at its top."
        )
    noise = re.compile(r"To append to your (config|default list) use|object_type=|full_key: *$|$")
    lines = [line.strip() for line in text.splitlines() if not noise.match(line.strip())]
    return " ".join(re.sub(r"^full_key: (\S+)", r"(\1)", line) for line in lines)


def unknown_overrides(arguments: Sequence[str], root: str = "config") -> Iterator[str]:
    """Complain of each key that is not in the configuration of the groups that were chosen."""
    from hydra import compose, initialize_config_module
    from hydra.core.global_hydra import GlobalHydra

    from ..host.choice import AUTO

    overrides = [a for a in arguments if "=" in a and not a.startswith("-")]
    given = dict(a.lstrip("+~").partition("=")[::2] for a in overrides)
    added = {a.lstrip("+").partition("=")[0] for a in overrides if a.startswith("+")}
    known_groups = {group.name for group in groups(root)}
    chosen = [f"{g}={v.split(',')[0]}" for g, v in given.items() if g in known_groups]
    GlobalHydra.instance().clear()
    try:
        with initialize_config_module("ptycho_engine.conf", version_base="1.3"):
            config = compose(root, overrides=chosen)
    except Exception:  # what is wrong with a group, Hydra says
        return
    composed: Any = OmegaConf.to_container(config, throw_on_missing=False)
    known = list(dotted_keys(composed))
    for key, value in given.items():
        if key not in known and not key.startswith("hydra"):
            beyond = open_above(key, composed)
            if beyond and key in added:  # whose options they are refuses them
                continue
            if beyond:
                yield (
                    f"key {key!r} is in no list: what {beyond} takes, the command does not know. "
                    f"Expected a plus before it. Write +{key}={value}."
                )
            elif key.startswith("plugin.") and "plugin" in config and config.plugin.name == AUTO:
                advice = f"plugin=auto takes no options. Name the plugin: plugin=NAME {key}=..."
                yield f"key {key!r} is not known. {advice}"
            else:
                yield not_known(key, known)


def open_above(key: str, composed: dict[str, Any]) -> str | None:
    """Name the group or key above a key whose options are not listed; None if they all are."""
    from .schema import plugins_without_file

    node: Any = composed
    parents = key.split(".")[:-1]
    for depth, name in enumerate(parents, 1):
        node = node.get(name) if isinstance(node, dict) else None
        unlisted = name == "plugin" and node and node.get("name") in plugins_without_file()
        if node == {} or unlisted:
            return ".".join(parents[:depth])
    return None


def dotted_keys(node: Any, prefix: str = "") -> Iterator[str]:
    """Every key of nested dictionaries, written with dots."""
    for key, value in node.items():
        yield f"{prefix}{key}"
        if isinstance(value, dict):
            yield from dotted_keys(value, f"{prefix}{key}.")


def refuse_unknown_keys(config: DictConfig, prefix: str = "") -> None:
    """Refuse what was added to a configuration that is described whole, below a prefix.

    Raises
    ------
    ConfigurationError
        With the nearest key.
    """
    for key, known in unknown_keys(config, prefix):
        if key not in OF_HYDRA:
            raise ConfigurationError(not_known(key, known))


def unknown_keys(node: DictConfig, prefix: str = "") -> Iterator[tuple[str, list[str]]]:
    """Find keys that are no fields of the dataclass of their node, with those that are."""
    kind = OmegaConf.get_type(node)
    fields = None
    if dataclasses.is_dataclass(kind):
        fields = [f"{prefix}{field.name}" for field in dataclasses.fields(kind)]
    for key in node:
        path = f"{prefix}{key!s}"
        if fields is not None and path not in fields:
            yield path, fields
            continue
        below = node._get_node(key)
        if isinstance(below, DictConfig) and not below._is_none() and not below._is_missing():
            yield from unknown_keys(below, f"{path}.")
