"""The plugin host: discovery from metadata, import on selection, selection by name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any

import pluggy

from ..discovery import (
    REGISTERED,
    PluginSource,
    discover,
    find_source,
    load_source,
    name_fault,
)
from ..errors import ConfigurationError, PluginError, text_for_list
from . import hookspecs
from .answers import ask, watch
from .capabilities import Capabilities
from .choice import AUTO
from .selection import SelectedPlugin


class Host:
    """Holds plugins, for engines to be made of: each takes what there is at the time.

    Parameters
    ----------
    sources : iterable of PluginSource, optional
        What can be selected besides registered objects; by default what `discover` finds.
    """

    def __init__(self, sources: Iterable[PluginSource] | None = None) -> None:
        self._sources = list(discover() if sources is None else sources)
        self._manager = pluggy.PluginManager(hookspecs.PROJECT)
        self._manager.add_hookspecs(hookspecs)

    def copy(self) -> Host:
        """Return a host with all that this one holds; what either takes in later is its own."""
        host = Host(self._sources)
        for name, plugin in self._manager.list_name_plugin():
            host._add(plugin, host.source(name))
        return host

    @property
    def sources(self) -> tuple[PluginSource, ...]:
        """Every plugin that can be selected, by name."""
        return tuple(sorted(self._sources, key=lambda source: source.name))

    def register(self, plugin: object, name: str | None = None) -> str:
        """Make an object selectable, and its wrappers active.

        Parameters
        ----------
        plugin : object
            Anything with functions marked by ``ptycho_engine.hookimpl``.
        name : str, optional
            The name to select it by; by default that of the object or of its class.

        Returns
        -------
        str
            The name.

        Raises
        ------
        PluginError
            If the name is taken or cannot select, or the object does not fit the hooks.
        """
        if name is None:
            name = str(getattr(plugin, "__name__", type(plugin).__name__))
        fault = name_fault(name)
        if name == AUTO:
            fault = f"name {name!r} cannot be selected: it leaves the choice to the engine"
        if fault:
            raise PluginError(f"plugin: {fault}. Register the object under another name.")
        taken = next((s for s in self._sources if s.name == name), None)
        if taken is not None:
            raise PluginError(
                f"plugin name {name!r} is taken by {taken.target} ({taken.distribution}). "
                "Register the object under another name."
            )
        source = PluginSource(name, repr(plugin), REGISTERED, "", lambda: plugin)
        self._add(plugin, source)
        self._sources.append(source)
        return name

    def registered(self, chosen: str) -> dict[str, object]:
        """Objects registered by hand that answer or surround calls of a plugin, by their names."""
        names = [source.name for source in self._sources if source.distribution == REGISTERED]
        objects = {name: self.activate(name) for name in names}
        return {n: o for n, o in objects.items() if n == chosen or self.has_wrapper(n)}

    def activate(self, name: str) -> object:
        """Import the plugin `name` and register its hooks, wrappers included.

        Raises
        ------
        UnknownPluginError, PluginLoadError, PluginError
            If there is no such plugin, it cannot be imported, or it breaks the contract.
        """
        source = self.source(name)
        plugin = self._manager.get_plugin(name)
        if plugin is None:
            plugin = load_source("plugin", source)
            self._add(plugin, source)
        return plugin

    def activate_wrappers(self, names: Sequence[str]) -> None:
        """Import plugins whose wrappers are to surround the one that is chosen.

        Raises
        ------
        ConfigurationError
            If `names` is one text rather than several names.
        UnknownPluginError, PluginLoadError, PluginError
            As `activate`; also if a plugin has no wrapper.
        """
        if isinstance(names, str):
            raise ConfigurationError(text_for_list("wrappers", names))
        if not isinstance(names, Iterable):
            raise ConfigurationError(
                f"wrappers: received {names!r}. Expected a list of names; [] for none."
            )
        for name in names:
            self.activate(name)
            if not self.has_wrapper(name):
                raise PluginError(
                    f"wrapper {name!r} ({self.source(name).origin}): none of its functions is "
                    "marked hookimpl(wrapper=True). Choose it with plugin=, or leave it out."
                )

    def has_wrapper(self, name: str) -> bool:
        """Whether the active plugin `name` has a function that surrounds those of others."""
        return any(implementation.wrapper for implementation in self._implementations(name))

    def implements(self, name: str, hook: str) -> bool:
        """Whether the active plugin `name` implements a hook itself, wrappers left out."""
        return self.activate(name) in self._implementers(hook)

    def source(self, name: str) -> PluginSource:
        """Return where the plugin `name` comes from, or raise if that is not one place."""
        return find_source("plugin", name, self._sources)

    def select(self, name: str) -> SelectedPlugin:
        """Choose the implementation of every hook by name; wrappers of others stay active.

        Parameters
        ----------
        name : str
            Name of an installed or registered plugin.

        Returns
        -------
        SelectedPlugin
            The plugin, ready to be called.

        Raises
        ------
        UnknownPluginError, PluginLoadError, PluginError
            As `activate`; also if the plugin implements no `extract_patches`, or declares what is
            no :class:`Capabilities`.
        """
        capabilities, culprit, _ = ask(
            self.caller(name, "plugin_capabilities"),
            lambda answer: answer is None or isinstance(answer, Capabilities),
            {},
        )
        if culprit is not None:
            raise PluginError(
                f"plugin {culprit.name!r}: plugin_capabilities returned "
                f"{type(capabilities).__name__}. Expected ptycho_engine.Capabilities."
            )
        required = "extract_patches"
        return SelectedPlugin(
            self.source(name),
            capabilities or Capabilities(),
            {hook: self.caller(name, hook, required=hook == required) for hook in self.hooks},
            frozenset(hook for hook in self.hooks if self.implements(name, hook)),
            self.built_in_with,
        )

    @property
    def hooks(self) -> list[str]:
        """Names of all hooks."""
        callers = vars(self._manager.hook).items()
        return sorted(hook for hook, caller in callers if caller.has_spec())

    def built_in_with(self, hook: str) -> list[str]:
        """Names of the built-in plugins that implement a hook and can be imported here.

        They are not registered: what else they hold does not become active.
        """
        found = []
        for source in self.sources:
            if source.target.startswith("ptycho_engine.plugins."):
                with suppress(PluginError):
                    function = getattr(load_source("plugin", source), hook, None)
                    if getattr(function, f"{hookspecs.PROJECT}_impl", None):
                        found.append(source.name)
        return found

    def caller(self, name: str, hook: str, *, required: bool = False) -> Callable[..., Any]:
        """Return what calls one hook of the plugin `name`, and the active wrappers around it.

        Parameters
        ----------
        name : str
            Name of an installed or registered plugin.
        hook : str
            One of :mod:`ptycho_engine.host.hookspecs`.
        required : bool
            Whether a plugin without the hook is refused; if not, the call returns None.

        Returns
        -------
        callable
            Takes the arguments of the hook by name.

        Raises
        ------
        UnknownPluginError, PluginLoadError, PluginError
            As `activate`; also if the plugin lacks a required hook.
        """
        plugin = self.activate(name)
        implementers = self._implementers(hook)
        if required and plugin not in implementers:
            raise PluginError(
                f"plugin {name!r} ({self.source(name).target}) implements no {hook}. "
                "Mark the function with ptycho_engine.hookimpl, or use it as a wrapper only."
            )
        others = [other for other in implementers if other is not plugin]
        return self._manager.subset_hook_caller(hook, others)

    def _implementers(self, hook: str) -> list[object]:
        """Plugins that implement `hook` themselves, wrappers left out."""
        implementations = getattr(self._manager.hook, hook).get_hookimpls()
        return [i.plugin for i in implementations if not (i.wrapper or i.hookwrapper)]

    def _implementations(self, name: str) -> list[pluggy.HookImpl]:
        """Every implementation and wrapper of the active plugin `name`."""
        plugin = self._manager.get_plugin(name)
        callers = self._manager.get_hookcallers(plugin) or []
        return [i for caller in callers for i in caller.get_hookimpls() if i.plugin is plugin]

    def _add(self, plugin: object, source: PluginSource) -> None:
        name = source.name
        hooks = self.hooks
        hookspecs.refuse_ambiguous(self._manager, plugin, name)
        hookspecs.refuse_unknown(self._manager, plugin, name, hooks)
        known = self._manager.get_name(plugin)
        if known is not None:
            raise PluginError(
                f"plugin {name!r}: the object is registered already. Select it as {known!r}."
            )
        try:
            self._manager.register(plugin, name)
            self._manager.check_pending()
        except (pluggy.PluginValidationError, ValueError) as error:
            with suppress(AssertionError, ValueError):
                self._manager.unregister(plugin)
            raise PluginError(
                f"plugin {name!r} does not fit the hooks: {error} {hookspecs.available(hooks)}"
            ) from error
        for implementation in self._implementations(name):
            watch(implementation, source)
