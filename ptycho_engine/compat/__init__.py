"""PtychoPINN's settings and functions on ptycho_engine: the same numbers, warned of by name."""

from .resolve import CompatWarning, Resolution, legacy_engine, resolve

__all__ = ["CompatWarning", "Resolution", "legacy_engine", "resolve"]
