"""What a file of legacy parameters says: values by key, and the comments of a YAML file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ptycho_engine.errors import InputFileError, one_line, one_of
from ptycho_engine.io.documents import read_json, read_text, read_yaml

from ..codemod.files import read_file
from ..codemod.text import SourceError, decode_python
from .comments import Comment, read_comments
from .python import read_python


@dataclass(frozen=True)
class OldFile:
    """A file of legacy parameters, flat or with sections such as ``model``.

    The comments, by dotted key, are those of YAML files; the remarks say what could not be taken
    over.
    """

    path: Path
    values: Mapping[str, Any]
    comments: dict[str, Comment] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()


def read_old(path: Path) -> OldFile:
    """Read a file of legacy parameters by its suffix. Python is parsed, never run.

    Raises InputFileError if it cannot be read, or holds no parameters by name.
    """
    readers: dict[str, Callable[[Path], OldFile]] = {
        ".yaml": _yaml,
        ".yml": _yaml,
        ".json": _json,
        ".py": _python,
    }
    reader = readers.get(path.suffix)
    if reader is None:
        raise InputFileError(f"{path}: {one_of('suffix', path.suffix, readers)}")
    try:
        old = reader(path)
    except (OSError, UnicodeError, SourceError) as error:
        raise InputFileError(f"{path}: cannot be read: {one_line(error)}") from error
    if not isinstance(old.values, Mapping) or not old.values:
        raise InputFileError(
            f"{path}: holds no legacy parameters by name. Expected 'key: value' lines, an object "
            "of JSON, or Python that sets parameters to literals."
        )
    return old


def _yaml(path: Path) -> OldFile:
    # The reader of legacy code, and of compat=legacy: another one may read another value.
    text = read_text(path, "YAML")
    values = read_yaml(path, "YAML", text)
    try:
        return OldFile(path, values, read_comments(text))
    except Exception as error:  # what PyYAML could read, another reader may trip over anywhere
        raise InputFileError(f"{path}: cannot be read as YAML: {one_line(error)}") from error


def _json(path: Path) -> OldFile:
    return OldFile(path, read_json(path, "JSON"))


def _python(path: Path) -> OldFile:
    try:
        values, remarks = read_python(decode_python(read_file(path)).text)
    except SourceError as error:
        raise InputFileError(f"{path}: cannot be read as Python: {error}") from error
    return OldFile(path, values, remarks=tuple(remarks))
