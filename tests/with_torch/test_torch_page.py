"""The page on torch says what is so."""

import re
from pathlib import Path

from torch_alone import torch

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "torch.md"


def test_examples_run_from_top_to_bottom():
    torch.manual_seed(0)
    names = {}
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert len(blocks) == 2
    for number, block in enumerate(blocks):
        exec(compile(block, f"torch.md, block {number}", "exec"), names)
