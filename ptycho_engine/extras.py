"""Which frameworks are installed, and the line to say where one is missing."""

from __future__ import annotations

import sys
from importlib.util import find_spec

from .errors import MissingExtraError


def is_installed(module: str) -> bool:
    """Look for a top-level module without importing it.

    The module counts, not the distribution: ``tensorflow-cpu`` and vendors' builds serve as well.
    """
    if module in sys.modules:
        return sys.modules[module] is not None
    spec = find_spec(module)
    # A folder of its name without a module in it is what an uninstallation left.
    return spec is not None and spec.origin is not None


def install_command(extra: str) -> str:
    """Return the command that installs an extra of this package."""
    return f'pip install "ptycho_engine[{extra}]"'


def require(module: str, what: str, extra: str | None = None) -> None:
    """Refuse to go on without a framework.

    Parameters
    ----------
    module : str
        The module, for instance ``"tensorflow"``.
    what : str
        What needs it, for the message.
    extra : str, optional
        The extra that installs it; by default it has the name of the module.

    Raises
    ------
    MissingExtraError
        If it is not installed.
    """
    if not is_installed(module):
        command = install_command(extra or module)
        raise MissingExtraError(f"{what}: needs {module}, which is not installed. Run: {command}")
