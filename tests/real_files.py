"""Files that other programs wrote, which are not part of the project: for whoever has them.

They lie in ``../shared/realfiles`` beside the repository, or where the environment variable
``PTYCHO_ENGINE_REAL_FILES`` says.
"""

import os
from pathlib import Path

import pytest

BESIDE = Path(__file__).resolve().parents[2] / "shared" / "realfiles"
FOLDER = Path(os.environ.get("PTYCHO_ENGINE_REAL_FILES", BESIDE))


def real_file(name):
    """Return the path of a file; skip the test where it is not at hand."""
    if not (FOLDER / name).is_file():
        pytest.skip(f"{name}, a real file of another program, is not at hand")
    return FOLDER / name
