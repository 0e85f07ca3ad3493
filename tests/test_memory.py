"""The budget as people write it, and as nobody can mean it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptycho_engine.errors import ConfigurationError
from ptycho_engine.memory import MOST, parse_bytes

ABSURD = [
    "9" * 400, "9" * 400 + "TiB", "9" * 5000, "0." + "0" * 400 + "1", "1e999", "-1", "inf", "nan",
    "9999999999TiB", "1PiB", "\N{ARABIC-INDIC DIGIT THREE}GiB", "1 2", "", "x" * 5000, "\n", 0, -1,
    MOST + 1, 10**400, 10**5000, -(10**400), True, 1.5, float("inf"), float("nan"), [1], {"a": 1},
    b"1GiB",
]  # fmt: skip


@pytest.mark.parametrize("budget", ABSURD, ids=range(len(ABSURD)))
def test_absurd_budgets_are_refused_as_configuration(budget):
    with pytest.raises(ConfigurationError, match=r"^memory_budget: ") as caught:
        parse_bytes(budget)
    assert "Expected bytes" in str(caught.value)
    assert len(str(caught.value)) < 250
    assert len(str(caught.value).splitlines()) == 1


def test_integers_of_numpy_are_bytes():
    assert parse_bytes(np.int64(5)) == 5
    with pytest.raises(ConfigurationError):
        parse_bytes(np.bool_(True))


def test_the_largest_budget():
    assert parse_bytes(MOST) == parse_bytes(str(MOST)) == parse_bytes("1048576TiB") == MOST


@given(st.text(max_size=30) | st.integers() | st.from_regex(r"\d{1,30}(\.\d{0,30})? ?[kMGT]?i?B?"))
def test_any_budget_is_bytes_or_refused(budget):
    try:
        count = parse_bytes(budget)
    except ConfigurationError:
        return
    assert 0 < count <= MOST
