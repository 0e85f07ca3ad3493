"""JSON text inside a pickle, found without unpickling: nothing in the file is ever executed.

PtychoPINN keeps its metadata as a JSON string in an array of Python objects, which NumPy saves as
a pickle. Unpickling runs whatever the file names. A pickle is a list of instructions, though, and
`pickletools` lists them without obeying: the text is the argument of one of them.
"""

from __future__ import annotations

import itertools
import json
import pickletools
from typing import Any

#: More instructions than an array with one string takes; hostile pickles may hold any number.
MAX_OPCODES = 10_000
#: Instructions whose argument is text.
TEXT_OPCODES = {"UNICODE", "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8"}


def parse_object(text: str) -> dict[str, Any] | None:
    """Return the JSON object that `text` spells, or None if it spells none."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def find_object(pickled: bytes) -> dict[str, Any] | None:
    """Return the first JSON object among the texts of a pickle.

    Parameters
    ----------
    pickled : bytes
        A pickle, whole or not; it is not trusted.

    Returns
    -------
    dict or None
        The object, or None if there is none before the pickle ends or breaks.
    """
    instructions = pickletools.genops(pickled)
    try:
        for opcode, argument, _ in itertools.islice(instructions, MAX_OPCODES):
            if opcode.name in TEXT_OPCODES and isinstance(argument, str):
                found = parse_object(argument)
                if found is not None:
                    return found
    except (ValueError, OverflowError, MemoryError):  # not a pickle, or cut short
        pass
    return None
