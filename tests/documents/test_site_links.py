"""Links that are right in the repository are right in the site."""

import sys
from pathlib import Path

import pytest

pytest.importorskip("sphinx")

ROOT = Path(__file__).parents[2]


@pytest.fixture
def relinked(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "docs" / "machinery"))
    from repository_links import relinked

    yield lambda text, page, address="": relinked(text, Path(page), ROOT, address)
    for name in ("repository_links", "borrowed_pages"):
        sys.modules.pop(name, None)


@pytest.mark.parametrize(
    ("page", "before", "after"),
    [
        ("project/migrations/README.md", "[a](timeline.md)", "[a](timeline.md)"),
        (
            "project/migrations/0003-translation.md",
            "[a](../docs/how-to/warp.md#x)",
            "[a](../../how-to/warp.md#x)",
        ),
        (
            "how-to/grouping.md",
            "[a](../../migrations/0006-parameters.md)",
            "[a](../project/migrations/0006-parameters.md)",
        ),
        ("how-to/grouping.md", "[`a` [b]](../../examples/text_format)", "`a` [b]"),
        ("how-to/grouping.md", "[a](https://x.org/y.md)", "[a](https://x.org/y.md)"),
        ("how-to/grouping.md", "```\n[a](../../LICENSE)\n```", "```\n[a](../../LICENSE)\n```"),
        ("how-to/grouping.md", "[a](nowhere.md)", "[a](nowhere.md)"),
        ("how-to/grouping.md", "![a](../patches.png)", "![a](../patches.png)"),
    ],
)
def test_links_lead_where_they_led(relinked, page, before, after):
    assert relinked(before, page) == after


def test_files_outside_the_site_are_in_the_repository_on_the_web(relinked):
    link = relinked("[a](../../examples/text_format)", "how-to/x.md", "https://x.org/r")
    assert link == "[a](https://x.org/r/blob/main/examples/text_format)"
