"""The harness is not installed: it is run from the root of the repository."""

import pytest
from repository import ROOT


@pytest.fixture(autouse=True, scope="module")
def benchmarks():
    """Let tests import it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT)
        yield
