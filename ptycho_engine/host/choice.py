"""Which plugin ``auto`` means, and what each built-in plugin needs to run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..discovery import PluginSource
from ..errors import ConfigurationError, MissingExtraError
from ..extras import install_command, is_installed, require

#: The name that leaves the choice to us.
AUTO = "auto"

#: What ``auto`` tries, in this order.
PREFERRED = ("chunked_xla", "jax", "numba")

#: The framework in which each built-in plugin computes: the module, and the extra of its name.
FRAMEWORKS = {
    "batched": "tensorflow",
    "chunked_xla": "tensorflow",
    "iterative": "tensorflow",
    "jax": "jax",
    "numba": "numba",
}


def missing_framework(source: PluginSource) -> str | None:
    """Name the framework that a built-in plugin lacks here; None if it can run."""
    if not source.target.startswith("ptycho_engine.plugins."):
        return None  # others check what they need when they are imported
    framework = FRAMEWORKS.get(source.name)
    return framework if framework and not is_installed(framework) else None


def require_framework(source: PluginSource) -> None:
    """Refuse a built-in plugin whose framework is not installed.

    Raises
    ------
    MissingExtraError
        With the command that installs it.
    """
    framework = missing_framework(source)
    if framework is not None:
        require(framework, f"plugin {source.name!r}")


def choose(sources: Iterable[PluginSource]) -> tuple[str, str]:
    """Choose the plugin that ``auto`` means; nothing is imported.

    Parameters
    ----------
    sources : iterable of PluginSource
        What can be selected.

    Returns
    -------
    name : str
        The first of `PREFERRED` that can be selected and whose framework is installed.
    reason : str
        Why, for the log line.

    Raises
    ------
    MissingExtraError
        If there is none.
    """
    found = {source.name: source for source in sources}
    for name in PREFERRED:
        if name in found and missing_framework(found[name]) is None:
            return name, f"{AUTO}: {name} is the first installed"
    tried = [name for name in PREFERRED if name in found]
    commands = " or ".join(dict.fromkeys(install_command(FRAMEWORKS[name]) for name in tried))
    raise MissingExtraError(
        f"plugin {AUTO!r}: none of {', '.join(tried) or 'its plugins'} can run here. "
        f"Run: {commands or 'pip install ptycho_engine'}; or name another plugin."
    )


def refuse_options(options: Mapping[str, Any] | None) -> None:
    """Refuse options beside ``auto``: which there are depends on the plugin that it takes.

    Raises
    ------
    ConfigurationError
        If there are any.
    """
    if options:
        raise ConfigurationError(
            f"plugin {AUTO!r}: takes no options, received {', '.join(map(str, options))}. Name the "
            "plugin whose options they are."
        )


def named_plugin(group: object) -> tuple[str, dict[str, Any]]:
    """Read which plugin a configuration names.

    Parameters
    ----------
    group : mapping
        The group ``plugin`` of a composed configuration: a name, and options.

    Returns
    -------
    name : str
        Of the plugin.
    options : dict
        Its options by name.

    Raises
    ------
    ConfigurationError
        If no plugin is named.
    """
    if not isinstance(group, Mapping):
        raise ConfigurationError(
            f"plugin: received {group!r}. Expected the name of a plugin: plugin=NAME."
        )
    options = dict(group)
    name = options.pop("name", None)
    if not isinstance(name, str) or not name:
        given = ", ".join(map(str, group)) or "nothing"
        said = "has no name" if name is None else f"has the name {name!r}"
        raise ConfigurationError(
            f"plugin: the chosen configuration {said}, but {given}. Expected the line "
            "`name: PLUGIN` in its YAML file."
        )
    return name, options
