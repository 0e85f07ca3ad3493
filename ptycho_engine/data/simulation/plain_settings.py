"""Settings are kept as plain values: what was checked takes the place of what came.

Numbers of NumPy and paths of any kind are read as well as those of Python, but only the latter can
be written into the records of a scan.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any, TypeVar

import numpy as np

from ...errors import ConfigurationError, one_line, one_of
from ...io.objects.urls import ObjectUrl
from ...phantoms.numbers import MOST_PIXELS, real_number, whole_number

T = TypeVar("T")


def keep_whole(settings: object, name: str, least: int, most: int) -> None:
    """Keep the setting `name`, such as ``object.size``, as a whole number; see `whole_number`."""
    _keep(settings, name, whole_number(name, _came(settings, name), least, most))


def keep_real(
    settings: object, name: str, what: str, least: float | None = None, most: float = MOST_PIXELS
) -> None:
    """Keep a setting as a number; see `real_number`."""
    _keep(settings, name, real_number(name, _came(settings, name), what, least, most))


def keep_truth(settings: object, name: str) -> None:
    """Keep a setting as a truth value.

    Raises
    ------
    ConfigurationError
        If it is none.
    """
    value = _came(settings, name)
    if not isinstance(value, bool | np.bool_):
        raise ConfigurationError(
            f"{name}: received {one_line(repr(value), 60)}. Expected true or false."
        )
    _keep(settings, name, bool(value))


def keep_path(settings: object, name: str) -> None:
    """Keep the path or URL of a file as text; None stays.

    Raises
    ------
    ConfigurationError
        If it is neither.
    """
    value = _came(settings, name)
    text = os.fspath(value) if isinstance(value, os.PathLike) else value
    text = str(text) if isinstance(text, ObjectUrl) else text
    if text is not None and not isinstance(text, str):
        raise ConfigurationError(
            f"{name}: received {one_line(repr(value), 60)}. Expected that of a file, as text."
        )
    _keep(settings, name, text)


def check_choice(name: str, value: object, options: Iterable[str]) -> None:
    """Refuse what is none of `options`.

    Raises
    ------
    ConfigurationError
        With the nearest spelling.
    """
    known = tuple(options)
    if not isinstance(value, str) or value not in known:
        raise ConfigurationError(one_of(name, value, known))


def instance_of(name: str, value: object, kind: type[T]) -> T:
    """Return a value that is of a class.

    Raises
    ------
    ConfigurationError
        If it is not.
    """
    if not isinstance(value, kind):
        raise ConfigurationError(
            f"{name}: received {one_line(repr(value), 60)}. Expected an instance of "
            f"{kind.__name__}."
        )
    return value


def _came(settings: object, name: str) -> Any:
    return getattr(settings, _field(name))


def _keep(settings: object, name: str, value: object) -> None:
    object.__setattr__(settings, _field(name), value)  # frozen to others


def _field(name: str) -> str:
    return name.rpartition(".")[2]
