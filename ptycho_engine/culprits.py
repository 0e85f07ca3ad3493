"""Which plugin, or format, an error was raised in: not whoever called it, or stood around it."""

from __future__ import annotations

from .discovery import REGISTERED, PluginSource


def name_culprit(error: Exception, kind: str, source: PluginSource) -> None:
    """Note in an error that passes where it was raised; who is around that has no part in it.

    Parameters
    ----------
    error : Exception
        The error, which keeps its type.
    kind : str
        As for :func:`find_source`.
    source : PluginSource
        What raised it, or let one through that bears no name yet.
    """
    if culprit_of(error) is None:
        error.plugin_source = source  # type: ignore[attr-defined]
        error.add_note(f"raised in {kind} {source.name!r} ({source.origin})")


def culprit_of(error: BaseException) -> PluginSource | None:
    """Return the plugin, or format, in which an error was raised; None if it was elsewhere."""
    source = getattr(error, "plugin_source", None)
    return source if isinstance(source, PluginSource) else None


def accusation(error: BaseException) -> str | None:
    """Say in one line which plugin, or format, of others raised an error; None if none did."""
    source = culprit_of(error)
    if source is None or source.target.startswith("ptycho_engine."):
        return None
    raised = next(note for note in error.__notes__ if note.startswith("raised in "))
    report = "" if source.distribution == REGISTERED else f" Report it to {source.distribution}."
    return f"{raised.removeprefix('raised in ')} failed: {type(error).__name__}: {error}.{report}"
