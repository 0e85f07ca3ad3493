"""Two files of one scan that stand beside each other: patterns in one, all else in the other."""

from __future__ import annotations

import re
from pathlib import Path

from .objects.mirror import bring

#: What the names of the two say, and where: between the ends, dots, dashes and underscores.
ROLES = ("dp", "para")
_ROLE = re.compile(r"(?:^|(?<=[_.\-]))(dp|para)(?=$|[_.\-])", re.IGNORECASE)


def role_of(path: Path) -> str:
    """Return what the name of a file says it is: ``dp``, ``para`` or nothing."""
    found = _ROLE.findall(path.stem)
    return found[-1].lower() if found else ""


def partner_path(path: Path) -> Path | None:
    """Return the path of the other file by its name alone; None if the name has no role."""
    found = list(_ROLE.finditer(path.stem))
    if not found:
        return None
    last = found[-1]
    other = ROLES[1] if last[0].lower() == ROLES[0] else ROLES[0]
    return path.with_name(path.stem[: last.start()] + other + path.stem[last.end() :] + path.suffix)


def find_partner(path: Path) -> Path | None:
    """Return the other file of a pair if it is there."""
    other = partner_path(path)
    bring([] if other is None else [other])
    return other if other is not None and other.is_file() else None


def check_beside(option: str, name: str | None) -> None:
    """Refuse an option that names a file elsewhere than beside another one.

    Raises
    ------
    ValueError
        If it is no name alone.
    """
    if name is not None and Path(name).name != name:
        raise ValueError(
            f"{option}: received {name!r}. Expected a name alone: the files of a scan lie in one "
            "folder."
        )
