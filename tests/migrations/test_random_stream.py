"""Groups whose seed other random numbers of a file went on from are left to the reader."""

import pytest
from comments import comments, left

RAW = "import numpy as np\nfrom ptycho.raw_data import RawData\nraw = RawData.from_file('a')\n"
NOISE = "noise = np.random.normal(size=3)\n"
SEEDED = ("PE012", 4, "generate_grouped_data")


@pytest.mark.parametrize(
    "arguments",
    [
        "64, seed=42",
        "64, sequential_sampling=True",
        "64, 4, 9, None, 42",
        "64, seed=s",
        "64, seed=0",
    ],
)
def test_later_numbers_that_change_are_said(arguments):
    text = f"{RAW}groups = raw.generate_grouped_data({arguments})\n"
    assert left(text) == []
    assert left(f"{text}{NOISE}") == [SEEDED]
    assert left(f"{text}from numpy.random import normal\nnormal()\n") == [SEEDED]
    assert left(f"{text}others = raw.generate_grouped_data(64)\n") == [SEEDED]
    (comment,) = comments(f"{text}{NOISE}")
    assert "random numbers that this file draws from it afterwards differ" in comment


@pytest.mark.parametrize(
    "arguments", ["64", "64, seed=None", "64, sequential_sampling=False", "64, 4, 9, None, None"]
)
def test_groups_that_went_on_with_the_stream_still_do(arguments):
    assert left(f"{RAW}groups = raw.generate_grouped_data({arguments})\n{NOISE}") == []


@pytest.mark.parametrize("line", ["rng = np.random.default_rng(3)", "np.random.seed(3)"])
def test_a_stream_of_its_own_is_none_that_goes_on(line):
    text = f"{RAW}groups = raw.generate_grouped_data(64, seed=1)\n{line}\n"
    assert left(f"{text}more = raw.generate_grouped_data(64, seed=2)\n") == []
