"""Stored outputs of the real legacy functions, PtychoPINN 712c23f, by case."""

from functools import cache
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).parent / "data" / "golden"


@cache
def cases(name):
    """Return {case: {what: array}} of a stored file, whose keys read ``case__what``."""
    found = {}
    with np.load(FOLDER / f"{name}.npz") as stored:
        for key in stored.files:
            case, _, what = key.partition("__")
            if what:
                found.setdefault(case, {})[what] = stored[key]
    for case in found.values():
        if {"u", "v", "p", "q"} <= set(case):  # the object was too large to store
            real, imaginary = np.outer(case["u"], case["v"]), np.outer(case["p"], case["q"])
            case["object"] = (real + 1j * imaginary).astype(np.complex64)
    return found
