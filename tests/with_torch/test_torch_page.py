"""The page on torch says what is so."""

from pathlib import Path

import pytest
from torch_alone import torch

pytest.importorskip("sybil")

from code_blocks import run_page

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "torch.md"


def test_examples_run_from_top_to_bottom(tmp_path):
    torch.manual_seed(0)
    names, left_out = run_page(PAGE, tmp_path)
    assert names.keys() > {"torch", "loss"}
    assert left_out == []
